"""A tool offered to the model."""

from tokstream.types.shared_params.function_definition import FunctionDefinition

from .chat_completion_function_tool_param import ChatCompletionFunctionToolParam as ChatCompletionToolParam

__all__ = ["ChatCompletionToolParam", "FunctionDefinition"]

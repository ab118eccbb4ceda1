"""A tool offered to the model."""

from typing import TypeAlias

from tokstream.types.shared_params.function_definition import FunctionDefinition

from .chat_completion_function_tool_param import ChatCompletionFunctionToolParam

__all__ = ["ChatCompletionToolParam", "FunctionDefinition"]

ChatCompletionToolParam: TypeAlias = ChatCompletionFunctionToolParam

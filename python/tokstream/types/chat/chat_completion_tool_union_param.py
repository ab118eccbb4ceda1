"""Any kind of tool offered to the model."""

from .chat_completion_function_tool_param import ChatCompletionFunctionToolParam as ChatCompletionToolUnionParam

__all__ = ["ChatCompletionToolUnionParam"]

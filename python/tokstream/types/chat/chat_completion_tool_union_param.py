"""Any kind of tool offered to the model."""

from typing import TypeAlias

from .chat_completion_function_tool_param import ChatCompletionFunctionToolParam

__all__ = ["ChatCompletionToolUnionParam"]

ChatCompletionToolUnionParam: TypeAlias = ChatCompletionFunctionToolParam

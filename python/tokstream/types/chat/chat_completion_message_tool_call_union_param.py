"""Any kind of tool call, sent back to the model."""

from typing import TypeAlias

from .chat_completion_message_function_tool_call_param import (
    ChatCompletionMessageFunctionToolCallParam,
)

__all__ = ["ChatCompletionMessageToolCallUnionParam"]

ChatCompletionMessageToolCallUnionParam: TypeAlias = ChatCompletionMessageFunctionToolCallParam

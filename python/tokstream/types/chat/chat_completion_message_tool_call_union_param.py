"""Any kind of tool call, sent back to the model."""

from .chat_completion_message_function_tool_call_param import (
    ChatCompletionMessageFunctionToolCallParam as ChatCompletionMessageToolCallUnionParam,
)

__all__ = ["ChatCompletionMessageToolCallUnionParam"]

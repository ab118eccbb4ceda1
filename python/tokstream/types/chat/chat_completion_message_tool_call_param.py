"""A tool call that the model asked for, sent back to it."""

from .chat_completion_message_function_tool_call_param import (
    ChatCompletionMessageFunctionToolCallParam as ChatCompletionMessageToolCallParam,
    Function,
)

__all__ = ["ChatCompletionMessageToolCallParam", "Function"]

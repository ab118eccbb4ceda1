"""A function call in a chat reply."""

from .chat_completion_message_tool_call import ChatCompletionMessageFunctionToolCall, Function

__all__ = ["ChatCompletionMessageFunctionToolCall", "Function"]

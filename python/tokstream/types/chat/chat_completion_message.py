"""The message in a chat reply."""

from tokstream._tokstream import ChatCompletionMessage, FunctionCall

__all__ = ["ChatCompletionMessage", "FunctionCall"]

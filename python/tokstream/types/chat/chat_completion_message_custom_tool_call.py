"""A call of a tool that takes any text."""

from tokstream._tokstream import ChatCompletionMessageToolCall as ChatCompletionMessageCustomToolCall, Custom

__all__ = ["ChatCompletionMessageCustomToolCall", "Custom"]

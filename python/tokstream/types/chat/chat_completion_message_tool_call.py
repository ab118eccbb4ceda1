"""A tool call in a chat reply."""

from typing import TypeAlias

from tokstream._tokstream import ChatCompletionMessageToolCall, Function

__all__ = [
    "ChatCompletionMessageFunctionToolCall",
    "ChatCompletionMessageToolCall",
    "ChatCompletionMessageToolCallUnion",
    "Function",
]

ChatCompletionMessageFunctionToolCall: TypeAlias = ChatCompletionMessageToolCall
"""The same class: every tool call here is a function call."""

ChatCompletionMessageToolCallUnion: TypeAlias = ChatCompletionMessageToolCall
"""The same class: every tool call here is a function call."""

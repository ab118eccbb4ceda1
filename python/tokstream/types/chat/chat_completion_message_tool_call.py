"""A tool call in a chat reply. Every one is a function call, so that the class has three names."""

from tokstream._tokstream import (
    ChatCompletionMessageToolCall,
    ChatCompletionMessageToolCall as ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageToolCall as ChatCompletionMessageToolCallUnion,
    Function,
)

__all__ = [
    "ChatCompletionMessageFunctionToolCall",
    "ChatCompletionMessageToolCall",
    "ChatCompletionMessageToolCallUnion",
    "Function",
]

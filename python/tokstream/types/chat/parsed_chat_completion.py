"""A chat reply with the values that were read out of its contents."""

from tokstream._parsing.parsed import ParsedChatCompletion, ParsedChatCompletionMessage, ParsedChoice

__all__ = ["ParsedChatCompletion", "ParsedChatCompletionMessage", "ParsedChoice"]

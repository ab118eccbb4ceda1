"""A tool call in a chat reply with the value of its arguments."""

from tokstream._parsing.parsed import ParsedFunction, ParsedFunctionToolCall

__all__ = ["ParsedFunction", "ParsedFunctionToolCall"]

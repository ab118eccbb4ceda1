"""Replies with what was read out of them: a value for the content, and one for the arguments of each tool call."""

from typing import Any, Generic, TypeVar

from tokstream._tokstream import (
    BaseModel,
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    Function,
)

_T = TypeVar("_T")

__all__ = [
    "ParsedChatCompletion",
    "ParsedChatCompletionMessage",
    "ParsedChoice",
    "ParsedFunction",
    "ParsedFunctionToolCall",
]

class ParsedChatCompletion(ChatCompletion, Generic[_T]):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """A whole chat reply whose answers were read: what `parse` returns.

    It has all that a `ChatCompletion` has, and is one for `isinstance`. `model_dump` gives the values too; `to_dict`,
    and what goes back to the server with a message, are what the server sent.
    """

    choices: list[ParsedChoice[_T]]  # type: ignore[assignment]
    """The answers: one, or `n` of them."""

    @property
    def parsed(self) -> _T:
        """The value of the first answer. Where there is none this is an error.

        Raises:
            RefusalError: the model refused to answer.
            OutputValidationError: there is no value, for example because the model asks for calls of tools.
        """

class ParsedChoice(Choice, Generic[_T]):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """One answer of a chat reply."""

    message: ParsedChatCompletionMessage[_T]  # pyright: ignore[reportIncompatibleVariableOverride]
    """What the model wrote."""

class ParsedChatCompletionMessage(ChatCompletionMessage, Generic[_T]):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """The message of an answer, with the value that was read out of it."""

    parsed: _T | None
    """The value; None if the model refused, or asks for calls of tools instead."""

    tool_calls: list[ParsedFunctionToolCall] | None  # type: ignore[assignment]
    """The calls that the model asks for."""

class ParsedFunctionToolCall(ChatCompletionMessageToolCall):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """A call that the model asks for, with its arguments read."""

    function: ParsedFunction  # pyright: ignore[reportIncompatibleVariableOverride]
    """What to call, and with what."""

class ParsedFunction(Function):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """The function of a tool call, and its arguments."""

    parsed_arguments: Any
    """The arguments: an object of the tool's class, plain data of a strict tool without one, None of others."""

def make(cls: type[BaseModel], of: BaseModel, more: dict[str, Any]) -> Any:
    """Return an object of the server's with more: the attributes that differ from its own, or that it has not."""

def plain(value: Any, mode: str = "python") -> Any:
    """Return a value that was parsed as plain data."""

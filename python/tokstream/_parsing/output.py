"""All that is to be read out of a reply: the value of its content, and those of the arguments of its calls."""

from __future__ import annotations

from json import dumps

from tokstream._marks import NOT_GIVEN
from tokstream._schema import Invalid, Reason
from tokstream._schema.nodes import path_of
from tokstream._typing import TYPE_CHECKING, is_list

from .errors import OutputValidationError
from .finish import check_finish
from .format import Format, is_given
from .json_reader import PartialJSON
from .parsed import (
    ParsedChatCompletion,
    ParsedChatCompletionMessage,
    ParsedChoice,
    ParsedFunction,
    ParsedFunctionToolCall,
    make,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from tokstream._tokstream import ChatCompletion
    from tokstream._tools.definition import Tool


class Output:
    """All that is to be read out of a reply.

    Args:
        response_format: the argument of the call.
        tools: the argument of the call.

    Attributes:
        format (Format): what the content is to be.
        tools (object): what is sent as `tools`.
        is_strict (bool): something is to be parsed, so that an answer that was cut or withheld is an error.
    """

    __slots__ = ("_offered", "_readers", "format", "is_strict", "tools")

    def __init__(self, response_format: Any = NOT_GIVEN, tools: Any = NOT_GIVEN) -> None:
        self.format = Format(response_format)
        self.tools = tools
        self._readers: dict[str, Callable[[str], Any]] = {}
        self._offered: list[Tool] = []
        if is_given(tools) and not isinstance(tools, (str, bytes)):
            from tokstream._tools.definition import tools_of

            from .arguments import reader_of

            self._offered = tools_of(tools)
            self.tools = [tool.definition for tool in self._offered]
            for tool in self.tools:
                reader_of(tool, self._readers)
        self.is_strict = self.format.is_rich or bool(self._readers)

    @property
    def reads(self) -> bool:
        """Whether anything is to be read."""
        return self.format.is_parsed or bool(self._readers)

    def params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of a call with what is sent for a type or a tool."""
        if self.tools is not NOT_GIVEN:
            params = {**params, "tools": self.tools}
        if self._offered and callable(params.get("tool_choice")):
            from tokstream._tools.definition import choice_of

            params["tool_choice"] = choice_of(params["tool_choice"], self._offered)
        if self.format.param is not NOT_GIVEN:
            params = {**params, "response_format": self.format.param}
        return params

    # --- Reading ---

    def content(self, text: str, completion: Callable[[], ChatCompletion | None], *, lenient: bool = False) -> Any:
        """Return the value of a content.

        Args:
            text: the content.
            completion: gives the reply for an error.
            lenient: return `None` where there is no value.

        Raises:
            OutputValidationError: it has no value.
        """
        try:
            return self.format.read(text)
        except Invalid as error:
            if lenient:
                return None
            raise OutputValidationError(text=text, reasons=error.reasons, completion=completion()) from error

    def has_reader(self, name: str) -> bool:
        """Return whether the arguments of this tool are read."""
        return name in self._readers

    def partial_arguments(self, parts: Sequence[str]) -> PartialJSON:
        """Return how what has arrived of the arguments of a call is read."""
        return PartialJSON(parts)

    def arguments(self, name: object, text: str, index: int, completion: Callable[[], ChatCompletion | None]) -> Any:
        """Return the value of a tool call's arguments; `None` for a tool whose arguments are not read.

        Raises:
            OutputValidationError: they have none.
        """
        reader = self._readers.get(name) if isinstance(name, str) else None
        if reader is None:
            return None
        try:
            return reader(text)
        except Invalid as error:
            where = ("tool_calls", index, "function", "arguments")
            reasons = [Reason(path_of((*where, reason.path)), reason.complaint) for reason in error.reasons]
            raise OutputValidationError(text=text, reasons=reasons, completion=completion()) from error

    # --- Whole replies ---

    def complete(self, completion: ChatCompletion, *, lenient: bool = False) -> Any:
        """Return a whole reply with what was read out of it.

        Args:
            completion: the reply.
            lenient: pass over answers that were cut or withheld, and those that have no value.

        Raises:
            LengthFinishReasonError: an answer was cut at the limit of tokens.
            ContentFilterFinishReasonError: an answer was withheld.
            OutputValidationError: an answer, or the arguments of a tool call, do not fit.
        """
        choices: Any = completion.choices
        if not is_list(choices):
            return make(ParsedChatCompletion, completion, {})
        if not lenient:
            for choice in choices:
                check_finish(getattr(choice, "finish_reason", None), lambda: completion)
        parsed = [self._choice(choice, completion, lenient) for choice in choices]
        return make(ParsedChatCompletion, completion, {"choices": parsed})

    def so_far(
        self, completion: ChatCompletion, parsed: Callable[[int], Any], arguments: Callable[[int, int], Any]
    ) -> Any:
        """Return a reply that has not ended with what was read of it.

        Args:
            completion: the reply so far.
            parsed: gives the value so far of the choice with this index.
            arguments: gives the value so far of the arguments of a call, by the indexes of the choice and of the call.
        """
        choices: list[Any] = []
        for choice in completion.choices:
            more: dict[str, Any] = {"parsed": parsed(choice.index), "_is_parsed": False}
            calls: Any = choice.message.tool_calls
            if is_list(calls) and calls:
                more["tool_calls"] = [
                    with_arguments(call, arguments(choice.index, getattr(call, "index", position)))
                    for position, call in enumerate(calls)
                ]
            message = make(ParsedChatCompletionMessage, choice.message, more)
            choices.append(make(ParsedChoice, choice, {"message": message}))
        return make(ParsedChatCompletion, completion, {"choices": choices})

    def _choice(self, choice: Any, completion: ChatCompletion, lenient: bool) -> Any:
        message: Any = getattr(choice, "message", None)
        if not hasattr(message, "model_dump"):
            return choice
        calls: Any = message.tool_calls
        more: dict[str, Any] = {"parsed": None, "_is_parsed": False}
        if is_list(calls) and calls:
            more["tool_calls"] = [self._call(call, index, completion) for index, call in enumerate(calls)]
        content: Any = message.content
        text = content if isinstance(content, str) else ""
        # Before a call of a tool a model may say something, and a refusal takes the place of an answer.
        free = lenient or "tool_calls" in more or bool(message.refusal)
        if self.format.is_parsed and not message.refusal and (text or not free):
            more["parsed"] = self.content(text, lambda: completion, lenient=free)
            more["_is_parsed"] = True
        return make(ParsedChoice, choice, {"message": make(ParsedChatCompletionMessage, message, more)})

    def _call(self, call: Any, index: int, completion: ChatCompletion) -> Any:
        function: Any = getattr(call, "function", None)
        if not hasattr(function, "model_dump"):
            return call
        return with_arguments(call, self.arguments(function.name, arguments_of(call), index, lambda: completion))


def arguments_of(call: Any) -> str:
    """Return the arguments of a call as text: some servers send the object itself."""
    arguments: Any = getattr(getattr(call, "function", None), "arguments", None)
    return arguments if isinstance(arguments, str) else dumps(arguments) if arguments else ""


def with_arguments(call: Any, value: Any) -> Any:
    """Return a call of a function with the value of its arguments, and any other call as it is."""
    function: Any = getattr(call, "function", None)
    if not hasattr(function, "model_dump"):
        return call
    return make(ParsedFunctionToolCall, call, {"function": make(ParsedFunction, function, {"parsed_arguments": value})})

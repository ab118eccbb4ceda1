"""What a call asks the model to write, and how that is read: the `response_format`, and the arguments of tools."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from json import dumps

from tokstream._marks import NOT_GIVEN, NotGiven, Omit
from tokstream._schema import Invalid, Reason, json_schema, load_json, strict, validate_json
from tokstream._schema.check import check_json
from tokstream._schema.nodes import path_of, refers
from tokstream._typing import TYPE_CHECKING, is_dict, is_list

from .errors import OutputValidationError
from .finish import check_finish
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

# Servers take nothing but an object at the root of a strict schema: what is none stands in one, under this name.
KEY = "answer"

# Types that JSON Schema has and `response_format` has not.
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_SCHEMA_KEYS = frozenset(
    {"$ref", "$defs", "$schema", "anyOf", "oneOf", "allOf", "enum", "const", "properties", "items"}
)

# Characters of a name that servers take.
_LONGEST_NAME = 64


def is_given(value: Any) -> bool:
    """Return whether an argument was given and asks for something."""
    return value is not None and not isinstance(value, (NotGiven, Omit))


def is_json_schema(value: dict[Any, Any]) -> bool:
    """Return whether a dict is a JSON Schema, and not a `response_format` as the server takes it."""
    kind = value.get("type")
    if kind is None:
        return not _SCHEMA_KEYS.isdisjoint(value)
    return is_list(kind) or (isinstance(kind, str) and kind in _SCHEMA_TYPES)


class Format:
    """What the content of a reply is to be.

    Args:
        given: the `response_format` of the call.

    Attributes:
        param (object): what is sent as `response_format`.
        is_rich (bool): a type or a JSON Schema was given: what does not fit it is an error.
        is_parsed (bool): the content is JSON, and read.
    """

    __slots__ = ("_is_wrapped", "_read", "is_parsed", "is_rich", "param")

    def __init__(self, given: Any) -> None:
        given = _as_dict(given)
        if isinstance(given, (str, bytes)):
            # Read as an annotation it would be run as a program, and it may be anyone's.
            raise TypeError(f"response_format must be a type, a JSON Schema or the server's own, not {given!r:.80}")
        self.param = given
        self._is_wrapped = False
        self._read: Callable[[str], Any] = load_json
        self.is_rich = is_given(given) and (not is_dict(given) or is_json_schema(given))
        self.is_parsed = self.is_rich
        if self.is_rich:
            schema = strict(given) if is_dict(given) else json_schema(given)
            self._read = partial(check_json, given) if is_dict(given) else partial(validate_json, given)
            self._is_wrapped = schema.get("type") != "object" and not refers(schema, "#")
            name = given.get("title") if is_dict(given) else name_of(given)
            inner = {"name": _plain_name(name), "schema": _wrapped(schema) if self._is_wrapped else schema}
            self.param = {"type": "json_schema", "json_schema": {**inner, "strict": True}}
        elif is_dict(given) and given.get("type") in ("json_object", "json_schema"):
            self.is_parsed = True
            sent = given.get("json_schema")
            if is_dict(sent) and is_dict(sent.get("schema")):
                self._read = partial(check_json, sent["schema"])

    def read(self, text: str) -> Any:
        """Return the value of a content.

        Raises:
            Invalid: it has none.
        """
        # Some servers end a text with the model's own mark of the end.
        text = text.removesuffix("</s>")
        return self._unwrap_and_read(text) if self._is_wrapped else self._read(text)

    def growing(self, parts: Sequence[str]) -> PartialJSON:
        """Return how what has arrived of a content is read."""
        return PartialJSON(parts, _without_key if self._is_wrapped else None)

    def _unwrap_and_read(self, text: str) -> Any:
        # A server that does not keep to the schema may leave the object out.
        value = load_json(text)
        if not is_dict(value) or list(value) != [KEY]:
            return self._read(text)
        try:
            return self._read(dumps(value[KEY]))
        except Invalid:
            with suppress(Invalid):
                return self._read(text)
            raise


def _as_dict(value: Any) -> Any:
    """Return a mapping of whatever kind as a dict, and all else as it is."""
    return dict(value) if issubclass(type(value), Mapping) else value


def _wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    outer = {key: value for key, value in schema.items() if key in {"$defs", "definitions"}}
    inner = {key: value for key, value in schema.items() if key not in outer}
    return {
        "type": "object",
        "properties": {KEY: inner},
        "required": [KEY],
        "additionalProperties": False,
        **outer,
    }


def _without_key(value: Any) -> Any:
    if is_dict(value) and (not value or list(value) == [KEY]):
        return value.get(KEY)
    return value


def name_of(type_: Any) -> str:
    """Return how a type is called in a request."""
    if hasattr(type_, "__metadata__"):  # Annotated
        return name_of(type_.__origin__)
    name = getattr(type_, "__name__", None)
    args = getattr(type_, "__args__", None)
    if name is None or args:
        origin = getattr(type_, "__origin__", None)
        name = getattr(origin, "__name__", None) or getattr(origin, "_name", None) or type(type_).__name__
        inner = [name_of(arg) if isinstance(arg, type) or hasattr(arg, "__args__") else str(arg) for arg in args or ()]
        name = "_".join([name, *inner])
    return str(name)


def _plain_name(name: object) -> str:
    """Return a name as servers take it: letters, digits, `_` and `-`."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in str(name or ""))
    return plain.strip("_")[:_LONGEST_NAME] or "response"


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

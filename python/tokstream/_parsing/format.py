"""What the content of a reply is to be: the `response_format` of a call, and how what comes of it is read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from json import dumps

from tokstream._marks import NotGiven, Omit
from tokstream._schema import Invalid, json_schema, load_json, strict, validate_json
from tokstream._schema.check import check_json
from tokstream._schema.nodes import refers
from tokstream._typing import TYPE_CHECKING, is_dict, is_list

from .json_reader import PartialJSON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# Servers take nothing but an object at the root of a strict schema: what is none stands in one, under this name.
_KEY = "answer"

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


def _is_json_schema(value: dict[Any, Any]) -> bool:
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
        self.is_rich = is_given(given) and (not is_dict(given) or _is_json_schema(given))
        self.is_parsed = self.is_rich
        if self.is_rich:
            schema = strict(given) if is_dict(given) else json_schema(given)
            self._read = partial(check_json, given) if is_dict(given) else partial(validate_json, given)
            self._is_wrapped = schema.get("type") != "object" and not refers(schema, "#")
            name = given.get("title") if is_dict(given) else _name_of(given)
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
        if not is_dict(value) or list(value) != [_KEY]:
            return self._read(text)
        try:
            return self._read(dumps(value[_KEY]))
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
        "properties": {_KEY: inner},
        "required": [_KEY],
        "additionalProperties": False,
        **outer,
    }


def _without_key(value: Any) -> Any:
    if is_dict(value) and (not value or list(value) == [_KEY]):
        return value.get(_KEY)
    return value


def _name_of(type_: Any) -> str:
    """Return how a type is called in a request."""
    if hasattr(type_, "__metadata__"):  # Annotated
        return _name_of(type_.__origin__)
    name = getattr(type_, "__name__", None)
    args = getattr(type_, "__args__", None)
    if name is None or args:
        origin = getattr(type_, "__origin__", None)
        name = getattr(origin, "__name__", None) or getattr(origin, "_name", None) or type(type_).__name__
        inner = [_name_of(arg) if isinstance(arg, type) or hasattr(arg, "__args__") else str(arg) for arg in args or ()]
        name = "_".join([name, *inner])
    return str(name)


def _plain_name(name: object) -> str:
    """Return a name as servers take it: letters, digits, `_` and `-`."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in str(name or ""))
    return plain.strip("_")[:_LONGEST_NAME] or "response"

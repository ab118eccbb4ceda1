"""A type as strict JSON Schema, and JSON as a value of a type.

Types of pydantic and msgspec are left to their own library, which is there where a type of it is; all others are read
here: dataclasses, `TypedDict`, `NamedTuple`, attrs classes, enums, unions and what the standard library has.

- `builder`: from a type to its node, with `hints` for annotations and `libraries` for the types of others
- `nodes`, `scalars`, `records`: the nodes: how a type is described, and how its values are read
- `strict_mode`: a JSON Schema as strict mode wants it
- `check`: plain data held against a JSON Schema
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tokstream._typing import override

from .strict_mode import strict

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Node

__all__ = [
    "Invalid",
    "Reason",
    "json_schema",
    "load_json",
    "node_of",
    "read_with",
    "strict",
    "validate",
    "validate_json",
]


class Reason(NamedTuple):
    """What is wrong with one part of a value.

    Attributes:
        path: the names and indexes that lead to the part, as `people[0].name`; empty for the whole.
        complaint: what is wrong with it, in words.
    """

    path: str
    complaint: str

    @override
    def __str__(self) -> str:
        return f"{self.path}: {self.complaint}" if self.path else self.complaint


class Invalid(ValueError):
    """A value is not one of the type.

    Attributes:
        reasons (list[Reason]): all that is wrong with it; never empty.
    """

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__("\n".join(map(str, reasons)))
        self.reasons = reasons

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reasons,)


def json_schema(type_: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type as strict mode wants it: objects are closed, and all their keys required.

    Raises:
        TypeError: the type, or one that it is made of, has no JSON Schema.
    """
    return strict(node_of(type_).root_schema())


def validate(type_: Any, value: Any) -> Any:
    """Return decoded JSON as a value of a type.

    Raises:
        Invalid: it is none.
        TypeError: the type has no JSON Schema.
    """
    return read_with(node_of(type_).validate, value)


def validate_json(type_: Any, text: str) -> Any:
    """Return the value of a type that a JSON text stands for.

    Raises:
        Invalid: the text is no JSON, or not that of such a value.
        TypeError: the type has no JSON Schema.
    """
    return read_with(node_of(type_).validate_json, text)


def read_with(read: Callable[[Any], Any], value: Any) -> Any:
    """Return what a node's method reads, be the value nested as deeply as it may.

    Raises:
        Invalid: as `read` does, or the value is nested too deeply.
    """
    try:
        return read(value)
    except RecursionError:
        raise Invalid([Reason("", "it is nested too deeply")]) from None


def load_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        Invalid: the text is no JSON.
    """
    from json import loads

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON number")

    try:
        return loads(text, parse_constant=refuse)
    except RecursionError:
        raise Invalid([Reason("", "it is nested too deeply")]) from None
    except ValueError as error:
        raise Invalid([Reason("", f"it is no JSON: {error}" if text.strip() else "it is empty")]) from None


def node_of(type_: Any) -> Node:
    """Return how a type is described and read.

    Raises:
        TypeError: the type, or one that it is made of, has no JSON Schema.
    """
    if _has_names(type_):
        # What they name is another class elsewhere.
        return _make_node(type_)
    key = key_of(type_)
    return _kept_node(type_, key) if is_hashable(key) else _make_node(type_)


def key_of(type_: Any) -> tuple[Any, ...]:
    """Return what is equal for the same types alone: unions and literals are equal whatever their order."""
    return (type_, repr(type_), *map(key_of, getattr(type_, "__args__", None) or ()))


def is_hashable(key: tuple[Any, ...]) -> bool:
    """Return whether all parts of a key can be hashed: beside a type in `Annotated` may stand what cannot."""
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _has_names(type_: Any) -> bool:
    """Return whether a part of a type is a name that is still to be looked up."""
    if isinstance(type_, str) or type(type_).__name__ == "ForwardRef":
        return True
    if getattr(type_, "__origin__", None) is Literal:
        return False
    args: tuple[Any, ...] = getattr(type_, "__args__", None) or ()
    return any(map(_has_names, args))


def _make_node(type_: Any) -> Node:
    from .builder import build

    return build(type_)


def _make_kept(type_: Any, _key: tuple[Any, ...]) -> Node:
    return _make_node(type_)


# Types that a program uses again and again.
_kept_node = lru_cache(maxsize=256)(_make_kept)

"""Plain data held against a JSON Schema: the keywords that servers know, and no others."""

from __future__ import annotations

import operator
import re
from json import dumps
from typing import TYPE_CHECKING, Any

from tokstream._typing import is_dict, is_list, is_number

from . import Invalid, Reason, load_json
from .nodes import fail, kind_of
from .strict_mode import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Path


# What floats are wrong by, as a part of the number.
_ALMOST = 1e-12


def check_json(schema: dict[str, Any], text: str) -> Any:
    """Return the value of a JSON text that fits a schema.

    Raises:
        Invalid: the text is no JSON, or does not fit.
    """
    value = load_json(text)
    why: list[Reason] = []
    try:
        _Check(schema).check(schema, value, (), why)
    except RecursionError:
        raise Invalid([Reason("", "it is nested too deeply, or the schema refers to itself")]) from None
    if why:
        raise Invalid(why)
    return value


def is_multiple(value: float, step: float) -> bool:
    """Return whether a number is a multiple of another, as far as floats can say: 0.3 is one of 0.1."""
    if isinstance(value, int) and isinstance(step, int):
        return step == 0 or value % step == 0
    try:
        count = value / step
        return abs(count - round(count)) <= _ALMOST * max(1.0, abs(count))
    except ArithmeticError:
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_as_long(value: Any, least: float) -> bool:
    return len(value) >= least


def _is_no_longer(value: Any, most: float) -> bool:
    return len(value) <= most


_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("an object", is_dict),
    "array": ("an array", is_list),
    "string": ("a string", _is_text),
    "number": ("a number", is_number),
    "integer": ("an integer", lambda value: is_number(value) and value == value // 1),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
}

# Of what, in words, and whether a value keeps to it.
LIMITS: dict[str, tuple[Callable[[Any], bool], str, Callable[[Any, Any], bool]]] = {
    "minimum": (is_number, "at least {}", operator.ge),
    "maximum": (is_number, "at most {}", operator.le),
    "exclusiveMinimum": (is_number, "more than {}", operator.gt),
    "exclusiveMaximum": (is_number, "less than {}", operator.lt),
    "multipleOf": (is_number, "a multiple of {}", is_multiple),
    "minLength": (_is_text, "a length of {} or more", _is_as_long),
    "maxLength": (_is_text, "a length of {} or less", _is_no_longer),
    "minItems": (is_list, "{} items or more", _is_as_long),
    "maxItems": (is_list, "{} items or less", _is_no_longer),
    "minProperties": (is_dict, "{} keys or more", _is_as_long),
    "maxProperties": (is_dict, "{} keys or less", _is_no_longer),
}


class _Check:
    """The check of one value.

    Args:
        root: the whole schema, in which references are looked up.
    """

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        # For a schema and a value by their ids, what is wrong with the one as the other: schemas within schemas ask
        # for it again and again.
        self._known: dict[tuple[int, int], list[Reason]] = {}

    def check(self, schema: Any, value: Any, at: Path, why: list[Reason]) -> None:
        """Note what is wrong with a value."""
        if schema is False:
            fail(at, why, "nothing is allowed here")
        if not is_dict(schema):
            return
        ref = schema.get("$ref")
        if isinstance(ref, str):
            self.check(resolve(ref, self._root), value, at, why)
        before = len(why)
        self._simple(schema, value, at, why)
        if len(why) > before:
            return
        self._combined(schema, value, at, why)
        if is_dict(value):
            self._object(schema, value, at, why)
        elif is_list(value):
            self._array(schema, value, at, why)

    def _simple(self, schema: dict[str, Any], value: Any, at: Path, why: list[Reason]) -> None:
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        known = [_TYPES[kind] for kind in kinds if kind in _TYPES] if is_list(kinds) else []
        if known and not any(is_one(value) for _, is_one in known):
            fail(at, why, f"expected {' or '.join(name for name, _ in known)}, and there is {kind_of(value)}")
            return
        allowed = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if is_list(allowed) and not any(_same(value, item) for item in allowed):
            fail(at, why, f"expected one of {', '.join(map(repr, allowed))}, and there is {kind_of(value)}")
            return
        for keyword, (applies, words, holds) in LIMITS.items():
            limit = schema.get(keyword)
            if is_number(limit) and applies(value) and not holds(value, limit):
                fail(at, why, f"expected {words.format(limit)}, and there is {kind_of(value)}")
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and isinstance(value, str) and not _matches(pattern, value):
            fail(at, why, f"expected a match of {pattern}, and there is {kind_of(value)}")

    def _fits(self, schema: Any, value: Any) -> list[Reason]:
        key = (id(schema), id(value)) if is_dict(value) or is_list(value) else (0, 0)
        if key in self._known:
            return self._known[key]
        why: list[Reason] = []
        self.check(schema, value, (), why)
        if key != (0, 0):
            self._known[key] = why
        return why

    def _combined(self, schema: dict[str, Any], value: Any, at: Path, why: list[Reason]) -> None:
        for part in schema.get("allOf") or ():
            self.check(part, value, at, why)
        for keyword in ("anyOf", "oneOf"):
            members = schema.get(keyword)
            if is_list(members) and members:
                failures = [self._fits(member, value) for member in members]
                if all(failures):
                    # Of the member that fits best its complaints say most.
                    best = max(failures, key=lambda reasons: (max(len(r.path) for r in reasons), -len(reasons)))
                    if any(reason.path for reason in best):
                        for reason in best:
                            fail((*at, reason.path), why, reason.complaint)
                    else:
                        fail(at, why, f"it fits none of the {len(members)} forms allowed here: {best[0].complaint}")

    def _object(self, schema: dict[str, Any], value: dict[str, Any], at: Path, why: list[Reason]) -> None:
        properties = schema.get("properties")
        properties = properties if is_dict(properties) else {}
        for name in schema.get("required") or ():
            if name not in value:
                fail((*at, name), why, "it is missing")
        others = schema.get("additionalProperties", True)
        patterns = schema.get("patternProperties")
        for name, item in value.items():
            if name in properties:
                self.check(properties[name], item, (*at, name), why)
            elif others is False:
                if not patterns:
                    fail((*at, name), why, "there is no such key")
            else:
                self.check(others, item, (*at, name), why)

    def _array(self, schema: dict[str, Any], value: list[Any], at: Path, why: list[Reason]) -> None:
        first = schema.get("prefixItems")
        first = first if is_list(first) else []
        for index, item in enumerate(value):
            inner = first[index] if index < len(first) else schema.get("items", True)
            self.check(inner, item, (*at, index), why)
        if schema.get("uniqueItems") is True and len({dumps(item, sort_keys=True) for item in value}) < len(value):
            fail(at, why, "expected no item twice")


def _same(value: Any, other: Any) -> bool:
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # of another dialect
        return True

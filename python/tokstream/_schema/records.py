"""Kinds of types that are made of others or of values: enums and literals, unions, and objects with named fields."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from tokstream._typing import is_dict, is_list, override

from .nodes import FAILED, Node, Reasons, Scalar, define, fail, kind_of, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Definitions, Path

_JSON_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


class Choice(Node):
    """One of these values: a `Literal`, or an enum's."""

    def __init__(self, values: list[tuple[Any, Any]], definition: tuple[object, str, str | None] | None = None) -> None:
        self._values = values
        self._definition = definition
        self.name = "one of " + ", ".join(repr(plain) for plain, _ in values)

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        plain = [value for value, _ in self._values]
        types = {_JSON_NAMES[type(value)] for value in plain}
        schema: dict[str, Any] = {"enum": plain}
        if self._definition is None and len(plain) == 1:
            schema = {"const": plain[0]}
        if len(types) == 1:
            schema["type"] = types.pop()
        if self._definition is None:
            return schema
        of, name, doc = self._definition
        return define(of, name, defs, lambda: {**({"description": doc} if doc else {}), **schema})

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        for plain, made in self._values:
            if plain == value and type(plain) is type(value):
                return made
        # As a number 1.0 is 1.
        for plain, made in self._values:
            if plain == value and not isinstance(value, (bool, str)) and not isinstance(plain, bool):
                return made
        return unexpected(self, value, at, why)


def enum_choice(cls: type[Enum], doc: str | None) -> Choice:
    """Return the kind of an enum.

    Raises:
        TypeError: a value of it is none of JSON's.
    """
    values = [(member.value, member) for member in cls]
    for plain, _ in values:
        if type(plain) not in _JSON_NAMES:
            raise TypeError(f"{cls.__name__} has no JSON Schema: its value {plain!r} is no string, number or null")
    if not values:
        raise TypeError(f"{cls.__name__} has no JSON Schema: it has no members")
    return Choice(values, (cls, cls.__name__, doc))


def literal_choice(values: tuple[Any, ...]) -> Choice:
    """Return the kind of a `Literal`.

    Raises:
        TypeError: one of the values is none of JSON's.
    """
    pairs = [(value.value if isinstance(value, Enum) else value, value) for value in values]
    for plain, value in pairs:
        if type(plain) not in _JSON_NAMES:
            raise TypeError(f"Literal[{value!r}] has no JSON Schema: it is no string, number or null")
    return Choice(pairs)


class Union(Node):
    """A value of any of these types."""

    def __init__(self, members: list[Node]) -> None:
        self._members = members
        self.name = " or ".join(member.name for member in members)

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {"anyOf": [member.schema(defs) for member in self._members]}

    @override
    def allows_null(self) -> bool:
        return any(member.allows_null() for member in self._members)

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        # Only arrays and objects are the same one only where they stand.
        key = (id(self), id(value)) if is_dict(value) or is_list(value) else None
        if key in why.known:
            read, complaints = why.known[key]
            why.extend(complaints)
            return read
        complaints = Reasons(why.known)
        read = self._read(value, at, complaints)
        why.extend(complaints)
        if key is not None:
            why.known[key] = (read, complaints)
        return read

    def _read(self, value: Any, at: Path, why: Reasons) -> Any:
        members = self._members
        if is_dict(value):
            members = sorted(members, key=lambda member: -known_keys(member, value))
        else:
            members = sorted(members, key=lambda member: not (isinstance(member, Scalar) and member.is_exact(value)))
        inside: list[Reasons] = []
        for member in members:
            complaints = Reasons(why.known)
            read = member.read(value, at, complaints)
            if read is not FAILED:
                return read
            if complaints[0].complaint != f"expected {member.name}, and there is {kind_of(value)}":
                inside.append(complaints)
        # Of one member that fits but for its parts, these are what is wrong.
        if len(inside) == 1:
            why.extend(inside[0])
            return FAILED
        return unexpected(self, value, at, why)


def known_keys(node: Node, value: dict[str, Any]) -> int:
    """Return how many keys of an object a type knows."""
    return node.known_keys(value) if isinstance(node, Record) else 0


class Field:
    """A key of an object."""

    __slots__ = ("argument", "name", "node", "null_is_absent", "required", "schema_extra")

    def __init__(
        self,
        name: str,
        node: Node,
        *,
        required: bool,
        argument: str | None = None,
        null_is_absent: bool = False,
        schema_extra: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.node = node
        self.required = required
        self.argument = argument or name
        self.null_is_absent = null_is_absent
        self.schema_extra = schema_extra or {}


class Record(Node):
    """An object with named fields: a dataclass, a `TypedDict`, a `NamedTuple` or an attrs class."""

    def __init__(self, of: object, name: str, doc: str | None, make: Callable[..., Any]) -> None:
        self.of = of
        self.name = f"an object ({name})"
        self._title = name
        self._doc = doc
        self._make = make
        self.fields: list[Field] = []
        # A NamedTuple may also come as an array.
        self.in_order = False

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return define(self.of, self._title, defs, lambda: self._definition(defs))

    def _definition(self, defs: Definitions) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for field in self.fields:
            schema = field.node.schema(defs)
            if field.null_is_absent:
                schema = {"anyOf": [schema, {"type": "null"}]}
            properties[field.name] = {**schema, **field.schema_extra}
        schema = {"description": self._doc} if self._doc else {}
        names = list(properties)
        return {
            **schema,
            "type": "object",
            "properties": properties,
            "required": names,
            "additionalProperties": False,
        }

    @override
    def allows_null(self) -> bool:
        return False

    def known_keys(self, value: dict[str, Any]) -> int:
        """Return how many keys of an object are fields of this one."""
        return sum(field.name in value for field in self.fields)

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        if self.in_order and is_list(value) and len(value) <= len(self.fields):
            value = {field.name: item for field, item in zip(self.fields, value, strict=False)}
        if not is_dict(value):
            return unexpected(self, value, at, why)
        arguments: dict[str, Any] = {}
        before = len(why)
        for field in self.fields:
            if field.name not in value or (field.null_is_absent and value[field.name] is None):
                if field.required:
                    fail((*at, field.name), why, "it is missing")
                continue
            arguments[field.argument] = field.node.read(value[field.name], (*at, field.name), why)
        if len(why) > before:
            return FAILED
        try:
            return self._make(**arguments)
        except (ValueError, TypeError, AssertionError, ArithmeticError, LookupError) as error:
            return fail(at, why, str(error) or type(error).__name__)

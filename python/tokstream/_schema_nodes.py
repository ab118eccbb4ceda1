"""Kinds of types: how each is described in JSON Schema, and how its values are read from decoded JSON."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from ._schema import Invalid, Reason, load_json
from ._typing import is_dict, is_list, override

if TYPE_CHECKING:
    from collections.abc import Callable

    Path = tuple[str | int, ...]
    # Definitions by name: the kind they are of, and their schema.
    Definitions = dict[str, tuple[object, dict[str, Any]]]

# What `read` returns where the value is not one of the type.
FAILED = object()
REFS = "#/$defs/"


class Node:
    """A type."""

    # How the type is called in complaints.
    name = "a value"

    def schema(self, defs: Definitions) -> dict[str, Any]:
        """Return the JSON Schema; what it refers to is added to `defs`."""
        raise NotImplementedError

    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        """Return decoded JSON as a value of the type; `FAILED` if it is none, and `why` then says more."""
        raise NotImplementedError

    def allows_null(self) -> bool:
        """Whether `null` is a value of the type."""
        return self.read(None, (), []) is not FAILED

    def root_schema(self) -> dict[str, Any]:
        """Return the JSON Schema with all that it refers to."""
        defs: Definitions = {}
        schema = self.schema(defs)
        inner = {name: definition for name, (_, definition) in defs.items()}
        ref = schema.get("$ref")
        if ref is not None and not any(refers(definition, ref) for definition in inner.values()):
            schema = {**inner.pop(ref[len(REFS) :]), **{key: schema[key] for key in schema if key != "$ref"}}
        return {**schema, "$defs": inner} if inner else schema

    def validate(self, value: Any) -> Any:
        """Return decoded JSON as a value of the type.

        Raises:
            Invalid: it is none.
        """
        why: list[Reason] = []
        read = self.read(value, (), why)
        if read is FAILED:
            raise Invalid(why)
        return read

    def validate_json(self, text: str) -> Any:
        """Return the value that a JSON text stands for.

        Raises:
            Invalid: it is none, or no JSON.
        """
        return self.validate(load_json(text))


def refers(schema: Any, ref: str) -> bool:
    """Return whether a schema refers to `ref` anywhere."""
    if is_dict(schema):
        return schema.get("$ref") == ref or any(refers(value, ref) for value in schema.values())
    return is_list(schema) and any(refers(item, ref) for item in schema)


def fail(at: Path, why: list[Reason], complaint: str) -> Any:
    """Note a complaint; return `FAILED`."""
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    why.append(Reason(shown.removeprefix("."), complaint))
    return FAILED


def kind_of(value: Any) -> str:
    """Return what a decoded JSON value is, in words."""
    if value is None:
        return "null"
    if is_dict(value):
        return "an object"
    if is_list(value):
        return "an array"
    if isinstance(value, str):
        return f"the string {value!r:.80}"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f"the number {value!r:.80}"


def unexpected(node: Node, value: Any, at: Path, why: list[Reason]) -> Any:
    """Note that something else stands where a value of the type was expected; return `FAILED`."""
    return fail(at, why, f"expected {node.name}, and there is {kind_of(value)}")


class Anything(Node):
    """Any JSON."""

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {}

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        return value


class Scalar(Node):
    """A type of JSON's own, or one that is made of such a value."""

    def __init__(
        self,
        name: str,
        schema: dict[str, Any],
        accepts: Callable[[Any], bool],
        make: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name = name
        self._schema = schema
        self._accepts = accepts
        self._make = make

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return dict(self._schema)

    def is_exact(self, value: Any) -> bool:
        """Whether a value is of the type as it stands."""
        wanted = {"string": str, "integer": int, "number": float, "boolean": bool}.get(self._schema.get("type", ""))
        return self._make is None and wanted is type(value)

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        if not self._accepts(value):
            return unexpected(self, value, at, why)
        if self._make is None:
            return value
        try:
            return self._make(value)
        except (ValueError, ArithmeticError, TypeError):
            return unexpected(self, value, at, why)


class Sequence(Node):
    """An array of values of one type."""

    name = "an array"

    def __init__(self, item: Node, make: Callable[[list[Any]], Any], *, unique: bool = False) -> None:
        self._item = item
        self._make = make
        self._unique = unique

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        schema = {"type": "array", "items": self._item.schema(defs)}
        return {**schema, "uniqueItems": True} if self._unique else schema

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        if not is_list(value):
            return unexpected(self, value, at, why)
        items = [self._item.read(item, (*at, index), why) for index, item in enumerate(value)]
        if any(item is FAILED for item in items):
            return FAILED
        try:
            return self._make(items)
        except TypeError as error:
            return fail(at, why, str(error))


class Tuple(Node):
    """An array of values of these types."""

    def __init__(self, items: list[Node]) -> None:
        self._items = items
        self.name = f"an array of {len(items)}"

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        count = len(self._items)
        items = [item.schema(defs) for item in self._items]
        limits = {"minItems": count, "maxItems": count}
        return {"type": "array", **({"prefixItems": items, "items": False} if items else {}), **limits}

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        if not is_list(value) or len(value) != len(self._items):
            return unexpected(self, value, at, why)
        pairs = enumerate(zip(self._items, value, strict=True))
        items = [node.read(item, (*at, index), why) for index, (node, item) in pairs]
        return FAILED if any(item is FAILED for item in items) else tuple(items)


class Mapping(Node):
    """An object of any keys, with values of one type."""

    name = "an object"

    def __init__(self, key: Node, value: Node, make: Callable[[dict[Any, Any]], Any], key_type: Any) -> None:
        self._key = key
        self._value = value
        self._make = make
        self._key_type = key_type

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        # An empty schema in this place is read as `true` by all, and by some only so.
        schema: dict[str, Any] = {"type": "object", "additionalProperties": self._value.schema(defs) or True}
        names = self._key.schema(defs)
        return {**schema, "propertyNames": names} if names.get("type") == "string" and len(names) > 1 else schema

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        if not is_dict(value):
            return unexpected(self, value, at, why)
        made: dict[Any, Any] = {}
        before = len(why)
        for name, item in value.items():
            key = self._key.read(self._plain_key(name), (*at, name), why)
            read = self._value.read(item, (*at, name), why)
            if key is not FAILED and read is not FAILED:
                made[key] = read
        return FAILED if len(why) > before else self._make(made)

    def _plain_key(self, name: str) -> Any:
        if self._key_type in (int, float):
            try:
                return self._key_type(name)
            except ValueError:
                return name
        return name


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
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        for plain, made in self._values:
            if plain == value and type(plain) is type(value):
                return made
        # As a number 1.0 is 1.
        for plain, made in self._values:
            if plain == value and not isinstance(value, (bool, str)) and not isinstance(plain, bool):
                return made
        return unexpected(self, value, at, why)


_JSON_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def define(of: object, name: str, defs: Definitions, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a reference to the definition of `of`, made now if there is none yet."""
    chosen, count = name, 1
    while chosen in defs and defs[chosen][0] != of:
        count += 1
        chosen = f"{name}_{count}"
    if chosen not in defs:
        defs[chosen] = (of, {})
        defs[chosen] = (of, make())
    return {"$ref": REFS + chosen}


class Union(Node):
    """A value of any of these types."""

    def __init__(self, members: list[Node]) -> None:
        self._members = members
        self.name = " or ".join(member.name for member in members)

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {"anyOf": [member.schema(defs) for member in self._members]}

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        members = self._members
        if is_dict(value):
            members = sorted(members, key=lambda member: -known_keys(member, value))
        else:
            members = sorted(members, key=lambda member: not (isinstance(member, Scalar) and member.is_exact(value)))
        inside: list[list[Reason]] = []
        for member in members:
            complaints: list[Reason] = []
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
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
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


class Described(Node):
    """A type with more in its schema, and with limits to its values."""

    def __init__(self, node: Node, extra: dict[str, Any], checks: list[tuple[str, Callable[[Any], bool]]]) -> None:
        self._node = node
        self._extra = extra
        self._checks = checks
        self.name = node.name

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {**self._node.schema(defs), **self._extra}

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        read = self._node.read(value, at, why)
        if read is FAILED:
            return read
        for complaint, holds in self._checks:
            if not holds(read):
                return fail(at, why, f"expected {complaint}, and there is {kind_of(value)}")
        return read


class Later(Node):
    """A type that is being built: it contains itself."""

    def __init__(self, name: str, of: object) -> None:
        self.name = name
        self.of = of
        self.node: Node | None = None
        # Whether it does contain itself.
        self.used = False
        self._title = name

    def _known(self) -> Node:
        if self.node is None:
            raise TypeError(f"the type {self.name} is nothing but itself")
        return self.node

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return define(self.of, self._title, defs, lambda: self._known().schema(defs))

    @override
    def allows_null(self) -> bool:
        return False

    @override
    def read(self, value: Any, at: Path, why: list[Reason]) -> Any:
        return self._known().read(value, at, why)


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

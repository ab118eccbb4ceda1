"""Kinds of types: how each is described in JSON Schema, and how its values are read from decoded JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokstream._typing import is_dict, is_list, override

from . import Invalid, Reason, load_json

if TYPE_CHECKING:
    from collections.abc import Callable

# The names and indexes that lead to a value.
Path = tuple[str | int, ...]
# Definitions by name: the kind they are of, and their schema.
Definitions = dict[str, tuple[object, dict[str, Any]]]

# ruff: noqa: ARG002 - all kinds have the same methods, and not all need all that these are given

# What `read` returns where the value is not one of the type.
FAILED = object()
REFS = "#/$defs/"


class Reasons(list[Reason]):
    """Complaints, and what has been found out while they were collected.

    Attributes:
        known (dict): for a union and a value by their ids, what reading the one as the other came to. Without it the
            work would double with each level of a value that unions within unions try again and again.
    """

    __slots__ = ("known",)

    def __init__(self, known: dict[tuple[int, int], Any] | None = None) -> None:
        super().__init__()
        self.known: dict[tuple[int, int], Any] = {} if known is None else known


class Node:
    """A type."""

    # How the type is called in complaints.
    name = "a value"

    def schema(self, defs: Definitions) -> dict[str, Any]:
        """Return the JSON Schema; what it refers to is added to `defs`."""
        raise NotImplementedError

    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        """Return decoded JSON as a value of the type; `FAILED` if it is none, and `why` then says more."""
        raise NotImplementedError

    def allows_null(self) -> bool:
        """Whether `null` is a value of the type."""
        return self.read(None, (), Reasons()) is not FAILED

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
        why = Reasons()
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
    why.append(Reason(path_of(at), complaint))
    return FAILED


def path_of(at: Path) -> str:
    """Return names and indexes, and paths that lead on from there, as one path: `people[0].name`."""
    path = ""
    for step in at:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += step if not path or not step or step.startswith("[") else f".{step}"
    return path


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


def unexpected(node: Node, value: Any, at: Path, why: Reasons) -> Any:
    """Note that something else stands where a value of the type was expected; return `FAILED`."""
    return fail(at, why, f"expected {node.name}, and there is {kind_of(value)}")


class Anything(Node):
    """Any JSON."""

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {}

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
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
        return (self._make is None or self._make is wanted) and wanted is type(value)

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
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
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
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
        # Without `items: false`, which not every server reads: the limits say the same.
        return {"type": "array", **({"prefixItems": items} if items else {}), "minItems": count, "maxItems": count}

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
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
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
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
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        read = self._node.read(value, at, why)
        if read is FAILED:
            return read
        for complaint, holds in self._checks:
            try:
                is_well = holds(read)
            except (TypeError, ValueError, ArithmeticError):
                is_well = False
            if not is_well:
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

    def _known(self) -> Node:
        if self.node is None:
            raise TypeError(f"the type {self.name} is nothing but itself")
        return self.node

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        return define(self.of, self.name, defs, lambda: self._known().schema(defs))

    @override
    def allows_null(self) -> bool:
        return False

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        return self._known().read(value, at, why)

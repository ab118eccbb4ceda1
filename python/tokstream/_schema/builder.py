"""From a type to how it is described and read."""

from __future__ import annotations

import collections
import collections.abc
import types
import typing
from dataclasses import MISSING, InitVar, fields as dataclass_fields
from enum import Enum
from sys import modules
from typing import TYPE_CHECKING, Any

from . import is_hashable, key_of, libraries
from .hints import bound, evaluated, generic_bindings, hints_of
from .nodes import Anything, Described, Later, Mapping, Node, Sequence, Tuple
from .records import Choice, Field, Record, Union, enum_choice, literal_choice
from .scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Bindings = dict[Any, Any]

_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
_SETS = frozenset({set, frozenset, collections.abc.Set, collections.abc.MutableSet})
_DICTS: dict[Any, Callable[[dict[Any, Any]], Any]] = {
    dict: dict,
    collections.OrderedDict: collections.OrderedDict,
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
}


def build(type_: Any) -> Node:
    """Return how a type is described and read.

    Raises:
        TypeError: the type, or one that it is made of, has no JSON Schema.
    """
    builder = Builder()
    node = builder.node(type_, None, {})
    return libraries.whole(type_, builder.seen, node) or node


def special(name: str) -> frozenset[Any]:
    """Return what `typing` and `typing_extensions` call so; the second only if a program has imported it."""
    known = [getattr(modules.get(module), name, None) for module in ("typing", "typing_extensions")]
    return frozenset(item for item in known if item is not None)


class Builder:
    """Builds the nodes of one type; a class that contains itself is built once."""

    def __init__(self) -> None:
        # The names of the libraries that types come from.
        self.seen: set[str] = set()
        self._records: dict[Any, Node] = {}

    def node(self, type_: Any, within: Any, bindings: Bindings) -> Node:
        """Return the node of an annotation.

        Args:
            type_: the annotation.
            within: the class whose annotation it is; names in texts are looked up in its module.
            bindings: what stands for the type variables.
        """
        if type_ is None or type_ is type(None):
            return SCALARS[type(None)]
        if isinstance(type_, (str, typing.ForwardRef)):
            return self.node(evaluated(type_, within), within, bindings)
        if type_ is Any or type_ is object:
            return Anything()
        known = SCALARS.get(type_) if isinstance(type_, type) else None
        if known is not None:
            return known
        origin = typing.get_origin(type_)
        if origin is not None:
            return self._generic(type_, origin, within, bindings)
        if isinstance(type_, typing.TypeVar):
            return self._variable(type_, within, bindings)
        supertype: Any = getattr(type_, "__supertype__", None)
        if supertype is not None:
            return self.node(supertype, within, bindings)
        if hasattr(type_, "__value__") and type(type_).__name__ == "TypeAliasType":
            return self._alias(type_, type_, {})
        if isinstance(type_, type):
            return self._class(type_, bindings)
        raise _no_schema(type_)

    def _generic(self, type_: Any, origin: Any, within: Any, bindings: Bindings) -> Node:
        args = typing.get_args(type_)
        if hasattr(type_, "__metadata__"):
            return self._annotated(type_, within, bindings)
        if origin in (typing.Union, types.UnionType):
            return self._union(args, within, bindings)
        if origin in special("Literal"):
            return literal_choice(args)
        if origin in special("Final"):
            return self.node(args[0], within, bindings)
        if origin is tuple or origin in _LISTS or origin in _DICTS:
            return self._container(origin, args, within, bindings)
        if type(origin).__name__ == "TypeAliasType":
            inner = {v: bound(arg, bindings) for v, arg in zip(origin.__type_params__, args, strict=False)}
            return self._alias(_key_of_generic(origin, inner.values()), origin, inner)
        if isinstance(origin, type):
            return self._class(type_, {**bindings, **generic_bindings(type_, bindings)}, origin)
        raise _no_schema(type_)

    def _container(self, origin: Any, args: tuple[Any, ...], within: Any, bindings: Bindings) -> Node:
        is_long = len(args) == 2 and args[1] is Ellipsis
        nodes = [self.node(arg, within, bindings) for arg in args if arg not in ((), Ellipsis)]
        if origin is tuple:
            return Sequence(nodes[0], tuple) if is_long else Tuple(nodes)
        if origin in _LISTS:
            return Sequence(nodes[0], _LISTS[origin], unique=origin in _SETS)
        return self._mapping(nodes[0], nodes[1], origin, args[0])

    def _mapping(self, key: Node, value: Node, origin: Any, key_type: Any) -> Node:
        schema = key.schema({})
        if key_type not in (int, float) and schema and schema.get("type") != "string" and not isinstance(key, Choice):
            raise TypeError(f"a dict with keys of {key_type!r} has no JSON Schema: keys are strings there")
        return Mapping(key, value, _DICTS[origin], key_type)

    def _variable(self, variable: Any, within: Any, bindings: Bindings) -> Node:
        if variable in bindings:
            return self.node(bindings[variable], within, {})
        default = getattr(variable, "__default__", None)
        if default is not None and type(default).__name__ != "NoDefaultType":
            return self.node(default, within, bindings)
        if variable.__constraints__:
            return self._union(variable.__constraints__, within, bindings)
        return self.node(variable.__bound__ or Any, within, bindings)

    def _union(self, members: tuple[Any, ...], within: Any, bindings: Bindings) -> Node:
        return Union([self.node(member, within, bindings) for member in members])

    def _annotated(self, type_: Any, within: Any, bindings: Bindings) -> Node:
        owner = libraries.owner_of_metadata(type_)
        if owner is not None:
            self.seen.add(owner)
            return libraries.leaf(owner, type_)
        node = self.node(type_.__origin__, within, bindings)
        extra, checks = libraries.described(type_.__metadata__, node.schema({}).get("type"))
        return Described(node, extra, checks) if extra or checks else node

    def _alias(self, key: Any, alias: Any, bindings: Bindings) -> Node:
        known = self._records.get(key)
        if known is None:
            known = self._records[key] = later = Later(alias.__name__, key)
            later.node = self.node(alias.__value__, alias, bindings)
            if not later.used:
                self._records[key] = later.node
                return later.node
        elif isinstance(known, Later):
            known.used = True
        return known

    def _class(self, type_: Any, bindings: Bindings, origin: Any = None) -> Node:
        cls = origin or type_
        for bare in (_LISTS, _DICTS):
            if cls in bare:
                some = Anything()
                if bare is _DICTS:
                    return Mapping(SCALARS[str], some, _DICTS[cls], str)
                return Sequence(some, _LISTS[cls], unique=cls in _SETS)
        if cls is tuple:
            return Sequence(Anything(), tuple)
        owner = libraries.owner_of_class(cls)
        if owner is not None:
            self.seen.add(owner)
            return libraries.leaf(owner, type_)
        if issubclass(cls, Enum):
            return enum_choice(cls, doc_of(cls))
        key = _key_of_generic(cls, map(bindings.get, getattr(cls, "__parameters__", ()))) if origin else cls
        if key not in self._records:
            self._record(key, type_, cls, bindings)
        return self._records[key]

    def _record(self, key: Any, type_: Any, cls: Any, bindings: Bindings) -> None:
        make: Callable[[Any, dict[str, Any], Bindings], typing.Iterator[Field]]
        bindings = {**bindings, **generic_bindings(cls, bindings)}
        name = cls.__name__
        if cls is not type_:
            inner = [getattr(arg, "__name__", repr(arg)) for arg in typing.get_args(type_)]
            name = "_".join([name, *("".join(c if c.isalnum() else "_" for c in one) for one in inner)])
        record = Record(key, name, doc_of(cls), cls)
        if hasattr(cls, "__dataclass_fields__"):
            make = self._dataclass
        elif getattr(cls, "__attrs_attrs__", None) is not None:
            self.seen.add("attrs")
            make = self._attrs
        elif hasattr(cls, "__required_keys__") and issubclass(cls, dict):
            record = Record(key, name, doc_of(cls), dict)
            make = self._typed_dict
        elif hasattr(cls, "_fields") and issubclass(cls, tuple):
            record.in_order = True
            make = self._named_tuple
        else:
            raise _no_schema(cls)
        self._records[key] = record
        try:
            record.fields = list(make(cls, hints_of(cls), bindings))
        except TypeError as error:
            where = f" (a field of {cls.__name__})"
            raise TypeError(f"{error}{where if '(a field of' not in str(error) else ''}") from None

    def _dataclass(self, cls: Any, hints: dict[str, Any], bindings: Bindings) -> typing.Iterator[Field]:
        kept = {field.name for field in dataclass_fields(cls) if field.init}
        for field in cls.__dataclass_fields__.values():
            hint: Any = hints.get(field.name, Any)
            if _is_init_only(hint):
                hint = hint.type
            elif field.name not in kept:
                continue
            required = field.default is MISSING and field.default_factory is MISSING
            extra = libraries.from_field_metadata(field.metadata)
            yield Field(field.name, self.node(hint, cls, bindings), required=required, schema_extra=extra)

    def _attrs(self, cls: Any, hints: dict[str, Any], bindings: Bindings) -> typing.Iterator[Field]:
        nothing = libraries.attrs_nothing()
        for attribute in cls.__attrs_attrs__:
            if attribute.init:
                node = self.node(hints.get(attribute.name, Any), cls, bindings)
                argument = attribute.alias or attribute.name.lstrip("_")
                extra = libraries.from_field_metadata(attribute.metadata)
                required = attribute.default is nothing
                yield Field(argument, node, required=required, argument=argument, schema_extra=extra)

    def _typed_dict(self, cls: Any, hints: dict[str, Any], bindings: Bindings) -> typing.Iterator[Field]:
        for name, marked in hints.items():
            hint, required = _unmarked(marked, required=name in cls.__required_keys__)
            node = self.node(hint, cls, bindings)
            # All keys are required in strict mode: one that may be left out may be null there.
            absent = not required and not node.allows_null()
            yield Field(name, node, required=required, null_is_absent=absent)

    def _named_tuple(self, cls: Any, hints: dict[str, Any], bindings: Bindings) -> typing.Iterator[Field]:
        for name in cls._fields:
            node = self.node(hints.get(name, Any), cls, bindings)
            yield Field(name, node, required=name not in cls._field_defaults)


def _is_init_only(hint: Any) -> bool:
    """Return whether an annotation is an `InitVar` of a dataclass."""
    return isinstance(hint, InitVar)


def _unmarked(hint: Any, *, required: bool) -> tuple[Any, bool]:
    """Return the type of a key without its marks, and whether they make it a required one."""
    origin = typing.get_origin(hint)
    if origin in special("ReadOnly"):
        return _unmarked(typing.get_args(hint)[0], required=required)
    if origin in special("Required") | special("NotRequired"):
        return _unmarked(typing.get_args(hint)[0], required=origin in special("Required"))
    return hint, required


def _key_of_generic(of: Any, args: Iterable[Any]) -> tuple[Any, ...]:
    key = (of, *map(key_of, args))
    return key if is_hashable(key) else (of, repr(key))


def doc_of(cls: Any) -> str | None:
    """Return the docstring that someone wrote for a class."""
    from inspect import cleandoc

    doc = cls.__dict__.get("__doc__")
    # Dataclasses, named tuples and enums without a docstring get one made.
    if not isinstance(doc, str) or doc.startswith(f"{cls.__name__}(") or doc == "An enumeration.":
        return None
    return cleandoc(doc) or None


def _no_schema(type_: Any) -> TypeError:
    name = f"the class {type_.__qualname__}" if isinstance(type_, type) else repr(type_)
    return TypeError(
        f"{name} has no JSON Schema: it takes a dataclass, TypedDict, NamedTuple, Enum, Literal, union, list, tuple, "
        "dict, a plain type, or a class of pydantic, msgspec or attrs"
    )

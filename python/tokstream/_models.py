"""The Python half of response objects: dumping, comparing and copying; `_validation` has the way in.

A response object keeps the JSON that the server sent. The functions here are its methods of the same names (dunders
without their underscores); each takes the object or its class first. What they give is what pydantic gives for a model
that allows extra fields: declared fields in declared order, a field that the server left out as `None`, then the
extra fields in the server's order.
"""

# ruff: noqa: ARG001, D417, PLR0917 - the parameters are pydantic's; those that change nothing here are named together.

from __future__ import annotations

from ._choice import choose, chosen_items
from ._typing import TYPE_CHECKING, is_dict, is_list
from ._validation import (
    ValidationError,
    encode,
    model_validate,
    model_validate_json,
    pydantic_core_schema,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Any, Literal, TypeAlias, TypeVar

    from ._choice import Choices, IncEx
    from ._tokstream import BaseModel, ModelList

    Model = TypeVar("Model", bound=BaseModel)
    # exclude_unset, exclude_defaults, exclude_none
    Flags: TypeAlias = tuple[bool, bool, bool]

__all__ = [
    "Pages",
    "ValidationError",
    "async_items",
    "construct",
    "copy",
    "dump_plain",
    "eq",
    "get_next_page",
    "iter_pages",
    "json_text",
    "model_construct",
    "model_copy",
    "model_dump",
    "model_dump_json",
    "model_fields_set",
    "model_validate",
    "model_validate_json",
    "page_items",
    "pairs",
    "pydantic_core_schema",
    "repr_",
    "rich_repr",
    "to_dict",
    "to_json",
]

_EVERYTHING = (False, False, False)


# --- Dumping ---


def model_dump(
    self: BaseModel,
    *,
    mode: str = "python",
    include: IncEx = None,
    exclude: IncEx = None,
    context: object = None,
    by_alias: bool | None = None,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    exclude_computed_fields: bool = False,
    round_trip: bool = False,
    warnings: bool | Literal["none", "warn", "error"] = True,
    fallback: Callable[[Any], Any] | None = None,
    serialize_as_any: bool = False,
    polymorphic_serialization: bool | None = None,
) -> dict[str, Any]:
    """Return the object as a dict, its nested objects as dicts too.

    Args:
        include: which fields to keep: a set of names, or a dict from names (or indexes) to `True` or to the same for
            what is nested there; `"__all__"` stands for every name or index. Default: all.
        exclude: which fields to leave out, in the same form. Default: none.
        exclude_unset: leave out declared fields that the server left out. Default `False`: they are `None`.
        exclude_defaults: leave out optional fields that are `None`. Default `False`.
        exclude_none: leave out fields that are `None`. Default `False`.

    The other parameters are accepted because pydantic has them and change nothing: all values are JSON's.

    Raises:
        TypeError: `include` or `exclude` is neither a set nor a dict.
    """
    return _dumped(self, include, exclude, (exclude_unset, exclude_defaults, exclude_none))


def model_dump_json(
    self: BaseModel,
    *,
    indent: int | None = None,
    ensure_ascii: bool = False,
    include: IncEx = None,
    exclude: IncEx = None,
    context: object = None,
    by_alias: bool | None = None,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    exclude_computed_fields: bool = False,
    round_trip: bool = False,
    warnings: bool | Literal["none", "warn", "error"] = True,
    fallback: Callable[[Any], Any] | None = None,
    serialize_as_any: bool = False,
    polymorphic_serialization: bool | None = None,
) -> str:
    r"""Return the object as JSON text.

    Args:
        indent: spaces for each level. Default `None`: one line without blanks.
        ensure_ascii: write other characters as `\u` escapes. Default `False`.
        include: as for `model_dump`, like the parameters that follow.
    """
    return _dumped_json(
        self, include, exclude, (exclude_unset, exclude_defaults, exclude_none), indent, ensure_ascii=ensure_ascii
    )


def to_dict(
    self: BaseModel,
    *,
    mode: Literal["json", "python"] = "python",
    use_api_names: bool = True,
    exclude_unset: bool = True,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    warnings: bool = True,
) -> dict[str, Any]:
    """Return the object as a dict of what the server sent: `model_dump` without the fields that it left out."""
    return self._dump(exclude_unset, exclude_defaults, exclude_none)


def to_json(
    self: BaseModel,
    *,
    indent: int | None = 2,
    use_api_names: bool = True,
    exclude_unset: bool = True,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    warnings: bool = True,
) -> str:
    """Return what the server sent as JSON text, indented by two spaces unless `indent` says otherwise."""
    return _dumped_json(self, None, None, (exclude_unset, exclude_defaults, exclude_none), indent)


def _dumped(self: BaseModel, include: IncEx, exclude: IncEx, flags: Flags) -> dict[str, Any]:
    if include is None and exclude is None:
        return self._dump(*flags)
    return _dump_object(type(self), self._data(), include, exclude, flags)


def _dumped_json(
    self: BaseModel, include: IncEx, exclude: IncEx, flags: Flags, indent: int | None, *, ensure_ascii: bool = False
) -> str:
    if include is None and exclude is None and not ensure_ascii and (indent is None or indent >= 0):
        text = self._dump_json(*flags, indent)
        if text is not None:
            return text
    return json_text(_dumped(self, include, exclude, flags), indent, ensure_ascii)


def _fields(
    cls: type[BaseModel], data: dict[str, Any], flags: Flags
) -> Iterator[tuple[str, str, type[BaseModel] | None, Any]]:
    """Give name, kind, nested class and value of each field that `flags` leave in; `data` is used up."""
    exclude_unset, exclude_defaults, exclude_none = flags
    for name, kind, nested, required in cls._schema():
        if exclude_unset and name not in data:
            continue
        value = data.pop(name, None)
        if value is None and (exclude_none or (exclude_defaults and not required)):
            continue
        yield name, kind, nested, value
    for name, value in data.items():
        if value is not None or not exclude_none:
            yield name, "any", None, value


def _dump_object(
    cls: type[BaseModel], data: dict[str, Any], include: IncEx, exclude: IncEx, flags: Flags
) -> dict[str, Any]:
    everything = include is None and exclude is None
    inner: Choices | None = (None, None)
    dumped: dict[str, Any] = {}
    for name, kind, nested, value in _fields(cls, data, flags):
        if not everything:
            inner = choose(name, include, exclude)
        if inner is not None:
            dumped[name] = _dump_value(kind, nested, value, *inner, flags)
    return dumped


def _dump_value(
    kind: str, nested: type[BaseModel] | None, value: Any, include: IncEx, exclude: IncEx, flags: Flags
) -> Any:
    if nested is not None:
        if kind == "object" and is_dict(value):
            return _dump_object(nested, value, include, exclude, flags)
        if kind == "list" and is_list(value):
            chosen = chosen_items(value, include, exclude)
            return [_dump_value("object", nested, item, inc, exc, flags) for item, inc, exc in chosen]
    return dump_plain(value, include, exclude)


def dump_plain(value: Any, include: IncEx, exclude: IncEx) -> Any:
    """Return the parts of a plain value that `include` and `exclude` leave in."""
    if include is None and exclude is None:
        return value
    if is_dict(value):
        dumped: dict[str, Any] = {}
        for key, item in value.items():
            inner = choose(key, include, exclude)
            if inner is not None:
                dumped[key] = dump_plain(item, *inner)
        return dumped
    if is_list(value):
        return [dump_plain(item, inc, exc) for item, inc, exc in chosen_items(value, include, exclude)]
    return value


# --- JSON text ---


def json_text(value: object, indent: int | None, ensure_ascii: bool = False) -> str:
    """Write a plain value as pydantic would."""
    from json import dumps

    separators = (",", ":") if indent is None else (",", ": ")
    text = dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators)
    if "e-0" not in text:
        return text
    from re import sub

    # Strings are matched to be passed over. pydantic writes 1e-05 as 0.00001 and 1e-06 as 1e-6.
    return sub(r'"(?:[^"\\]|\\.)*"|(-?)(\d)(?:\.(\d+))?e-0(\d)', _small_float, text)


def _small_float(match: Any) -> str:
    sign, first, rest, exponent = match.groups()
    if first is None:
        return str(match[0])
    if exponent == "5":
        return f"{sign}0.0000{first}{rest or ''}"
    return f"{sign}{first}{'.' + rest if rest else ''}e-{exponent}"


# --- Showing and comparing ---


def repr_(self: BaseModel) -> str:
    """Return the object as it would be written, `ChatCompletion(id='…', choices=[Choice(…)], …)`."""
    return _repr_object(type(self), self._data())


def _repr_object(cls: type[BaseModel], data: dict[str, Any]) -> str:
    fields = _fields(cls, data, _EVERYTHING)
    shown = [f"{name}={_repr_value(kind, nested, value)}" for name, kind, nested, value in fields]
    return f"{cls.__name__}({', '.join(shown)})"


def _repr_value(kind: str, nested: type[BaseModel] | None, value: Any) -> str:
    if nested is not None:
        if kind == "object" and is_dict(value):
            return _repr_object(nested, value)
        if kind == "list" and is_list(value):
            return f"[{', '.join([_repr_value('object', nested, item) for item in value])}]"
    return repr(value)


def rich_repr(self: BaseModel) -> list[tuple[str, Any]]:
    """Return names and values for the `rich` library."""
    cls = type(self)
    declared = {name for name, *_ in cls._schema()}
    # A server may call a field as Python calls something that every object has.
    extra = self.model_extra
    return [
        (name, getattr(self, name) if name in declared else extra.get(name, value))
        for name, _, _, value in _fields(cls, self._data(), _EVERYTHING)
    ]


def pairs(self: BaseModel) -> Iterator[tuple[str, Any]]:
    """Iterate over names and values, so that `dict(message)` is what it says."""
    return iter(rich_repr(self))


def page_items(page: ModelList) -> list[Any]:
    """Return what a page of openai-python iterates over: its data, or nothing where there is none.

    Raises:
        APIResponseValidationError: the data is something else than a list.
    """
    data: Any = getattr(page, "data", None)
    if not data:
        return []
    if not is_list(data):
        from ._exceptions import APIResponseValidationError

        raise APIResponseValidationError(
            body=page.to_dict(), message="The reply has something else than a list as its `data`"
        )
    return data


def get_next_page(self: ModelList) -> None:
    """Raise what openai-python's last page raises.

    Raises:
        RuntimeError: there is no further page.
    """
    raise RuntimeError("No next page expected; please check `.has_next_page()` before calling `.get_next_page()`.")


def iter_pages(self: ModelList) -> Pages:
    """Iterate over the pages, of which this is the only one, with `for` or with `async for`."""
    return Pages(self)


class Pages:
    """The one page of a list of models, as both surfaces iterate it."""

    __slots__ = ("_page",)

    def __init__(self, page: ModelList) -> None:
        self._page = page

    def __iter__(self) -> Iterator[ModelList]:
        yield self._page

    async def __aiter__(self) -> AsyncIterator[ModelList]:
        yield self._page


async def async_items(items: list[Any]) -> AsyncIterator[Any]:
    """Iterate over a list in the way of async programs, which openai-python's pages are iterated in too."""
    for item in items:
        yield item


def eq(self: BaseModel, other: Any) -> bool:
    """Return whether `other` is of the same class and holds the same.

    The order of keys does not matter, nor whether an optional field is `None` or left out.
    """
    if type(self) is not type(other):
        return NotImplemented  # type: ignore[no-any-return]
    if self is other or self._json() == other._json():
        return True
    return model_dump(self) == model_dump(other)


def model_fields_set(self: BaseModel) -> set[str]:
    """Return the names of the declared fields that the server sent."""
    data = self._data()
    return {name for name, *_ in type(self)._schema() if name in data}


# --- Copying and building ---


def model_copy(self: Model, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Model:
    """Return a copy, with the fields in `update` replaced or added. They are not checked.

    Raises:
        TypeError: a value in `update` has no form in JSON.
        ValueError: a number in `update` is not finite, or a text in it is no Unicode.
    """
    if not update:
        return type(self)._from_json(self._json())
    return type(self)._from_json(encode({**self._data(), **update}))


def copy(
    self: Model,
    *,
    include: IncEx = None,
    exclude: IncEx = None,
    update: Mapping[str, Any] | None = None,
    deep: bool = False,
) -> Model:
    """Return a copy with only the fields chosen, as for `model_dump`, and those in `update` replaced or added."""
    if include is None and exclude is None:
        return model_copy(self, update=update)
    data = dump_plain(self._data(), include, exclude)
    return type(self)._from_json(encode({**data, **(update or {})}))


def construct(cls: type[Model], _fields_set: set[str] | None = None, **values: Any) -> Model:
    """Make an object of the given fields, without a check.

    Raises:
        TypeError: a value has no form in JSON.
        ValueError: a number is not finite, or a text is no Unicode.
    """
    return cls._from_json(encode(values))


model_construct = construct

"""What `include` and `exclude` leave in, as pydantic has them, and what they say of what is nested there."""

from __future__ import annotations

from ._typing import TYPE_CHECKING, is_dict, is_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    # What pydantic takes: a set, or a dict whose values are True or the same again; "__all__" stands for every key.
    IncEx: TypeAlias = Any
    # `include` and `exclude`
    Choices: TypeAlias = tuple[IncEx, IncEx]


def chosen_items(items: list[Any], include: IncEx, exclude: IncEx) -> Iterator[tuple[Any, IncEx, IncEx]]:
    """Yield the items that are left in, each with `include` and `exclude` for what is nested in it."""
    if include is None and exclude is None:
        for item in items:
            yield item, None, None
        return
    include, exclude = _from_start(include, len(items)), _from_start(exclude, len(items))
    for index, item in enumerate(items):
        inner = choose(index, include, exclude)
        if inner is not None:
            yield item, *inner


def _from_start(choice: IncEx, length: int) -> IncEx:
    """Count the negative indexes of `choice` from the start of a list."""
    if length == 0:
        return choice
    if is_dict(choice):
        return {key % length if isinstance(key, int) else key: value for key, value in choice.items()}
    if is_set(choice):
        return {key % length if isinstance(key, int) else key for key in choice}
    return choice


def choose(key: str | int, include: IncEx, exclude: IncEx) -> Choices | None:
    """Return `include` and `exclude` for what is nested at `key`, or `None` if the key is left out."""
    inner_include = inner_exclude = None
    if is_dict(exclude):
        inner_exclude = _choice_at(exclude, key)
        if _is_whole(inner_exclude):
            return None
    elif exclude is not None and _has(exclude, key, "exclude"):
        return None
    if is_dict(include):
        if key not in include and "__all__" not in include:
            return None
        inner_include = _choice_at(include, key)
        if _is_whole(inner_include):
            inner_include = None
    elif include is not None and not _has(include, key, "include"):
        return None
    return inner_include, inner_exclude


def _is_whole(choice: IncEx) -> bool:
    return choice is True or choice is ...


def _has(choice: IncEx, key: str | int, name: str) -> bool:
    try:
        return key in choice or "__all__" in choice
    except TypeError:
        raise TypeError(f"`{name}` must be a set or a dict, not {type(choice).__name__}") from None


def _choice_at(choice: dict[Any, IncEx], key: str | int) -> IncEx:
    if "__all__" not in choice:
        return choice.get(key)
    if key not in choice:
        return choice["__all__"]
    if _is_whole(choice[key]) or _is_whole(choice["__all__"]):
        return choice[key]
    return _merged(choice[key], choice["__all__"])


def _merged(choice: IncEx, other: IncEx) -> dict[Any, IncEx]:
    merged, other = _as_dict(choice), _as_dict(other)
    for key, value in other.items():
        if key not in merged:
            merged[key] = value
        elif not _is_whole(merged[key]) and not _is_whole(value):
            merged[key] = _merged(merged[key], value)
    return merged


def _as_dict(choice: IncEx) -> dict[Any, IncEx]:
    if is_dict(choice):
        return dict(choice)
    if is_set(choice):
        return dict.fromkeys(choice, ...)
    raise TypeError(f"`include` and `exclude` are made of sets and dicts, not {type(choice).__name__}")

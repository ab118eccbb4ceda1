"""What is needed of `typing` at run time, whose import would cost most of this package's own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generic

    from typing_extensions import TypeIs, TypeVar, override
else:

    class Generic:
        """A stand-in: what is generic for type checkers is a plain class at run time."""

        __slots__ = ()

        def __class_getitem__(cls, item: object) -> object:
            return cls

    def TypeVar(name: str, **_: object) -> str:  # noqa: N802 - it stands in for a class
        """Return what stands for a type variable."""
        return name

    def override(method: object) -> object:
        """Mark a method that overrides one of a base class, for type checkers."""
        return method


__all__ = [
    "TYPE_CHECKING",
    "Generic",
    "TypeVar",
    "is_awaitable",
    "is_dict",
    "is_list",
    "is_number",
    "is_set",
    "override",
]


def is_awaitable(value: object) -> bool:
    """Return whether `value` can be awaited."""
    # As for `await` its class decides: an object may answer to any name.
    return hasattr(type(value), "__await__")


def is_dict(value: object) -> TypeIs[dict[Any, Any]]:
    """Return whether `value` is a dict, of whatever type checkers are told."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeIs[list[Any]]:
    """Return whether `value` is a list, of whatever type checkers are told."""
    return isinstance(value, list)


def is_set(value: object) -> TypeIs[set[Any] | frozenset[Any]]:
    """Return whether `value` is a set, of whatever type checkers are told."""
    return isinstance(value, (set, frozenset))


def is_number(value: object) -> TypeIs[int | float]:
    """Return whether `value` is a number as JSON has them: a bool is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)

"""What is needed of `typing` at run time, whose import would cost most of this package's own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import TypeIs, override
else:

    def override(method: object) -> object:
        """Mark a method that overrides one of a base class, for type checkers."""
        return method


__all__ = ["is_dict", "is_list", "is_set", "override"]


def is_dict(value: object) -> TypeIs[dict[Any, Any]]:
    """Return whether `value` is a dict, of whatever type checkers are told."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeIs[list[Any]]:
    """Return whether `value` is a list, of whatever type checkers are told."""
    return isinstance(value, list)


def is_set(value: object) -> TypeIs[set[Any] | frozenset[Any]]:
    """Return whether `value` is a set, of whatever type checkers are told."""
    return isinstance(value, (set, frozenset))

"""Usages of several requests, added up."""

from __future__ import annotations

from ._tokstream import CompletionUsage
from ._typing import TYPE_CHECKING, is_dict, is_number

if TYPE_CHECKING:
    from typing import Any


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the sum of two usages: numbers are added, at every depth; what only one has is kept."""
    total = dict(one)
    for key, value in other.items():
        before = total.get(key)
        if is_dict(value):
            total[key] = added(before if is_dict(before) else {}, value)
        elif is_number(value) and is_number(before):
            total[key] = before + value
        elif value is not None or before is None:
            total[key] = value
    return total


def total_of(before: dict[str, Any] | None, more: dict[str, Any] | None) -> CompletionUsage | None:
    """Return the sum of two usages, either of which may be missing; `None` where both are."""
    if before is None and more is None:
        return None
    return CompletionUsage.model_construct(**added(before or {}, more or {}))

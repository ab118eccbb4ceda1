"""Usages of several requests, added up."""

from __future__ import annotations

from math import isfinite

from ._tokstream import BaseModel, CompletionUsage
from ._typing import TYPE_CHECKING, is_dict, is_number

if TYPE_CHECKING:
    from typing import Any


def told(usage: Any) -> dict[str, Any] | None:
    """Return a usage as a dict; `None` where there is none, or what a server sent in its place is none."""
    usage = usage.to_dict() if isinstance(usage, BaseModel) else usage
    return usage if is_dict(usage) else None


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the sum of two usages: numbers are added, at every depth; what only one has is kept.

    NaN and infinity are no numbers: they count as what was not said.
    """
    total: dict[str, Any] = {}
    for key in {**one, **other}:
        first, second = _said(one.get(key)), _said(other.get(key))
        if is_dict(first) or is_dict(second):
            total[key] = added(first if is_dict(first) else {}, second if is_dict(second) else {})
        elif is_number(first) and is_number(second):
            total[key] = first + second
        else:
            total[key] = first if second is None else second
    return total


def _said(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def total_of(before: Any, more: Any) -> CompletionUsage | None:
    """Return the sum of two usages, either of which may be missing; `None` where both are."""
    one, other = told(before), told(more)
    if one is None and other is None:
        return None
    return CompletionUsage.model_construct(**added(one or {}, other or {}))

"""What a tool returned, as text for the model."""

from __future__ import annotations

from typing import Any

__all__ = ["as_text", "plain"]


def as_text(value: Any) -> str:
    """Return a text as it is, and anything else as JSON.

    Raises:
        TypeError: it cannot be said in JSON.
        ValueError: it contains itself.
    """
    if isinstance(value, str):
        # Of an enum, the value.
        return str.__str__(value)
    from json import dumps

    return dumps(value, default=plain, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return what JSON is made of for what it does not know: one layer of it.

    Raises:
        TypeError: there is nothing.
    """
    if isinstance(value, type):
        raise TypeError(f"the class {value.__qualname__} cannot be said in JSON")
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "__dataclass_fields__"):
        from dataclasses import fields

        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "__attrs_attrs__"):
        return {attribute.name: getattr(value, attribute.name) for attribute in value.__attrs_attrs__}
    if hasattr(value, "__struct_fields__"):
        from msgspec import to_builtins

        return to_builtins(value)
    return _of_the_standard_library(value)


def _of_the_standard_library(value: Any) -> Any:
    from collections.abc import Mapping, Sequence, Set as AbstractSet
    from datetime import date, time, timedelta
    from decimal import Decimal
    from enum import Enum
    from uuid import UUID

    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    kept: Any = value
    if isinstance(value, Mapping):
        return dict(kept)
    if isinstance(value, (AbstractSet, Sequence)) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(kept)
    # Numbers and arrays of numpy and its like.
    if hasattr(kept, "tolist"):
        return kept.tolist()
    raise TypeError(f"an object of type {type(kept).__name__} cannot be said in JSON")

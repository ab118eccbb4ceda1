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
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "__attrs_attrs__"):
        return {attribute.name: getattr(value, attribute.name) for attribute in value.__attrs_attrs__}
    if hasattr(value, "__struct_fields__"):
        from msgspec import to_builtins

        return to_builtins(value)
    return _of_the_standard_library(value)


def _of_the_standard_library(value: Any) -> Any:
    from collections.abc import Mapping, Sequence, Set
    from datetime import date, time, timedelta
    from decimal import Decimal
    from enum import Enum
    from os import PathLike, fspath
    from uuid import UUID

    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError("bytes cannot be said in JSON")
    if isinstance(value, (Set, Sequence)):
        return list(value)
    # Numbers and arrays of numpy and its like.
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an object of type {type(value).__name__} cannot be said in JSON")

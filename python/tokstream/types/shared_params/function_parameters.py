"""The arguments of a function, described for the model."""

from typing import TypeAlias

__all__ = ["FunctionParameters"]

FunctionParameters: TypeAlias = dict[str, object]
"""A JSON Schema object that describes a function's arguments."""

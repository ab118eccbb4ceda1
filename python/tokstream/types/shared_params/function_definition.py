"""A function the model may call."""

from tokstream.types._typing import Required, TypedDict

from .function_parameters import FunctionParameters

__all__ = ["FunctionDefinition"]


class FunctionDefinition(TypedDict, total=False):
    """A function that the model may ask to have called."""

    name: Required[str]
    """The function's name: letters, digits, `_` and `-`, at most 64 of them."""

    description: str
    """What the function does. The model decides by it when and how to call."""

    parameters: FunctionParameters
    """JSON Schema of the arguments; without it the function takes none."""

    strict: bool | None
    """Whether the arguments have to follow the schema exactly."""

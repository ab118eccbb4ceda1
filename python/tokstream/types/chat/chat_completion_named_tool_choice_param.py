"""A tool that the model has to call."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionNamedToolChoiceParam", "Function"]


class Function(TypedDict, total=False):
    """The function to call."""

    name: Required[str]
    """The function's name."""


class ChatCompletionNamedToolChoiceParam(TypedDict, total=False):
    """Makes the model call one function."""

    function: Required[Function]
    """The function to call."""

    type: Required[Literal["function"]]
    """Always `function`."""

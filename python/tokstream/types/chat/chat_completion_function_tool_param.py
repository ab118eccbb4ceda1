"""A function offered to the model."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict
from tokstream.types.shared_params.function_definition import FunctionDefinition

__all__ = ["ChatCompletionFunctionToolParam", "FunctionDefinition"]


class ChatCompletionFunctionToolParam(TypedDict, total=False):
    """A tool that is a function."""

    function: Required[FunctionDefinition]
    """The function's name, purpose and arguments."""

    type: Required[Literal["function"]]
    """Always `function`."""

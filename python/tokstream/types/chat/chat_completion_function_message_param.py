"""What a function gave back, in the form that tool messages replaced."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionFunctionMessageParam"]


class ChatCompletionFunctionMessageParam(TypedDict, total=False):
    """The result of a function, for servers that still know `function_call`."""

    content: Required[str | None]
    """The result."""

    name: Required[str]
    """The function's name."""

    role: Required[Literal["function"]]
    """Always `function`."""

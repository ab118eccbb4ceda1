"""Text in a message."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionContentPartTextParam"]


class ChatCompletionContentPartTextParam(TypedDict, total=False):
    """A piece of text."""

    text: Required[str]
    """The text."""

    type: Required[Literal["text"]]
    """Always `text`."""

"""Free text as the format of a reply."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ResponseFormatText"]


class ResponseFormatText(TypedDict, total=False):
    """Free text, which is what a model writes when nothing is asked for."""

    type: Required[Literal["text"]]
    """Always `text`."""

"""Text that a regular expression matches as the format of a reply."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ResponseFormatRegex"]


class ResponseFormatRegex(TypedDict, total=False):
    """Text that matches a regular expression from its first character to its last."""

    regex: Required[str]
    """The expression."""

    type: Required[Literal["regex"]]
    """Always `regex`."""

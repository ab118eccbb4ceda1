"""A refusal in a message of the assistant."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionContentPartRefusalParam"]


class ChatCompletionContentPartRefusalParam(TypedDict, total=False):
    """What the model said when it refused."""

    refusal: Required[str]
    """The refusal's text."""

    type: Required[Literal["refusal"]]
    """Always `refusal`."""

"""A message from the user."""

from collections.abc import Sequence
from typing import Literal

from tokstream.types._typing import Required, TypedDict

from .chat_completion_content_part_param import ChatCompletionContentPartParam

__all__ = ["ChatCompletionUserMessageParam"]


class ChatCompletionUserMessageParam(TypedDict, total=False):
    """What the user says, shows or hands over."""

    content: Required[str | Sequence[ChatCompletionContentPartParam]]
    """Text, or a list of parts: text, images, recordings, films, documents."""

    role: Required[Literal["user"]]
    """Always `user`."""

    name: str
    """Tells apart participants who share a role."""

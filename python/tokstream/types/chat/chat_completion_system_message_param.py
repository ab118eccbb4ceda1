"""A message that sets the model's part."""

from collections.abc import Sequence
from typing import Literal

from tokstream.types._typing import Required, TypedDict

from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam

__all__ = ["ChatCompletionSystemMessageParam"]


class ChatCompletionSystemMessageParam(TypedDict, total=False):
    """What the model is told before the conversation begins."""

    content: Required[str | Sequence[ChatCompletionContentPartTextParam]]
    """The instructions, as text or parts of text."""

    role: Required[Literal["system"]]
    """Always `system`."""

    name: str
    """Tells apart participants who share a role."""

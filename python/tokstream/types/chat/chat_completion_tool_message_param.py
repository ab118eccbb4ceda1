"""What a tool gave back."""

from collections.abc import Sequence
from typing import Literal

from tokstream.types._typing import Required, TypedDict

from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam

__all__ = ["ChatCompletionToolMessageParam"]


class ChatCompletionToolMessageParam(TypedDict, total=False):
    """The result of a tool that the model asked for."""

    content: Required[str | Sequence[ChatCompletionContentPartTextParam]]
    """The result, as text or parts of text."""

    role: Required[Literal["tool"]]
    """Always `tool`."""

    tool_call_id: Required[str]
    """The `id` of the call that this answers."""

"""A message that sets the model's part, under the name that OpenAI's newer models use."""

from collections.abc import Sequence
from typing import Literal

from tokstream.types._typing import Required, TypedDict

from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam

__all__ = ["ChatCompletionDeveloperMessageParam"]


class ChatCompletionDeveloperMessageParam(TypedDict, total=False):
    """Instructions for servers that call the role `developer`. DeepInfra wants `system`."""

    content: Required[str | Sequence[ChatCompletionContentPartTextParam]]
    """The instructions, as text or parts of text."""

    role: Required[Literal["developer"]]
    """Always `developer`."""

    name: str
    """Tells apart participants who share a role."""

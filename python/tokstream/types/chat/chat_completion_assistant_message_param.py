"""A message from the model, sent back to it."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from tokstream.types._typing import Required, TypedDict

from .chat_completion_content_part_refusal_param import ChatCompletionContentPartRefusalParam
from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam
from .chat_completion_message_tool_call_union_param import (
    ChatCompletionMessageToolCallUnionParam,
)

__all__ = [
    "Audio",
    "ChatCompletionAssistantMessageParam",
    "ContentArrayOfContentPart",
    "FunctionCall",
]


class Audio(TypedDict, total=False):
    """An earlier spoken reply of the model."""

    id: Required[str]
    """The reply's id."""


class FunctionCall(TypedDict, total=False):
    """A function call in the form that `tool_calls` replaced."""

    arguments: Required[str]
    """The arguments as JSON text."""

    name: Required[str]
    """The function's name."""


ContentArrayOfContentPart: TypeAlias = ChatCompletionContentPartTextParam | ChatCompletionContentPartRefusalParam
"""The parts that a message of the assistant can be made of."""


class ChatCompletionAssistantMessageParam(TypedDict, total=False):
    """What the model said before. As the last message, it is what the model goes on from."""

    role: Required[Literal["assistant"]]
    """Always `assistant`."""

    audio: Audio | None
    """The spoken reply that this message stands for."""

    content: str | Sequence[ContentArrayOfContentPart] | None
    """The text, or a list of parts. May be missing or None beside `tool_calls`."""

    function_call: FunctionCall | None
    """The older form of `tool_calls`."""

    name: str
    """Tells apart participants who share a role."""

    reasoning_content: str | None
    """What the model thought, for models that need to see it again."""

    refusal: str | None
    """What the model said when it refused."""

    tool_calls: Sequence[ChatCompletionMessageToolCallUnionParam]
    """The calls that the model asked for. A tool message answers each."""

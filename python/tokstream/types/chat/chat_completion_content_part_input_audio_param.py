"""Sound in a message."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionContentPartInputAudioParam", "InputAudio"]


class InputAudio(TypedDict, total=False):
    """A recording."""

    data: Required[str]
    """The recording's bytes in base64."""

    format: Required[Literal["wav", "mp3"]]
    """How the recording is encoded."""


class ChatCompletionContentPartInputAudioParam(TypedDict, total=False):
    """A recording, for models that hear."""

    input_audio: Required[InputAudio]
    """The recording."""

    type: Required[Literal["input_audio"]]
    """Always `input_audio`."""

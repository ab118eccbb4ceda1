"""The parts that a user's message can be made of."""

from typing import Literal, TypeAlias

from tokstream.types._typing import Required, TypedDict

from .chat_completion_content_part_image_param import ChatCompletionContentPartImageParam
from .chat_completion_content_part_input_audio_param import (
    ChatCompletionContentPartInputAudioParam,
)
from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam
from .chat_completion_content_part_video_param import ChatCompletionContentPartVideoParam

__all__ = ["ChatCompletionContentPartParam", "File", "FileFile"]


class FileFile(TypedDict, total=False):
    """A document, either uploaded before or sent along."""

    file_data: str
    """The document's bytes in base64, as a `data:` address."""

    file_id: str
    """The id of a document uploaded before."""

    filename: str
    """The document's name."""


class File(TypedDict, total=False):
    """A document, for models that read them."""

    file: Required[FileFile]
    """The document."""

    type: Required[Literal["file"]]
    """Always `file`."""


ChatCompletionContentPartParam: TypeAlias = (
    ChatCompletionContentPartTextParam
    | ChatCompletionContentPartImageParam
    | ChatCompletionContentPartInputAudioParam
    | ChatCompletionContentPartVideoParam
    | File
)
"""Text, an image, a recording, a film or a document."""

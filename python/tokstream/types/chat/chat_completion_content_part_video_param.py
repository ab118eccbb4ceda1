"""A film in a message."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionContentPartVideoParam", "VideoURL"]


class VideoURL(TypedDict, total=False):
    """Where a film is, or the film itself."""

    url: Required[str]
    """An `https` address, or the film as `data:video/mp4;base64,…`."""


class ChatCompletionContentPartVideoParam(TypedDict, total=False):
    """A film, for models that watch."""

    type: Required[Literal["video_url"]]
    """Always `video_url`."""

    video_url: Required[VideoURL]
    """The film."""

"""An image in a message."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionContentPartImageParam", "ImageURL"]


class ImageURL(TypedDict, total=False):
    """Where an image is, or the image itself."""

    url: Required[str]
    """An `https` address, or the image as `data:image/png;base64,…`."""

    detail: Literal["auto", "low", "high", "original"]
    """How closely the model looks, which decides what the image costs in tokens."""


class ChatCompletionContentPartImageParam(TypedDict, total=False):
    """An image, for models that see."""

    image_url: Required[ImageURL]
    """The image."""

    type: Required[Literal["image_url"]]
    """Always `image_url`."""

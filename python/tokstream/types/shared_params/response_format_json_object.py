"""Any JSON object as the format of a reply."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ResponseFormatJSONObject"]


class ResponseFormatJSONObject(TypedDict, total=False):
    """Some JSON object. Say in a message which one, or the model may never end."""

    type: Required[Literal["json_object"]]
    """Always `json_object`."""

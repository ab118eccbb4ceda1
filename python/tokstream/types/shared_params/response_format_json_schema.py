"""JSON after a schema as the format of a reply."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["JSONSchema", "ResponseFormatJSONSchema"]


class JSONSchema(TypedDict, total=False):
    """A named JSON Schema."""

    name: Required[str]
    """A name for the format: letters, digits, `_` and `-`, at most 64 of them."""

    description: str
    """What the format is for. The model may read it."""

    schema: dict[str, object]
    """The JSON Schema that the reply follows."""

    strict: bool | None
    """Whether the reply has to follow the schema exactly."""


class ResponseFormatJSONSchema(TypedDict, total=False):
    """JSON that follows a schema."""

    json_schema: Required[JSONSchema]
    """The schema and its name."""

    type: Required[Literal["json_schema"]]
    """Always `json_schema`."""

"""The body of a request for embeddings, as a type for code that builds one before it sends it."""

from collections.abc import Sequence
from typing import Literal

from ._typing import Required, TypedDict

__all__ = ["EmbeddingCreateParams"]


class EmbeddingCreateParams(TypedDict, total=False):
    """Everything a request for embeddings can hold.

    `Embeddings.create` says what each parameter means.
    """

    input: Required[str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]]
    model: Required[str]
    dimensions: int | None
    encoding_format: Literal["float", "base64"] | None
    user: str | None

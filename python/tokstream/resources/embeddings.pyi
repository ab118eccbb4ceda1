"""`client.embeddings`: texts as vectors."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from tokstream._marks import NotGiven, Omit
from tokstream._response import AsyncResponseContextManager, RawResponse, ResponseContextManager
from tokstream._tokstream import CreateEmbeddingResponse, Timeout

_Missing: TypeAlias = NotGiven | Omit

class Embeddings:
    """Texts as vectors."""

    def create(
        self,
        *,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        dimensions: int | _Missing | None = ...,
        encoding_format: Literal["float", "base64"] | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> CreateEmbeddingResponse:
        """Turn texts into vectors.

        Args:
            input: a text, a list of texts, the ids of a text's tokens, or a list of such lists.
            model: the id of a model that makes embeddings. Default: the client's, if it was given one.
            dimensions: how many numbers each vector has, for models that can choose.
            encoding_format: how vectors travel. Not given, they come as numbers whichever way the server sends
                them; with `base64`, each `embedding` is the string that the server sent.
            user: an id of your own for the person behind the request.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for the body, over all others.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.
            **params: anything else goes into the body as it is.

        Returns:
            `data`, one vector for each input, in the same order.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
            TypeError: no `model` was given, neither here nor to the client, whose default model chats.
        """

    @property
    def with_raw_response(self) -> _EmbeddingsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _EmbeddingsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class AsyncEmbeddings:
    """Texts as vectors."""

    async def create(
        self,
        *,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        dimensions: int | _Missing | None = ...,
        encoding_format: Literal["float", "base64"] | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> CreateEmbeddingResponse:
        """Turn texts into vectors.

        Args:
            input: a text, a list of texts, the ids of a text's tokens, or a list of such lists.
            model: the id of a model that makes embeddings. Default: the client's, if it was given one.
            dimensions: how many numbers each vector has, for models that can choose.
            encoding_format: how vectors travel. Not given, they come as numbers whichever way the server sends
                them; with `base64`, each `embedding` is the string that the server sent.
            user: an id of your own for the person behind the request.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for the body, over all others.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.
            **params: anything else goes into the body as it is.

        Returns:
            `data`, one vector for each input, in the same order.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
            TypeError: no `model` was given, neither here nor to the client, whose default model chats.
        """

    @property
    def with_raw_response(self) -> _AsyncEmbeddingsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _AsyncEmbeddingsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class _EmbeddingsWithRawResponse:
    def create(
        self,
        *,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[CreateEmbeddingResponse]: ...

class _EmbeddingsWithStreamingResponse:
    def create(
        self,
        *,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[CreateEmbeddingResponse]: ...

class _AsyncEmbeddingsWithRawResponse:
    async def create(
        self,
        *,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[CreateEmbeddingResponse]: ...

class _AsyncEmbeddingsWithStreamingResponse:
    def create(
        self,
        *,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[CreateEmbeddingResponse]: ...

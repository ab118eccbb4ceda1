"""`client.models`: the models that a server offers."""

from collections.abc import AsyncIterator, Generator, Mapping
from typing import Any

from tokstream._marks import NotGiven, Omit
from tokstream._response import AsyncResponseContextManager, RawResponse, ResponseContextManager
from tokstream._tokstream import Model, ModelList, Timeout

class Models:
    """The models that a server offers."""

    def list(
        self,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> ModelList:
        """Return all models, with context length and prices where the server gives them.

        Args:
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for a body; there is none by default.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Returns:
            A list: iterate it, or take its `data`.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """

    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Model:
        """Return one model.

        Args:
            model: the model's id, as in `meta-llama/Llama-3.3-70B-Instruct-Turbo`.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for a body; there is none by default.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Raises:
            NotFoundError: the server has no such model.
            APIError: the request failed: see `chat.completions.create`.
            ValueError: `model` is empty.
        """

    @property
    def with_raw_response(self) -> _ModelsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _ModelsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class AsyncModels:
    """The models that a server offers."""

    def list(
        self,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> AsyncModelList:
        """Return all models, with context length and prices where the server gives them.

        Args:
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for a body; there is none by default.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Returns:
            What can be awaited for the list, or iterated at once with `async for`.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """

    async def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Model:
        """Return one model.

        Args:
            model: the model's id, as in `meta-llama/Llama-3.3-70B-Instruct-Turbo`.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for a body; there is none by default.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Raises:
            NotFoundError: the server has no such model.
            APIError: the request failed: see `chat.completions.create`.
            ValueError: `model` is empty.
        """

    @property
    def with_raw_response(self) -> _AsyncModelsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _AsyncModelsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class AsyncModelList:
    """The models that a server offers: awaited it gives the list, iterated with `async for` the models."""

    def __init__(self, models: AsyncModels, options: dict[str, Any]) -> None: ...
    def __await__(self) -> Generator[Any, None, ModelList]: ...
    def __aiter__(self) -> AsyncIterator[Model]: ...

class _ModelsWithRawResponse:
    def list(
        self,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> RawResponse[ModelList]: ...
    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> RawResponse[Model]: ...

class _ModelsWithStreamingResponse:
    def list(
        self,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> ResponseContextManager[ModelList]: ...
    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> ResponseContextManager[Model]: ...

class _AsyncModelsWithRawResponse:
    async def list(
        self,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> RawResponse[ModelList]: ...
    async def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> RawResponse[Model]: ...

class _AsyncModelsWithStreamingResponse:
    def list(
        self,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> AsyncResponseContextManager[ModelList]: ...
    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> AsyncResponseContextManager[Model]: ...

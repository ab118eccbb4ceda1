"""HTTP responses, for callers who want more than the object that is in them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from tokstream._http import Headers, Request, Response
from tokstream._tokstream import AsyncStream, Core, Stream

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

class RawResponse(Generic[_T_co]):
    """A response that was read. `T` is what the method returns without `with_raw_response`."""

    def __init__(
        self: RawResponse[Any],
        response: Response,
        *,
        cast: Any,
        retries: int,
        source: Any = None,
        then: Callable[[Any], Any] | None = None,
    ) -> None: ...
    @property
    def headers(self) -> Headers:
        """The headers of the response."""

    @property
    def status_code(self) -> int:
        """The status, for example 200."""

    @property
    def request_id(self) -> str | None:
        """The `x-request-id` header, or None."""

    @property
    def retries_taken(self) -> int:
        """How many times the request was tried again."""

    @property
    def elapsed(self) -> timedelta:
        """How long the call took, or has taken so far."""

    @property
    def http_response(self) -> Response:
        """Status, headers and, where it was read, the body, in one record."""

    @property
    def http_request(self) -> Request:
        """What was asked, without its secrets."""

    @property
    def url(self) -> str:
        """The address that was asked."""

    @property
    def method(self) -> str:
        """The method of the request, for example `POST`."""

    @property
    def http_version(self) -> str:
        """`HTTP/1.1` or `HTTP/2`."""

    @property
    def is_closed(self) -> bool:
        """Whether the body was read to its end, or given up."""

    @property
    def content(self) -> bytes:
        """The body, decompressed."""

    @property
    def text(self) -> str:
        """The body as text."""

    @overload
    def parse(self, *, to: None = None) -> _T_co:
        """Return what the method returns without `with_raw_response`.

        Args:
            to: a class to make of the body instead: a response class, a class of
                pydantic's, `dict`, `list`, `str` or `bytes`; or `list[…]` and `dict[str, …]` of such.

        Raises:
            APIResponseValidationError: the body is not what was expected.
            APIError: the body is an error, whatever its status said.
        """

    @overload
    def parse(self, *, to: type[_T]) -> _T: ...
    def read(self) -> bytes:
        """Return the body: the same as `content`."""

    def json(self) -> Any:
        """Return the body decoded from JSON.

        Raises:
            APIResponseValidationError: the body is not JSON.
        """

class APIResponse(Generic[_T_co]):
    """A response whose body is read as it arrives. `T` is what the method returns without `with_streaming_response`."""

    def __init__(
        self: APIResponse[Any],
        source: Stream[bytes],
        *,
        cast: Any,
        core: Core,
        kind: str | None = None,
        then: Callable[[Any], Any] | None = None,
    ) -> None: ...
    @property
    def headers(self) -> Headers:
        """The headers of the response."""

    @property
    def status_code(self) -> int:
        """The status, for example 200."""

    @property
    def request_id(self) -> str | None:
        """The `x-request-id` header, or None."""

    @property
    def retries_taken(self) -> int:
        """How many times the request was tried again."""

    @property
    def elapsed(self) -> timedelta:
        """How long the call took, or has taken so far."""

    @property
    def http_response(self) -> Response:
        """Status, headers and, where it was read, the body, in one record."""

    @property
    def http_request(self) -> Request:
        """What was asked, without its secrets."""

    @property
    def url(self) -> str:
        """The address that was asked."""

    @property
    def method(self) -> str:
        """The method of the request, for example `POST`."""

    @property
    def http_version(self) -> str:
        """`HTTP/1.1` or `HTTP/2`."""

    @property
    def is_closed(self) -> bool:
        """Whether the body was read to its end, or given up."""

    @overload
    def parse(self, *, to: None = None) -> _T_co:
        """Read the body and return what the method returns without `with_streaming_response`; of a stream, the stream.

        Args:
            to: a class to make of the body instead: a response class, a class of
                pydantic's, `dict`, `list`, `str` or `bytes`; or `list[…]` and `dict[str, …]` of such.

        Raises:
            APIResponseValidationError: the body is not what was expected.
            APIError: the body is an error, whatever its status said.
        """

    @overload
    def parse(self, *, to: type[_T]) -> _T: ...
    def read(self) -> bytes:
        """Read the body to its end and return it, decompressed.

        Raises:
            APIResponseValidationError: it is larger than the client's `Limits` allow, as it may be from `text`, `json`
                and `parse`.
        """

    def text(self) -> str:
        """Read the body to its end and return it as text."""

    def json(self) -> Any:
        """Read the body to its end and return it decoded from JSON.

        Raises:
            APIResponseValidationError: the body is not JSON.
        """

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Iterate the body as it arrives, decompressed.

        Args:
            chunk_size: how many bytes at a time. Default: as many as arrive.
        """

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Iterate the body as text as it arrives.

        Args:
            chunk_size: how many characters at a time. Default: as many as arrive.
        """

    def iter_lines(self) -> Iterator[str]:
        """Iterate the lines of the body as they arrive, without their ends.

        Raises:
            APIResponseValidationError: a line is longer than the client's `Limits` allow for an event.
        """

    def close(self) -> None:
        """End the request."""

class AsyncAPIResponse(Generic[_T_co]):
    """A response whose body is read as it arrives. `T` is what the method returns without `with_streaming_response`."""

    def __init__(
        self: AsyncAPIResponse[Any],
        source: AsyncStream[bytes],
        *,
        cast: Any,
        core: Core,
        kind: str | None = None,
        then: Callable[[Any], Any] | None = None,
    ) -> None: ...
    @property
    def headers(self) -> Headers:
        """The headers of the response."""

    @property
    def status_code(self) -> int:
        """The status, for example 200."""

    @property
    def request_id(self) -> str | None:
        """The `x-request-id` header, or None."""

    @property
    def retries_taken(self) -> int:
        """How many times the request was tried again."""

    @property
    def elapsed(self) -> timedelta:
        """How long the call took, or has taken so far."""

    @property
    def http_response(self) -> Response:
        """Status, headers and, where it was read, the body, in one record."""

    @property
    def http_request(self) -> Request:
        """What was asked, without its secrets."""

    @property
    def url(self) -> str:
        """The address that was asked."""

    @property
    def method(self) -> str:
        """The method of the request, for example `POST`."""

    @property
    def http_version(self) -> str:
        """`HTTP/1.1` or `HTTP/2`."""

    @property
    def is_closed(self) -> bool:
        """Whether the body was read to its end, or given up."""

    @overload
    async def parse(self, *, to: None = None) -> _T_co:
        """Read the body and return what the method returns without `with_streaming_response`; of a stream, the stream.

        Args:
            to: a class to make of the body instead: a response class, a class of
                pydantic's, `dict`, `list`, `str` or `bytes`; or `list[…]` and `dict[str, …]` of such.

        Raises:
            APIResponseValidationError: the body is not what was expected.
            APIError: the body is an error, whatever its status said.
        """

    @overload
    async def parse(self, *, to: type[_T]) -> _T: ...
    async def read(self) -> bytes:
        """Read the body to its end and return it, decompressed.

        Raises:
            APIResponseValidationError: it is larger than the client's `Limits` allow, as it may be from `text`, `json`
                and `parse`.
        """

    async def text(self) -> str:
        """Read the body to its end and return it as text."""

    async def json(self) -> Any:
        """Read the body to its end and return it decoded from JSON.

        Raises:
            APIResponseValidationError: the body is not JSON.
        """

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Iterate the body as it arrives, decompressed.

        Args:
            chunk_size: how many bytes at a time. Default: as many as arrive.
        """

    def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Iterate the body as text as it arrives.

        Args:
            chunk_size: how many characters at a time. Default: as many as arrive.
        """

    def iter_lines(self) -> AsyncIterator[str]:
        """Iterate the lines of the body as they arrive, without their ends.

        Raises:
            APIResponseValidationError: a line is longer than the client's `Limits` allow for an event.
        """

    async def close(self) -> None:
        """End the request."""

class ResponseContextManager(Generic[_T_co]):
    """Sends the request when its `with` block is entered, and ends it with the block."""

    def __init__(self, open_response: Callable[[], APIResponse[_T_co]]) -> None: ...
    def __enter__(self) -> APIResponse[_T_co]: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

class AsyncResponseContextManager(Generic[_T_co]):
    """Sends the request when its `async with` block is entered, and ends it with the block."""

    def __init__(self, open_response: Callable[[], Awaitable[AsyncAPIResponse[_T_co]]]) -> None: ...
    async def __aenter__(self) -> AsyncAPIResponse[_T_co]: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

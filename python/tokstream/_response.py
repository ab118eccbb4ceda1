"""What `with_raw_response` and `with_streaming_response` give: the reply as HTTP, beside what becomes of it."""

from __future__ import annotations

from ._cast import cast_response, unexpected
from ._pieces import Lines, Pieces, Whole, decoder
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import Any

    from ._http import Headers, Request, Response
    from ._tokstream import Core


class _BaseResponse:
    """The head of a reply."""

    __slots__ = ("_cast", "_parsed", "_response", "_retries", "_source", "_then")

    def __init__(
        self,
        response: Response,
        *,
        cast: Any,
        retries: int,
        source: Any = None,
        then: Callable[[Any], Any] | None = None,
    ) -> None:
        self._response = response
        self._cast = cast
        self._retries = retries
        self._source = source
        self._then = then
        self._parsed: Any = None

    @property
    def http_response(self) -> Response:
        """The reply's status, headers and body."""
        return self._response

    @property
    def http_request(self) -> Request:
        """What was asked; the key is redacted."""
        return self._response.request  # type: ignore[return-value]

    @property
    def headers(self) -> Headers:
        """The reply's headers."""
        return self._response.headers

    @property
    def status_code(self) -> int:
        """The reply's status."""
        return self._response.status_code

    @property
    def request_id(self) -> str | None:
        """The reply's `x-request-id`."""
        return self._response.request_id

    @property
    def retries_taken(self) -> int:
        """Attempts made after the first."""
        return self._retries

    @property
    def url(self) -> str:
        """The address that was asked."""
        return self.http_request.url

    @property
    def method(self) -> str:
        """The method that was used."""
        return self.http_request.method

    @property
    def http_version(self) -> str:
        """`HTTP/1.1` or `HTTP/2`."""
        return self._response.http_version

    @property
    def elapsed(self) -> Any:
        """How long the call took, or has taken so far, as a `datetime.timedelta`."""
        return self._response.elapsed

    @property
    def is_closed(self) -> bool:
        """Whether the body has been read or given up."""
        return self._source is None or bool(self._source.is_closed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}]>"

    def _json(self) -> Any:
        from json import loads

        try:
            return loads(self._response.content)
        except (ValueError, RecursionError) as error:
            raise unexpected(self._response, f"The reply is not JSON: {error}") from error

    def _of(self, response: Response, to: Any) -> Any:
        if to is not None:
            return cast_response(response, to)
        if self._parsed is None:
            parsed = cast_response(response, self._cast)
            self._parsed = parsed if self._then is None else self._then(parsed)
        return self._parsed


class RawResponse(_BaseResponse):
    """A reply that was read whole, or a stream that was opened, beside its HTTP head."""

    __slots__ = ()

    @property
    def content(self) -> bytes:
        """The body."""
        return self._response.content

    @property
    def text(self) -> str:
        """The body as text."""
        return self._response.text

    def read(self) -> bytes:
        """Return the body."""
        return self._response.content

    def json(self) -> Any:
        """Return the body's JSON, decoded."""
        return self._json()

    def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned, or the body as an object of the class `to`."""
        if self._source is not None:
            return self._source
        return self._of(self._response, to)


class _StreamingResponse(_BaseResponse):
    """A reply whose body is read when it is asked for: what both surfaces have of it."""

    __slots__ = ("_core", "_is_read", "_kind")

    def __init__(
        self,
        source: Any,
        *,
        cast: Any,
        core: Core,
        kind: str | None = None,
        then: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(source.response, cast=cast, retries=source.timings.retries, source=source, then=then)
        self._kind = kind
        self._core = core
        self._is_read = False

    def _most(self, name: str) -> int:
        """Return a limit in bytes, of the client's `Limits`."""
        return int(getattr(self._core.limits, name))

    def _keep(self, body: bytes) -> bytes:
        """Keep the whole body; what it says of tokens counts once."""
        self._is_read = True
        self._response = self._response._with_content(body)
        self._core.count(body)
        return body


class APIResponse(_StreamingResponse):
    """A reply whose body is read when it is asked for."""

    __slots__ = ()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body's bytes as they come, or in pieces of `chunk_size`."""
        pieces = Pieces(chunk_size)
        for piece in self._source:
            yield from pieces.feed(piece)
        yield from pieces.rest()

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body's text as it comes."""
        decode = decoder()
        for piece in self.iter_bytes(chunk_size):
            if text := decode(piece, False):
                yield text
        if rest := decode(b"", True):
            yield rest

    def iter_lines(self) -> Iterator[str]:
        """Yield the body's lines, without their ends."""
        lines = Lines(self._most("event_bytes"))
        for piece in self._source:
            yield from lines.feed(piece)
            if lines.is_too_long:
                self.close()
                raise unexpected(self._response, lines.complaint)
        yield from lines.rest()

    def read(self) -> bytes:
        """Read the body to its end and return it."""
        if self._is_read:
            return self._response.content
        whole = Whole(self._most("body_bytes"))
        for piece in self._source:
            whole.feed(piece)
            if whole.is_too_long:
                self.close()
                raise unexpected(self._response, whole.complaint)
        return self._keep(whole.body())

    def text(self) -> str:
        """Read the body and return it as text."""
        self.read()
        return self._response.text

    def json(self) -> Any:
        """Read the body and return its JSON, decoded."""
        self.read()
        return self._json()

    def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned, or the body as an object of the class `to`."""
        if self._kind is not None and to is None:
            return self._source._as(self._kind)
        self.read()
        return self._of(self._response, to)

    def close(self) -> None:
        """Give up the rest of the body."""
        self._source.close()


class AsyncAPIResponse(_StreamingResponse):
    """A reply whose body is read when it is asked for."""

    __slots__ = ()

    async def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body's bytes as they come, or in pieces of `chunk_size`."""
        pieces = Pieces(chunk_size)
        async for piece in self._source:
            for whole in pieces.feed(piece):
                yield whole
        for rest in pieces.rest():
            yield rest

    async def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the body's text as it comes."""
        decode = decoder()
        async for piece in self.iter_bytes(chunk_size):
            if text := decode(piece, False):
                yield text
        if rest := decode(b"", True):
            yield rest

    async def iter_lines(self) -> AsyncIterator[str]:
        """Yield the body's lines, without their ends."""
        lines = Lines(self._most("event_bytes"))
        async for piece in self._source:
            for line in lines.feed(piece):
                yield line
            if lines.is_too_long:
                await self.close()
                raise unexpected(self._response, lines.complaint)
        for line in lines.rest():
            yield line

    async def read(self) -> bytes:
        """Read the body to its end and return it."""
        if self._is_read:
            return self._response.content
        whole = Whole(self._most("body_bytes"))
        async for piece in self._source:
            whole.feed(piece)
            if whole.is_too_long:
                await self.close()
                raise unexpected(self._response, whole.complaint)
        return self._keep(whole.body())

    async def text(self) -> str:
        """Read the body and return it as text."""
        await self.read()
        return self._response.text

    async def json(self) -> Any:
        """Read the body and return its JSON, decoded."""
        await self.read()
        return self._json()

    async def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned, or the body as an object of the class `to`."""
        if self._kind is not None and to is None:
            return self._source._as(self._kind)
        await self.read()
        return self._of(self._response, to)

    async def close(self) -> None:
        """Give up the rest of the body."""
        await self._source.close()


class ResponseContextManager:
    """Sends a request on entry and closes its reply on exit."""

    __slots__ = ("_open", "_response")

    def __init__(self, open_response: Callable[[], APIResponse]) -> None:
        self._open = open_response
        self._response: APIResponse | None = None

    def __enter__(self) -> APIResponse:
        self._response = self._open()
        return self._response

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._response is not None:
            self._response.close()


class AsyncResponseContextManager:
    """Sends a request on entry and closes its reply on exit."""

    __slots__ = ("_open", "_response")

    def __init__(self, open_response: Callable[[], Awaitable[AsyncAPIResponse]]) -> None:
        self._open = open_response
        self._response: AsyncAPIResponse | None = None

    async def __aenter__(self) -> AsyncAPIResponse:
        self._response = await self._open()
        return self._response

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._response is not None:
            await self._response.close()

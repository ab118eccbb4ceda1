"""What `with_raw_response` and `with_streaming_response` give: the reply as HTTP, beside what becomes of it."""

from __future__ import annotations

from ._http import Response
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import Any

    from ._http import Headers, Request
    from ._tokstream import AsyncStream, Stream


class _BaseResponse:
    """The head of a reply."""

    __slots__ = ("_cast", "_elapsed", "_parsed", "_response", "_retries", "_source")

    def __init__(
        self, response: Response, *, cast: Any, retries: int, elapsed: float = 0.0, source: Any = None
    ) -> None:
        self._response = response
        self._cast = cast
        self._retries = retries
        self._elapsed = elapsed
        self._source = source
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
        """How long the call took, as a `datetime.timedelta`."""
        from datetime import timedelta

        return timedelta(seconds=self._elapsed)

    @property
    def is_closed(self) -> bool:
        """Whether the body has been read or given up."""
        return self._source is None or bool(self._source.is_closed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}]>"

    def _of(self, response: Response, to: Any) -> Any:
        if to is None and self._parsed is not None:
            return self._parsed
        parsed = cast_response(response, self._cast if to is None else to)
        if to is None:
            self._parsed = parsed
        return parsed


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
        return self._response.json()

    def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned, or the body as an object of the class `to`."""
        if self._source is not None:
            return self._source
        return self._of(self._response, to)


class APIResponse(_BaseResponse):
    """A reply whose body is read when it is asked for."""

    __slots__ = ("_stream",)

    def __init__(self, source: Stream[bytes], *, cast: Any, stream: Callable[[Any], Any] | None = None) -> None:
        super().__init__(source.response, cast=cast, retries=source.timings.retries, source=source)
        self._stream = stream

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body's bytes as they come, or in pieces of `chunk_size`."""
        return resized(self._source, chunk_size)

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body's text as it comes."""
        decode = _decoder()
        for piece in self.iter_bytes(chunk_size):
            if text := decode(piece, False):
                yield text
        if rest := decode(b"", True):
            yield rest

    def iter_lines(self) -> Iterator[str]:
        """Yield the body's lines, without their ends."""
        lines = _Lines()
        for piece in self._source:
            yield from lines.feed(piece)
        yield from lines.rest()

    def read(self) -> bytes:
        """Read the body to its end and return it."""
        if not self._response.content:
            self._response = with_content(self._response, b"".join(self._source))
        return self._response.content

    def text(self) -> str:
        """Read the body and return it as text."""
        self.read()
        return self._response.text

    def json(self) -> Any:
        """Read the body and return its JSON, decoded."""
        self.read()
        return self._response.json()

    def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned, or the body as an object of the class `to`."""
        if self._stream is not None and to is None:
            return self._stream(self._source)
        self.read()
        return self._of(self._response, to)

    def close(self) -> None:
        """Give up the rest of the body."""
        self._source.close()


class AsyncAPIResponse(_BaseResponse):
    """A reply whose body is read when it is asked for."""

    __slots__ = ("_stream",)

    def __init__(self, source: AsyncStream[bytes], *, cast: Any, stream: Callable[[Any], Any] | None = None) -> None:
        super().__init__(source.response, cast=cast, retries=source.timings.retries, source=source)
        self._stream = stream

    async def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body's bytes as they come, or in pieces of `chunk_size`."""
        kept = b""
        async for piece in self._source:
            if chunk_size is None:
                yield piece
                continue
            kept += piece
            for start in range(0, len(kept) - chunk_size + 1, chunk_size):
                yield kept[start : start + chunk_size]
            kept = kept[len(kept) - len(kept) % chunk_size :]
        if kept:
            yield kept

    async def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the body's text as it comes."""
        decode = _decoder()
        async for piece in self.iter_bytes(chunk_size):
            if text := decode(piece, False):
                yield text
        if rest := decode(b"", True):
            yield rest

    async def iter_lines(self) -> AsyncIterator[str]:
        """Yield the body's lines, without their ends."""
        lines = _Lines()
        async for piece in self._source:
            for line in lines.feed(piece):
                yield line
        for line in lines.rest():
            yield line

    async def read(self) -> bytes:
        """Read the body to its end and return it."""
        if not self._response.content:
            self._response = with_content(self._response, b"".join([piece async for piece in self._source]))
        return self._response.content

    async def text(self) -> str:
        """Read the body and return it as text."""
        await self.read()
        return self._response.text

    async def json(self) -> Any:
        """Read the body and return its JSON, decoded."""
        await self.read()
        return self._response.json()

    async def parse(self, *, to: Any = None) -> Any:
        """Return what the call would have returned, or the body as an object of the class `to`."""
        if self._stream is not None and to is None:
            return self._stream(self._source)
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


def cast_response(response: Response, cast: Any) -> Any:
    """Return a reply's body as what the caller asked for.

    Args:
        response: the reply.
        cast: a response class of this package, `dict`, `list`, `str`, `bytes`, `Response`, a class of pydantic's, or
            `None` and `object` for plain JSON.

    Raises:
        APIResponseValidationError: the body is not of that kind.
        TypeError: there is no way to make such an object of a reply.
    """
    plain = _PLAIN.get(cast) if isinstance(cast, type) else None
    if plain is not None:
        return plain(response)
    if getattr(cast, "__name__", "") == "Response" and getattr(cast, "__module__", "").startswith("httpx"):
        return _as_httpx(response, cast)
    origin = getattr(cast, "__origin__", cast)
    if origin is not None and not isinstance(origin, type):
        raise TypeError(
            f"cast_to takes a response class, dict, list, str, bytes or a class with model_validate, not {cast!r}"
        )
    try:
        if hasattr(cast, "_from_json"):
            return cast._from_json(response.content, response.request_id)
        data = response.json() if response.content else None
        if origin is None or origin is object or origin in (dict, list):
            return data
        if hasattr(cast, "model_validate"):
            return cast.model_validate(data)
    except ValueError as error:
        from ._exceptions import APIResponseValidationError

        raise APIResponseValidationError(
            response, response.text, message=f"The reply is not what was asked for: {error}"
        ) from error
    raise TypeError(
        f"cast_to takes a response class, dict, list, str, bytes or a class with model_validate, not {cast!r}"
    )


# What needs no decoding.
_PLAIN: dict[type, Callable[[Response], Any]] = {
    bytes: lambda response: response.content,
    str: lambda response: response.text,
    type(None): lambda _: None,
    Response: lambda response: response,
}


def _as_httpx(response: Response, cast: Any) -> Any:
    """Return the reply as a response of httpx, for programs that ask for one."""
    from sys import modules

    httpx = modules[cast.__module__.partition(".")[0]]
    request = response.request
    # The body is decoded already.
    headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
    return cast(
        response.status_code,
        headers=headers,
        content=response.content,
        request=None if request is None else httpx.Request(request.method, request.url, content=request.content),
    )


def with_content(response: Response, content: bytes) -> Response:
    """Return the same reply with its body."""
    return Response(
        response.status_code,
        response.headers,
        response.request,
        content,
        response.http_version,
        response.reason_phrase,
    )


def resized(pieces: Iterator[bytes], size: int | None) -> Iterator[bytes]:
    """Yield the pieces as they are, or cut and joined to `size` bytes each."""
    if size is None:
        yield from pieces
        return
    kept = b""
    for piece in pieces:
        kept += piece
        for start in range(0, len(kept) - size + 1, size):
            yield kept[start : start + size]
        kept = kept[len(kept) - len(kept) % size :]
    if kept:
        yield kept


def _decoder() -> Callable[[bytes, bool], str]:
    from codecs import getincrementaldecoder

    return getincrementaldecoder("utf-8")("replace").decode


class _Lines:
    """Cuts text into lines at LF, CR LF and CR, as HTTP streams have them, and nowhere else."""

    __slots__ = ("_decode", "_kept")

    def __init__(self) -> None:
        self._decode = _decoder()
        self._kept = ""

    def feed(self, piece: bytes) -> list[str]:
        text = self._kept + self._decode(piece, False)
        # A CR at the end may be the first half of CR LF.
        held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(held)]
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._kept = lines.pop() + held
        return lines

    def rest(self) -> list[str]:
        kept = self._kept + self._decode(b"", True)
        return [kept.removesuffix("\r")] if kept else []

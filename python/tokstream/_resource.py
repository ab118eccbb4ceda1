"""How a method of a resource becomes a request: the same for both clients and for the three forms of a reply."""

from __future__ import annotations

from . import _tokstream
from ._marks import NOT_GIVEN
from ._typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


PARSED = "parsed"
RAW = "raw"
STREAMING = "streaming"


class ClientState:
    """What the resources of a client need of it; no reference leads back, so that a client goes when it is dropped."""

    __slots__ = ("_asynchronous", "_core", "_key_is_awaited", "_shown", "model")

    def __init__(self, core: _tokstream.Core, model: str, *, asynchronous: bool, shown: str) -> None:
        self._core = core
        self._asynchronous = asynchronous
        self._key_is_awaited = asynchronous and callable(core.api_key)
        self._shown = shown
        self.model = model

    @override
    def __repr__(self) -> str:
        return self._shown


class Resource:
    """A group of routes of one client.

    Args:
        client: whose connections and settings are used.
        form: what its methods return: `PARSED` objects, `RAW` responses, or `STREAMING` responses.
    """

    __slots__ = ("_client", "_form")

    def __init__(self, client: ClientState, form: str = PARSED) -> None:
        self._client = client
        self._form = form

    @property
    def with_raw_response(self) -> Any:
        """The same methods, returning the HTTP response with its status and headers."""
        return type(self)(self._client, RAW)

    @property
    def with_streaming_response(self) -> Any:
        """The same methods, returning the HTTP response before its body is read."""
        return type(self)(self._client, STREAMING)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"


def send(
    client: ClientState,
    form: str,
    method: str,
    path: str,
    *,
    body: Any = None,
    cast: Any = None,
    stream: str | None = None,
    extra_headers: Any = None,
    extra_query: Any = None,
    extra_body: Any = None,
    timeout: Any = NOT_GIVEN,
    max_retries: Any = NOT_GIVEN,
    needs_key: bool = True,
    then: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """Send a request; return its result, or an awaitable of it where the client is the async one.

    Args:
        client: the client.
        form: `PARSED`, `RAW` or `STREAMING`.
        method: the HTTP method.
        path: the route below the base URL.
        body: what is sent as JSON; bytes are sent as they are.
        cast: the class of the result; None for plain JSON.
        stream: the kind of a streamed reply: `"chat"`, `"text"` or `"json"`; None for a whole one.
        extra_headers: headers of this request alone.
        extra_query: parameters for the URL of this request alone.
        extra_body: keys that are added to the body.
        timeout: the time limits of this request.
        max_retries: how often it is tried again.
        needs_key: whether the route is refused without a key; one without asks the server all the same.
        then: makes the result of the parsed reply and the response it came in.
    """
    options = {
        "headers": extra_headers,
        "query": extra_query,
        "extra_body": extra_body,
        "timeout": timeout,
        "max_retries": max_retries,
        "api_key": None,
        "needs_key": needs_key,
    }
    core = client._core
    if form == PARSED and then is None and not client._key_is_awaited:
        if stream is not None:
            return core.open(method, path, body, stream, options)
        if cast is None or (isinstance(cast, type) and issubclass(cast, _tokstream.BaseModel)):
            return core.send(method, path, body, cast, options)
    call = _Call(client, form, (method, path, body), cast=cast, stream=stream, options=options, then=then)
    if form == STREAMING:
        from ._response import AsyncResponseContextManager, ResponseContextManager

        return AsyncResponseContextManager(call.aopen) if client._asynchronous else ResponseContextManager(call.open)
    return call.arun() if client._asynchronous else call.run()


class _Call:
    """A call whose result takes more than one step."""

    __slots__ = ("_cast", "_client", "_form", "_options", "_stream", "_then", "_what")

    def __init__(
        self,
        client: ClientState,
        form: str,
        what: tuple[str, str, Any],
        *,
        cast: Any,
        stream: str | None,
        options: dict[str, Any],
        then: Callable[[Any, Any], Any] | None,
    ) -> None:
        self._client = client
        self._form = form
        self._what = what
        self._cast = cast
        self._stream = stream
        self._options = options
        self._then = then

    def _begin(self) -> Any:
        core = self._client._core
        if self._stream is not None:
            return core.open(*self._what, self._stream, self._options)
        return core.send(*self._what, RAW, self._options)

    def _end(self, result: Any) -> Any:
        from ._response import RawResponse

        if self._stream is not None:
            if self._form == PARSED:
                return result
            return RawResponse(result.response, cast=self._cast, retries=result.timings.retries, source=result)
        response, retries, elapsed = result
        raw = RawResponse(response, cast=self._cast, retries=retries, elapsed=elapsed)
        if self._form == RAW:
            return raw
        parsed = raw.parse()
        return parsed if self._then is None else self._then(parsed, response)

    async def _resolve_key(self) -> None:
        if self._client._key_is_awaited:
            key = self._client._core.api_key()
            key = await key if hasattr(key, "__await__") else key
            if not isinstance(key, str):
                raise TypeError("api_key was called and did not return a string")
            self._options["api_key"] = key

    def run(self) -> Any:
        return self._end(self._begin())

    async def arun(self) -> Any:
        await self._resolve_key()
        return self._end(await self._begin())

    def open(self) -> Any:
        from ._response import APIResponse

        source = self._client._core.open(*self._what, "bytes", self._options)
        return APIResponse(source, cast=self._cast, stream=self._restream())

    async def aopen(self) -> Any:
        from ._response import AsyncAPIResponse

        await self._resolve_key()
        source = await self._client._core.open(*self._what, "bytes", self._options)
        return AsyncAPIResponse(source, cast=self._cast, stream=self._restream())

    def _restream(self) -> Callable[[Any], Any] | None:
        if self._stream is None:
            return None
        kind = self._stream
        return lambda source: source._as(kind)

"""How a method of a resource becomes a request: the same for both clients and for the three forms of a reply."""

from __future__ import annotations

from . import _tokstream
from ._marks import NOT_GIVEN
from ._typing import TYPE_CHECKING, is_awaitable, override

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


DEFAULT_MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"

PARSED = "parsed"
RAW = "raw"
STREAMING = "streaming"


class replaceable(property):  # noqa: N801 - it is used as property is
    """A property that a program may replace, and put back by deleting what it set, as tests and tracing do."""

    @override
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        replaced = None if instance is None else instance.__dict__.get(self.fget.__name__)  # type: ignore[union-attr]
        return super().__get__(instance, owner) if replaced is None else replaced

    @override
    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.fget.__name__] = value  # type: ignore[union-attr]

    @override
    def __delete__(self, instance: Any) -> None:
        instance.__dict__.pop(self.fget.__name__, None)  # type: ignore[union-attr]


class ClientState:
    """What the resources of a client need of it; no reference leads back, so that a client goes when it is dropped."""

    __slots__ = ("_arguments", "_class", "asynchronous", "chosen_model", "core", "key_is_awaited")

    def __init__(
        self, core: _tokstream.Core, model: str | None, *, asynchronous: bool, of: type, arguments: dict[str, Any]
    ) -> None:
        self.core = core
        self.asynchronous = asynchronous
        self.key_is_awaited = asynchronous and callable(core.api_key)
        self._class = of
        self._arguments = arguments
        self.chosen_model = model

    @property
    def model(self) -> str:
        """The model of requests that name none: the one that was chosen, or the default one, which chats."""
        return DEFAULT_MODEL if self.chosen_model is None else self.chosen_model

    @override
    def __repr__(self) -> str:
        from ._http import redact_url

        return f"{self._class.__name__}(base_url={redact_url(self.core.base_url)!r}, model={self.model!r})"

    def pickled(self, form: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return what makes the client again; a key is never pickled: the copy reads the environment at first use."""
        key = self.core.api_key
        # A function goes by reference.
        key = key if callable(key) else None
        return _unpickle, (self._class, key, _without_secrets(self._arguments), self.chosen_model, form)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return _state_of, self.pickled(PARSED)[1]

    def __deepcopy__(self, memo: Any) -> ClientState:
        return self


def _without_secrets(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments as a pickle may keep them: no passwords in URLs, no headers or parameters that hold keys."""
    from ._http import without_user

    kept = dict(arguments)
    for name in ("base_url", "proxy"):
        if kept[name] is not None:
            kept[name] = without_user(str(kept[name]))
    for name in ("default_headers", "default_query"):
        if kept[name] is not None:
            kept[name] = {key: value for key, value in kept[name].items() if not _tokstream._is_secret(key)}
    return kept


def _unpickle(
    cls: type[Any], api_key: Callable[[], Any] | None, arguments: dict[str, Any], model: str | None, form: str
) -> Any:
    client = cls(api_key=api_key, model=model, **arguments)
    client._form = form
    return client


def _state_of(*arguments: Any) -> Any:
    return _unpickle(*arguments)._state


class Resource:
    """A group of routes of one client.

    Args:
        client: whose connections and settings are used.
        form: what its methods return: `PARSED` objects, `RAW` responses, or `STREAMING` responses.
    """

    def __init__(self, client: ClientState, form: str = PARSED) -> None:
        self._client = client
        self._form = form

    @property
    def with_raw_response(self) -> Any:
        """The same methods, returning the HTTP response with its status and headers."""
        return self._kept(RAW, type(self), RAW)

    @property
    def with_streaming_response(self) -> Any:
        """The same methods, returning the HTTP response before its body is read."""
        return self._kept(STREAMING, type(self), STREAMING)

    def _kept(self, name: str, resource: type[Resource], form: str) -> Any:
        # Made when it is first asked for, and then kept: programs replace its methods, in tests above all.
        name = f"_{name}"
        if name not in self.__dict__:
            self.__dict__[name] = resource(self._client, form)
        return self.__dict__[name]

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        # With it go its methods, which are what a pool of processes is given to call.
        return type(self), (self._client, self._form)


def named_after(method: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call`, which stands for `method`, as `functools.wraps` would, whose import this package does without."""
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(call, name, getattr(method, name))
    call.__wrapped__ = method  # type: ignore[attr-defined]
    return call


def awaited(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the async client that raises nothing when it is called: its errors come when it is awaited.

    One bad call among those given to `asyncio.gather` is then an error of its own, and not the end of all.
    """

    def call(self: Any, *args: Any, **params: Any) -> Any:
        try:
            return method(self, *args, **params)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised later
            return failed(self._form, error)

    return named_after(method, call)


def failed(form: str, error: Exception) -> Any:
    """Return what a call of the async client returns that has failed already."""
    if form != STREAMING:
        return _tokstream._failed(error)
    from ._response import AsyncResponseContextManager

    return AsyncResponseContextManager(lambda: _tokstream._failed(error))


def options_of(
    extra_headers: Any = None,
    extra_query: Any = None,
    extra_body: Any = None,
    timeout: Any = NOT_GIVEN,
    *,
    max_retries: Any = NOT_GIVEN,
    needs_key: bool = True,
) -> _tokstream._Options:
    """Return what one call has a say in, as the core takes it.

    Args:
        extra_headers: headers of this request alone.
        extra_query: parameters for the URL of this request alone.
        extra_body: keys that are added to the body.
        timeout: the time limits of this request.
        max_retries: how often it is tried again.
        needs_key: whether the route is refused without a key; one without asks the server all the same.
    """
    return extra_headers, extra_query, extra_body, timeout, max_retries, needs_key


def send(
    client: ClientState,
    form: str,
    what: tuple[str, str, Any],
    options: _tokstream._Options,
    cast: Any = None,
    *,
    stream: str | None = None,
    then: Callable[[Any], Any] | None = None,
) -> Any:
    """Send a request; return its result, or an awaitable of it where the client is the async one.

    Args:
        client: the client.
        form: `PARSED`, `RAW` or `STREAMING`.
        what: the HTTP method, the route below the base URL, and the body, which is sent as JSON; bytes are sent as
            they are.
        options: the call's own.
        cast: the class of the result; None for plain JSON.
        stream: the kind of a streamed reply: `"chat"`, `"text"` or `"json"`; None for a whole one.
        then: makes the result of the parsed reply, in every form.
    """
    core = client.core
    if form == PARSED and then is None and not client.key_is_awaited:
        method, path, body = what
        if stream is not None:
            return core.open(method, path, body, stream, options)
        if _is_made_by_core(cast):
            return core.send(method, path, body, cast, options)
    call = _Call(client, form, what, cast=cast, stream=stream, options=options, then=then)
    if form == STREAMING:
        from ._response import AsyncResponseContextManager, ResponseContextManager

        return AsyncResponseContextManager(call.aopen) if client.asynchronous else ResponseContextManager(call.open)
    return call.arun() if client.asynchronous else call.run()


def _is_made_by_core(cast: Any) -> bool:
    return cast is None or (isinstance(cast, type) and issubclass(cast, _tokstream.BaseModel))


class _Call:
    """A call whose result takes more than one step."""

    __slots__ = ("_cast", "_client", "_form", "_key", "_options", "_stream", "_then", "_what")

    def __init__(
        self,
        client: ClientState,
        form: str,
        what: tuple[str, str, Any],
        *,
        cast: Any,
        stream: str | None,
        options: _tokstream._Options,
        then: Callable[[Any], Any] | None,
    ) -> None:
        self._client = client
        self._form = form
        self._what = what
        self._cast = cast
        self._stream = stream
        self._options = options
        self._key: str | None = None
        self._then = then

    def _begin(self) -> Any:
        core = self._client.core
        if self._stream is not None:
            return core.open(*self._what, self._stream, self._options, self._key)
        return core.send(*self._what, self._cast if self._is_whole() else RAW, self._options, self._key)

    def _is_whole(self) -> bool:
        return self._form == PARSED and _is_made_by_core(self._cast)

    def _end(self, result: Any) -> Any:
        from ._response import RawResponse

        if self._stream is not None:
            if self._form == PARSED:
                return result
            return RawResponse(result.response, cast=self._cast, retries=result.timings.retries, source=result)
        if self._is_whole():
            return result if self._then is None else self._then(result)
        response, retries, response._elapsed = result
        raw = RawResponse(response, cast=self._cast, retries=retries, then=self._then)
        return raw if self._form == RAW else raw.parse()

    async def _resolve_key(self) -> None:
        if self._client.key_is_awaited:
            key = self._client.core.api_key()
            key = await key if is_awaitable(key) else key
            if not isinstance(key, str):
                from ._exceptions import ConfigurationError

                raise ConfigurationError(
                    f"api_key was called and returned {type(key).__name__} where a string was expected"
                )
            self._key = key

    def run(self) -> Any:
        return self._end(self._begin())

    async def arun(self) -> Any:
        await self._resolve_key()
        return self._end(await self._begin())

    def open(self) -> Any:
        from ._response import APIResponse

        core = self._client.core
        source = core.open(*self._what, "bytes", self._options, self._key)
        return APIResponse(source, cast=self._cast, core=core, kind=self._stream, then=self._then)

    async def aopen(self) -> Any:
        from ._response import AsyncAPIResponse

        await self._resolve_key()
        core = self._client.core
        source = await core.open(*self._what, "bytes", self._options, self._key)
        return AsyncAPIResponse(source, cast=self._cast, core=core, kind=self._stream, then=self._then)

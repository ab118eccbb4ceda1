"""The clients."""

from __future__ import annotations

from . import _tokstream
from ._marks import NOT_GIVEN, omit
from ._resource import PARSED, RAW, STREAMING, ClientState, awaited, named_after, options_of, replaceable, send
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Self

# What openai-python's clients take and these do not, and what does the same here.
_INSTEAD = {
    "http_client": "use proxy=, verify=, cert=, http2=, limits= and timeout=; the HTTP client is tokstream's own",
    "organization": 'use default_headers={"OpenAI-Organization": …}',
    "project": 'use default_headers={"OpenAI-Project": …}',
    "webhook_secret": "tokstream receives no webhooks",
    "websocket_base_url": "tokstream opens no websockets",
    "azure_endpoint": "use base_url= and default_headers=",
    "api_version": "use default_query={'api-version': …}",
    "_strict_response_validation": "use `type(reply).model_validate(reply.to_dict())`",
    "_enforce_credentials": "a missing key is an error of the first request that needs one",
    "admin_api_key": "use api_key=",
    "workload_identity": "use api_key= with a function that returns a key",
    "provider": "use base_url= and default_headers=",
    "data_residency": "use base_url=",
}


def _refuse(method: str, unknown: dict[str, Any]) -> None:
    """Raise a TypeError for the first unknown argument that asks for something; `http_client=None` does not."""
    for name, value in unknown.items():
        if name not in _INSTEAD:
            raise TypeError(f"{method}() has no argument {name!r}")
        if value is not None and value is not False and value is not NOT_GIVEN:
            raise TypeError(f"{method}() has no argument {name!r}: {_INSTEAD[name]}")


def _unseen(method: Callable[..., Any]) -> Any:
    """Have errors of `method` show none of its arguments: a traceback may be printed with the locals of its frames."""

    def call(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it goes on
            del args, options
            raise error.with_traceback(None)  # noqa: B904 - it is the same error

    return named_after(method, call)


# What is added up of the usages of requests.
TOTALS = ("requests", "prompt_tokens", "completion_tokens", "total_tokens", "estimated_cost")


class Usage:
    """What the requests of a client used so far, as the servers reported it."""

    __slots__ = ("by_model", "completion_tokens", "estimated_cost", "prompt_tokens", "requests", "total_tokens")

    def __init__(
        self,
        requests: int = 0,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        total_tokens: int = 0,
        estimated_cost: float = 0.0,
        *,
        by_model: dict[str, Usage] | None = None,
    ) -> None:
        self.requests = requests
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.total_tokens = total_tokens
        self.estimated_cost = estimated_cost
        self.by_model = {} if by_model is None else by_model

    def __repr__(self) -> str:
        return "Usage(" + ", ".join(f"{name}={getattr(self, name)!r}" for name in TOTALS) + ")"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Usage):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in TOTALS)

    __hash__ = None  # type: ignore[assignment]


class BaseClient:
    """What both clients have."""

    _asynchronous = False

    @_unseen
    def __init__(
        self,
        *,
        api_key: str | Callable[[], Any] | None = None,
        base_url: Any = None,
        model: str | None = None,
        timeout: Any = NOT_GIVEN,
        max_retries: Any = NOT_GIVEN,
        retry: Any = None,
        limits: Any = None,
        default_headers: Any = None,
        default_query: Any = None,
        proxy: Any = None,
        verify: Any = True,
        cert: Any = None,
        http2: Any = None,
        compress_requests: Any = False,
        max_cost: Any = None,
        **unknown: Any,
    ) -> None:
        _refuse(type(self).__name__, unknown)
        # All but the key, which is kept where nothing shows it.
        self._arguments: dict[str, Any] = {
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "retry": retry,
            "limits": limits,
            "default_headers": default_headers,
            "default_query": default_query,
            "proxy": proxy,
            "verify": verify,
            "cert": cert,
            "http2": http2,
            "compress_requests": compress_requests,
            "max_cost": max_cost,
        }
        self._form = PARSED
        self._resources: dict[str, Any] = {}
        # Tokens that each model of the server can see, once a conversation has asked.
        self._context_lengths: dict[str, int] | None = None
        # Not when they are first asked for: in a child that is forked meanwhile the import would never end.
        from . import _error_kinds  # noqa: F401
        from .resources import chat  # noqa: F401

        self._make_core(api_key, None, model)

    def _make_core(self, api_key: Any, share: _tokstream.Core | None, model: str | None) -> None:
        arguments = dict(self._arguments)
        arguments["headers"] = arguments.pop("default_headers")
        arguments["query"] = arguments.pop("default_query")
        arguments["compress"] = arguments.pop("compress_requests")
        core = _tokstream.Core(asynchronous=self._asynchronous, api_key=api_key, share=share, **arguments)
        self._state = ClientState(
            core, model, asynchronous=self._asynchronous, of=type(self), arguments=self._arguments
        )

    @property
    def _core(self) -> _tokstream.Core:
        return self._state.core

    @property
    def model(self) -> str:
        """The model of requests that name none."""
        return self._state.model

    @model.setter
    def model(self, value: str) -> None:
        self._state.chosen_model = value

    @property
    def api_key(self) -> Any:
        """The key: the one given or the environment's, or the function that gives it."""
        return self._core.api_key

    @api_key.setter
    @_unseen
    def api_key(self, value: Any) -> None:
        self._core.api_key = value
        self._state.key_is_awaited = self._asynchronous and callable(value)

    @property
    def base_url(self) -> str:
        """Where the routes begin."""
        return self._core.base_url

    @base_url.setter
    def base_url(self, value: Any) -> None:
        self._core.base_url = value
        self._arguments["base_url"] = value

    @property
    def timeout(self) -> Any:
        """The time limits of requests, as they were given, or the default `Timeout`."""
        given = self._arguments["timeout"]
        return self._core.timeout if given is NOT_GIVEN else given

    @timeout.setter
    def timeout(self, value: Any) -> None:
        self._core.timeout = value
        self._arguments["timeout"] = value

    @property
    def max_retries(self) -> int:
        """How many times a failed request is tried again."""
        return self._core.max_retries

    @max_retries.setter
    def max_retries(self, value: int) -> None:
        self._core.max_retries = value
        self._arguments["max_retries"] = value

    @property
    def max_cost(self) -> float | None:
        """What all requests together may cost, in USD."""
        return self._core.max_cost

    @max_cost.setter
    def max_cost(self, value: Any) -> None:
        self._core.max_cost = value
        self._arguments["max_cost"] = value

    @property
    def default_headers(self) -> dict[str, str]:
        """The headers that were given for every request."""
        return dict(self._arguments["default_headers"] or {})

    @property
    def default_query(self) -> dict[str, object]:
        """The URL parameters that were given for every request."""
        return dict(self._arguments["default_query"] or {})

    @replaceable
    def chat(self) -> Any:
        """Chat routes: `client.chat.completions`."""
        return self._resource("chat", "Chat")

    @replaceable
    def completions(self) -> Any:
        """Texts that the model goes on with."""
        return self._resource("completions", "Completions")

    @replaceable
    def embeddings(self) -> Any:
        """Texts as vectors."""
        return self._resource("embeddings", "Embeddings")

    @replaceable
    def models(self) -> Any:
        """The models that the server offers."""
        return self._resource("models", "Models")

    def _resource(self, module: str, name: str) -> Any:
        # Made when it is first asked for, with its module, and then kept: `client.chat is client.chat`.
        resource = self._resources.get(module)
        if resource is None:
            # Loading importlib takes longer than a request.
            classes = __import__(f"{__package__}.resources.{module}", fromlist=[name])
            resource = getattr(classes, ("Async" if self._asynchronous else "") + name)(self._state, self._form)
            self._resources[module] = resource
        return resource

    def conversation(self, **options: Any) -> Any:
        """Begin a conversation, which keeps its history."""
        return self._conversations()(self, **options)

    def load_conversation(self, path: Any, **options: Any) -> Any:
        """Go on with a conversation that was saved."""
        return self._conversations().load(path, self, **options)

    def _conversations(self) -> Any:
        from ._conversation.conversation import AsyncConversation, Conversation

        return AsyncConversation if self._asynchronous else Conversation

    @property
    def beta(self) -> Self:
        """The same as the client: `client.beta.chat` is `client.chat`."""
        return self

    @property
    def usage(self) -> Usage:
        """What the requests of this client, and of those made from it by `with_options`, used so far."""
        by_model = {model: Usage(*totals) for model, totals in self._core.totals_by_model()}
        return Usage(*self._core.totals(), by_model=by_model)

    @property
    def with_raw_response(self) -> Self:
        """The same resources, returning the HTTP response with its status and headers."""
        return self._in_form(RAW)

    @property
    def with_streaming_response(self) -> Self:
        """The same resources, returning the HTTP response before its body is read."""
        return self._in_form(STREAMING)

    def _in_form(self, form: str) -> Self:
        twin: Self | None = self._resources.get(form)
        if twin is None:
            twin = self._resources[form] = self._twin()
            twin._form = form
        return twin

    def _twin(self) -> Self:
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._resources = {}
        twin._context_lengths = None
        return twin

    @_unseen
    def with_options(
        self,
        *,
        api_key: Any = NOT_GIVEN,
        base_url: Any = NOT_GIVEN,
        model: Any = NOT_GIVEN,
        timeout: Any = NOT_GIVEN,
        max_retries: Any = NOT_GIVEN,
        retry: Any = NOT_GIVEN,
        limits: Any = NOT_GIVEN,
        default_headers: Any = None,
        set_default_headers: Any = None,
        default_query: Any = None,
        set_default_query: Any = None,
        proxy: Any = NOT_GIVEN,
        verify: Any = NOT_GIVEN,
        cert: Any = NOT_GIVEN,
        http2: Any = NOT_GIVEN,
        compress_requests: Any = NOT_GIVEN,
        max_cost: Any = NOT_GIVEN,
        **unknown: Any,
    ) -> Self:
        """Return a client with other settings; it shares this one's connections and running totals."""
        _refuse("with_options", unknown)
        changes = {
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "retry": retry,
            "limits": limits,
            "proxy": proxy,
            "verify": verify,
            "cert": cert,
            "http2": http2,
            "compress_requests": compress_requests,
            "max_cost": max_cost,
        }
        twin = self._twin()
        twin._arguments = {**self._arguments, **{k: v for k, v in changes.items() if v is not NOT_GIVEN}}
        if retry is not NOT_GIVEN and max_retries is NOT_GIVEN:
            twin._arguments["max_retries"] = NOT_GIVEN
        for name, added, replaced in (
            ("default_headers", default_headers, set_default_headers),
            ("default_query", default_query, set_default_query),
        ):
            if added is not None and replaced is not None:
                from ._exceptions import ConfigurationError

                raise ConfigurationError(f"{name} and set_{name} exclude each other")
            if replaced is not None:
                twin._arguments[name] = replaced
            elif added is not None:
                twin._arguments[name] = {**(self._arguments[name] or {}), **added}
        chosen = self._state.chosen_model if model is NOT_GIVEN or model is None else model
        twin._make_core(api_key, self._core, chosen)
        return twin

    @_unseen
    def copy(self, **options: Any) -> Self:
        """Return a client with other settings: the same as `with_options`."""
        return self.with_options(**options)

    def is_closed(self) -> bool:
        """Whether the client was closed."""
        return self._core.is_closed

    def get(self, path: str, **options: Any) -> Any:
        """Send a GET request to any route."""
        return self._route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        """Send a POST request to any route."""
        return self._route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Any:
        """Send a PUT request to any route."""
        return self._route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Any:
        """Send a PATCH request to any route."""
        return self._route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Any:
        """Send a DELETE request to any route."""
        return self._route("DELETE", path, **options)

    def _route(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = None,
        body: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
        options: Any = None,
        extra_headers: Any = None,
        extra_query: Any = None,
        timeout: Any = NOT_GIVEN,
    ) -> Any:
        # openai-python's `options`, a dict with these keys, as its own undocumented routes are called.
        options = dict(options or {})
        headers = {**options.pop("headers", {}), **(extra_headers or {})} or None
        query = {**options.pop("params", {}), **(extra_query or {})} or None
        timeout = options.pop("timeout", timeout) if timeout is NOT_GIVEN else timeout
        retries = options.pop("max_retries", NOT_GIVEN)
        extra_body = options.pop("extra_json", None)
        for name in options:
            raise TypeError(f"options has an unknown key {name!r}: it takes headers, params, timeout, max_retries")
        kind = None
        if stream or stream_cls is not None:
            kind = _kind_of_stream(cast_to, stream_cls)
        if cast_to is object:
            cast_to = None
        return send(
            self._state,
            self._form,
            (method, path, body),
            options_of(headers, query, extra_body, timeout, max_retries=retries),
            cast_to,
            stream=kind,
        )

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT:
            raise AttributeError(f"tokstream has no client.{name}: {_ABSENT[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        # A tool that shows the variables of a traceback also shows a client whose constructor failed.
        state = self.__dict__.get("_state")
        return f"<{type(self).__name__} that was not set up>" if state is None else repr(state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._state.pickled(self._form)

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: Any) -> Self:
        return self.with_options()


def _warming(timeout: Any) -> _tokstream._Options:
    """Return the options of a request that only opens a connection: it carries no key."""
    return options_of({"Authorization": omit}, timeout=timeout, needs_key=False)


def _kind_of_stream(cast_to: Any, stream_cls: Any) -> str:
    item = next(iter(getattr(stream_cls, "__args__", ())), None) or cast_to
    if item is _tokstream.ChatCompletionChunk:
        return "chat"
    if item is _tokstream.Completion:
        return "text"
    return "json"


_ABSENT = {
    "responses": "use client.chat.completions.create(…), or client.post('/responses', body=…)",
    "images": "use client.post('/images/generations', body=…)",
    "audio": "use client.post('/audio/…', body=…)",
    "files": "use client.get('/files') and client.post('/files', …)",
    "batches": "use client.post('/batches', body=…)",
    "moderations": "use client.post('/moderations', body=…)",
    "fine_tuning": "use client.post('/fine_tuning/jobs', body=…)",
    "vector_stores": "use client.post('/vector_stores', body=…)",
    "uploads": "use client.post('/uploads', body=…)",
    "evals": "use client.post('/evals', body=…)",
    "containers": "use client.post('/containers', body=…)",
    "realtime": "it is not a request and a reply; tokstream has no websockets",
    "webhooks": "tokstream receives no webhooks",
    "_client": "the HTTP client is tokstream's own; see proxy=, verify=, cert=, http2= and limits=",
}


class Client(BaseClient):
    """The client of one server: DeepInfra, or any other that speaks OpenAI's API. Its methods block."""

    def warm_up(self, *, timeout: Any = NOT_GIVEN) -> None:
        """Open a connection for the next request."""
        self._core.warm_up(_warming(timeout))

    def close(self) -> None:
        """End open streams, close the connections and refuse further requests."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncClient(BaseClient):
    """The client of one server: DeepInfra, or any other that speaks OpenAI's API. Its methods are awaited."""

    _asynchronous = True
    _route = awaited(BaseClient._route)

    async def warm_up(self, *, timeout: Any = NOT_GIVEN) -> None:
        """Open a connection for the next request."""
        await self._core.warm_up(_warming(timeout))

    async def close(self) -> None:
        """End open streams, close the connections and refuse further requests."""
        self._core.close()

    async def aclose(self) -> None:
        """Close the client: the same as `close`."""
        self._core.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._core.close()

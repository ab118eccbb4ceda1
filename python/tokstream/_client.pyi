"""The clients."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, Literal, TypeAlias, TypeVar, overload

from typing_extensions import Self, override

from tokstream._conversation.conversation import AsyncConversation, Conversation
from tokstream._marks import NotGiven, Omit
from tokstream._tokstream import AsyncStream, Core, Limits, RetryPolicy, Stream, Timeout
from tokstream.resources import chat as _chat, completions as _completions, embeddings as _embeddings, models as _models
from tokstream.resources.chat import AsyncChat, Chat
from tokstream.resources.completions import AsyncCompletions, Completions
from tokstream.resources.embeddings import AsyncEmbeddings, Embeddings
from tokstream.resources.models import AsyncModels, Models
from tokstream.types.chat import Messages

_T = TypeVar("_T")
_StreamT = TypeVar("_StreamT", bound=Stream[Any])
_AsyncStreamT = TypeVar("_AsyncStreamT", bound=AsyncStream[Any])
_Path: TypeAlias = str | PathLike[str]

TOTALS: tuple[str, ...]

class Usage:
    """What the requests of a client used so far, as the servers reported it."""

    requests: int
    """How many requests were answered."""

    prompt_tokens: int
    """Tokens that models read."""

    completion_tokens: int
    """Tokens that models wrote."""

    total_tokens: int
    """Both together."""

    estimated_cost: float
    """What the requests cost, in USD; 0.0 where servers do not say."""

    by_model: dict[str, Usage]
    """The same for each model, by the name that the server gives it."""

    def __init__(
        self,
        requests: int = 0,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        total_tokens: int = 0,
        estimated_cost: float = 0.0,
        *,
        by_model: dict[str, Usage] | None = None,
    ) -> None: ...
    @override
    def __eq__(self, other: object) -> bool: ...

class BaseClient:
    """What both clients are made of."""

    model: str
    """The model of requests that name none."""

    _asynchronous: bool
    _context_lengths: dict[str, int] | None
    _form: str

    @property
    def _core(self) -> Core: ...
    def __init__(
        self,
        *,
        api_key: Any = None,
        base_url: Any = None,
        model: str | None = None,
        timeout: Any = ...,
        max_retries: Any = ...,
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
    ) -> None: ...
    @property
    def base_url(self) -> str:
        """Where the routes begin. Can be set."""

    @base_url.setter
    def base_url(self, value: str) -> None: ...
    @property
    def timeout(self) -> float | Timeout | None:
        """The time limits of requests, as they were given. Can be set."""

    @timeout.setter
    def timeout(self, value: float | Timeout | None) -> None: ...
    @property
    def max_retries(self) -> int:
        """How many times a failed request is tried again. Can be set."""

    @max_retries.setter
    def max_retries(self, value: int) -> None: ...
    @property
    def max_cost(self) -> float | None:
        """What all requests together may cost, in USD; None for no limit. Can be set."""

    @max_cost.setter
    def max_cost(self, value: float | None) -> None: ...
    @property
    def default_headers(self) -> dict[str, str]:
        """The headers that were given for every request."""

    @property
    def default_query(self) -> dict[str, object]:
        """The URL parameters that were given for every request."""

    @property
    def usage(self) -> Usage:
        """What the requests of this client, and of those made from it by `with_options`, used so far."""

    def is_closed(self) -> bool:
        """Return whether the client was closed."""

class Client(BaseClient):
    """The client of one server: DeepInfra, or any other that speaks OpenAI's API.

    It may be used from any thread, and after a fork; it keeps its connections open and shares them among requests.
    `with` closes it at the end of the block.

    Args:
        api_key: the key, or a function that returns one for each request. Default: the
            environment variables `DEEPINFRA_API_KEY`, `DEEPINFRA_TOKEN` and `DEEPINFRA_API_TOKEN`, in
            this order. A server on this machine needs none.
        base_url: where the routes begin. Default: the environment variable `DEEPINFRA_BASE_URL`, or else
            `https://api.deepinfra.com/v1/openai`.
        model: the model of requests that name none. Default: `meta-llama/Llama-3.3-70B-Instruct-Turbo`.
        timeout: the time limits of requests: a `Timeout`, or a number of seconds for connecting, for the
            first token and between two reads. Default: 5 s, 600 s, 600 s; None for no limits.
        max_retries: how many times a failed request is tried again where that can help. Default 2.
        retry: the whole policy of retries; it has its own `max_retries`.
        limits: how large a response may be.
        default_headers: headers of every request.
        default_query: parameters for the URL of every request.
        proxy: the address of a proxy: `http://`, `https://` or `socks5://`. Default: the environment
            variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
        verify: whether to check the server's certificate. A path names a PEM file of the authorities
            to trust. Default true.
        cert: a client certificate: the path of a PEM file with certificate and key, or the paths of both.
        http2: false, the default, for HTTP/1.1; true for HTTP/2 where the server offers it; "prior-knowledge" for
            HTTP/2 at once, also without TLS.
        compress_requests: whether to compress the bodies of requests with gzip: true for those above 16 KiB, a number
            for those of more bytes. The server must understand it. Default false.
        max_cost: what all requests together may cost, in USD, by the server's `estimated_cost`; a request after that
            raises `BudgetExceededError`. Calls under way count with what they may cost at most. Default: no limit.

    Raises:
        ConfigurationError: an argument has no meaning. A missing key is raised by the first request
            that needs one.
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        model: str | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        max_retries: int | NotGiven = ...,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        default_headers: Mapping[str, str | Omit] | None = None,
        default_query: Mapping[str, object] | None = None,
        proxy: str | None = None,
        verify: bool | _Path = True,
        cert: _Path | tuple[_Path, _Path] | None = None,
        http2: bool | Literal["prior-knowledge"] | None = None,
        compress_requests: bool | int = False,
        max_cost: float | None = None,
    ) -> None: ...
    @property
    def api_key(self) -> str | Callable[[], str] | None:
        """The key: the one given, the environment's, or the function that gives it. Can be set."""

    @api_key.setter
    def api_key(self, value: str | Callable[[], str] | None) -> None: ...
    @property
    def chat(self) -> Chat:
        """Chat routes: `client.chat.completions`."""

    @property
    def completions(self) -> Completions:
        """Texts that the model goes on with."""

    @property
    def embeddings(self) -> Embeddings:
        """Texts as vectors."""

    @property
    def models(self) -> Models:
        """The models that the server offers."""

    def conversation(
        self,
        *,
        system: str | Sequence[Mapping[str, object]] | None = None,
        messages: Messages = ...,
        model: str | None = None,
        tools: Iterable[Any] | None = None,
        max_cost: float | None = None,
        on_overflow: Literal["raise", "drop_oldest"] | Callable[[list[dict[str, Any]]], Any] | None = None,
        keep_partial: bool = False,
        context_length: int | None = None,
        **params: Any,
    ) -> Conversation:
        """Begin a conversation: an object that keeps what was said, and sends it with each message.

        Args:
            system: the instructions that hold for the whole conversation.
            messages: what was said before: a list of messages, or a text of the user.
            model: the model. Default: the client's.
            tools: what the model may call: as for `run_tools`.
            max_cost: how much the conversation may cost, in USD. Once its replies have cost so much, the next request
                is a `BudgetExceededError`.
            on_overflow: what is done when the history outgrows the model's context: `"raise"`, `"drop_oldest"`, or a
                function that gets the messages and returns those to send and keep. See `Conversation`.
            keep_partial: whether to keep what there is of a reply that was cut, cancelled or failed. Default false.
            context_length: how many tokens the model can see at once, where the server does not tell.
            **params: parameters of every request, as for `chat.completions.create`.

        Raises:
            ConfigurationError: an argument has no meaning.
            TypeError: an argument has the wrong type.
        """

    def load_conversation(self, path: _Path, **changes: Any) -> Conversation:
        """Go on with a conversation that was saved by its `save`.

        Args:
            path: the file.
            **changes: settings and parameters in place of those in the file: those that `conversation` takes.

        Raises:
            ConversationFileError: the file is no saved conversation, or is not all of one.
            OSError: the file cannot be read.
        """

    @property
    def beta(self) -> _Beta:
        """The same as the client: `client.beta.chat` is `client.chat`."""

    @property
    def with_raw_response(self) -> _ClientWithRawResponse:
        """The same resources, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _ClientWithStreamingResponse:
        """The same resources, returning the HTTP response before its body is read."""

    def with_options(
        self,
        *,
        api_key: str | Callable[[], str] | NotGiven | None = ...,
        base_url: str | NotGiven | None = ...,
        model: str | NotGiven | None = ...,
        timeout: float | Timeout | NotGiven | None = ...,
        max_retries: int | NotGiven = ...,
        retry: RetryPolicy | NotGiven | None = ...,
        limits: Limits | NotGiven | None = ...,
        default_headers: Mapping[str, str | Omit] | None = None,
        set_default_headers: Mapping[str, str | Omit] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        proxy: str | NotGiven | None = ...,
        verify: bool | _Path | NotGiven = ...,
        cert: _Path | tuple[_Path, _Path] | NotGiven | None = ...,
        http2: bool | Literal["prior-knowledge"] | NotGiven | None = ...,
        compress_requests: bool | int | NotGiven = ...,
        max_cost: float | NotGiven | None = ...,
    ) -> Self:
        """Return a client with other settings that shares this one's connections and its `usage`.

        Args:
            api_key: as for the client, like all that are not named here.
            base_url: as for the client.
            model: as for the client.
            timeout: as for the client.
            max_retries: as for the client.
            retry: as for the client.
            limits: as for the client.
            default_headers: headers to add to the client's; one that is `omit` takes the client's away.
            set_default_headers: headers in place of the client's.
            default_query: parameters to add to the client's.
            set_default_query: parameters in place of the client's.
            proxy: as for the client.
            verify: as for the client.
            cert: as for the client.
            http2: as for the client.
            compress_requests: as for the client.
            max_cost: a limit for what both clients cost together, as for the client.

        Raises:
            ConfigurationError: an argument has no meaning.
            TypeError: there is no such argument.
        """

    copy = with_options

    @overload
    def get(
        self,
        path: str,
        *,
        cast_to: None = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a GET request to any route of the server.

        Args:
            path: the route, after the client's `base_url`; or a whole address.
            cast_to: what to make of the answer: a response class, a pydantic model, `dict`, `list`, `str`
                or `bytes`; or `list[…]` and `dict[str, …]` of such. Default: what the JSON says, or None for an
                empty answer.
            stream: whether to return a stream of server-sent events.
            stream_cls: `Stream[T]`, with the class of what the events hold.
            options: a dict of `headers`, `params`, `timeout` and `max_retries`, as openai-python takes them.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """
    @overload
    def get(
        self,
        path: str,
        *,
        cast_to: type[_T],
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    def get(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        stream: Literal[True],
        stream_cls: type[_StreamT],
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _StreamT: ...
    @overload
    def get(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        stream: Literal[True],
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Stream[Any]: ...
    @overload
    def post(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a POST request to any route of the server.

        Args:
            path: the route, after the client's `base_url`; or a whole address.
            cast_to: what to make of the answer: a response class, a pydantic model, `dict`, `list`, `str`
                or `bytes`; or `list[…]` and `dict[str, …]` of such. Default: what the JSON says, or None for an
                empty answer.
            body: what to send as JSON; bytes are sent as they are.
            stream: whether to return a stream of server-sent events.
            stream_cls: `Stream[T]`, with the class of what the events hold.
            options: a dict of `headers`, `params`, `timeout` and `max_retries`, as openai-python takes them.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """
    @overload
    def post(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    def post(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        body: object = None,
        stream: Literal[True],
        stream_cls: type[_StreamT],
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _StreamT: ...
    @overload
    def post(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        body: object = None,
        stream: Literal[True],
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Stream[Any]: ...
    @overload
    def put(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a PUT request to any route of the server. Parameters are those of `post`."""
    @overload
    def put(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    def patch(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a PATCH request to any route of the server. Parameters are those of `post`."""
    @overload
    def patch(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    def delete(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a DELETE request to any route of the server. Parameters are those of `post`."""
    @overload
    def delete(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    def warm_up(self, *, timeout: float | Timeout | NotGiven | None = ...) -> None:
        """Open a connection for the next request, so that this one need not wait for it.

        A `HEAD` request without a key is sent to `base_url`; whatever the server answers will do.

        Args:
            timeout: as for the client, for this request alone.

        Raises:
            APIConnectionError: the server cannot be reached, or not in time.
        """

    def close(self) -> None:
        """End open streams, close the connections and refuse further requests with `ClientClosedError`."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

class AsyncClient(BaseClient):
    """The asynchronous client of one server: DeepInfra, or any other that speaks OpenAI's API.

    It may be used from any event loop, and after a fork; it keeps its connections open and shares them among requests.
    `async with` closes it at the end of the block.

    Args:
        api_key: the key, or a function that returns one for each request (or an awaitable of one). Default: the
            environment variables `DEEPINFRA_API_KEY`, `DEEPINFRA_TOKEN` and `DEEPINFRA_API_TOKEN`, in
            this order. A server on this machine needs none.
        base_url: where the routes begin. Default: the environment variable `DEEPINFRA_BASE_URL`, or else
            `https://api.deepinfra.com/v1/openai`.
        model: the model of requests that name none. Default: `meta-llama/Llama-3.3-70B-Instruct-Turbo`.
        timeout: the time limits of requests: a `Timeout`, or a number of seconds for connecting, for the
            first token and between two reads. Default: 5 s, 600 s, 600 s; None for no limits.
        max_retries: how many times a failed request is tried again where that can help. Default 2.
        retry: the whole policy of retries; it has its own `max_retries`.
        limits: how large a response may be.
        default_headers: headers of every request.
        default_query: parameters for the URL of every request.
        proxy: the address of a proxy: `http://`, `https://` or `socks5://`. Default: the environment
            variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
        verify: whether to check the server's certificate. A path names a PEM file of the authorities
            to trust. Default true.
        cert: a client certificate: the path of a PEM file with certificate and key, or the paths of both.
        http2: false, the default, for HTTP/1.1; true for HTTP/2 where the server offers it; "prior-knowledge" for
            HTTP/2 at once, also without TLS.
        compress_requests: whether to compress the bodies of requests with gzip: true for those above 16 KiB, a number
            for those of more bytes. The server must understand it. Default false.
        max_cost: what all requests together may cost, in USD, by the server's `estimated_cost`; a request after that
            raises `BudgetExceededError`. Calls under way count with what they may cost at most. Default: no limit.

    Raises:
        ConfigurationError: an argument has no meaning. A missing key is raised by the first request
            that needs one.
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str | Awaitable[str]] | None = None,
        base_url: str | None = None,
        model: str | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        max_retries: int | NotGiven = ...,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        default_headers: Mapping[str, str | Omit] | None = None,
        default_query: Mapping[str, object] | None = None,
        proxy: str | None = None,
        verify: bool | _Path = True,
        cert: _Path | tuple[_Path, _Path] | None = None,
        http2: bool | Literal["prior-knowledge"] | None = None,
        compress_requests: bool | int = False,
        max_cost: float | None = None,
    ) -> None: ...
    @property
    def api_key(self) -> str | Callable[[], str | Awaitable[str]] | None:
        """The key: the one given, the environment's, or the function that gives it. Can be set."""

    @api_key.setter
    def api_key(self, value: str | Callable[[], str | Awaitable[str]] | None) -> None: ...
    @property
    def chat(self) -> AsyncChat:
        """Chat routes: `client.chat.completions`."""

    @property
    def completions(self) -> AsyncCompletions:
        """Texts that the model goes on with."""

    @property
    def embeddings(self) -> AsyncEmbeddings:
        """Texts as vectors."""

    @property
    def models(self) -> AsyncModels:
        """The models that the server offers."""

    def conversation(
        self,
        *,
        system: str | Sequence[Mapping[str, object]] | None = None,
        messages: Messages = ...,
        model: str | None = None,
        tools: Iterable[Any] | None = None,
        max_cost: float | None = None,
        on_overflow: Literal["raise", "drop_oldest"] | Callable[[list[dict[str, Any]]], Any] | None = None,
        keep_partial: bool = False,
        context_length: int | None = None,
        **params: Any,
    ) -> AsyncConversation:
        """Begin a conversation: an object that keeps what was said, and sends it with each message.

        Args:
            system: the instructions that hold for the whole conversation.
            messages: what was said before: a list of messages, or a text of the user.
            model: the model. Default: the client's.
            tools: what the model may call: as for `run_tools`.
            max_cost: how much the conversation may cost, in USD. Once its replies have cost so much, the next request
                is a `BudgetExceededError`.
            on_overflow: what is done when the history outgrows the model's context: `"raise"`, `"drop_oldest"`, or a
                function that gets the messages and returns those to send and keep. It may be async. See `Conversation`.
            keep_partial: whether to keep what there is of a reply that was cut, cancelled or failed. Default false.
            context_length: how many tokens the model can see at once, where the server does not tell.
            **params: parameters of every request, as for `chat.completions.create`.

        Raises:
            ConfigurationError: an argument has no meaning.
            TypeError: an argument has the wrong type.
        """

    def load_conversation(self, path: _Path, **changes: Any) -> AsyncConversation:
        """Go on with a conversation that was saved by its `save`.

        Args:
            path: the file.
            **changes: settings and parameters in place of those in the file: those that `conversation` takes.

        Raises:
            ConversationFileError: the file is no saved conversation, or is not all of one.
            OSError: the file cannot be read.
        """

    @property
    def beta(self) -> _AsyncBeta:
        """The same as the client: `client.beta.chat` is `client.chat`."""

    @property
    def with_raw_response(self) -> _AsyncClientWithRawResponse:
        """The same resources, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _AsyncClientWithStreamingResponse:
        """The same resources, returning the HTTP response before its body is read."""

    def with_options(
        self,
        *,
        api_key: str | Callable[[], str | Awaitable[str]] | NotGiven | None = ...,
        base_url: str | NotGiven | None = ...,
        model: str | NotGiven | None = ...,
        timeout: float | Timeout | NotGiven | None = ...,
        max_retries: int | NotGiven = ...,
        retry: RetryPolicy | NotGiven | None = ...,
        limits: Limits | NotGiven | None = ...,
        default_headers: Mapping[str, str | Omit] | None = None,
        set_default_headers: Mapping[str, str | Omit] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        proxy: str | NotGiven | None = ...,
        verify: bool | _Path | NotGiven = ...,
        cert: _Path | tuple[_Path, _Path] | NotGiven | None = ...,
        http2: bool | Literal["prior-knowledge"] | NotGiven | None = ...,
        compress_requests: bool | int | NotGiven = ...,
        max_cost: float | NotGiven | None = ...,
    ) -> Self:
        """Return a client with other settings that shares this one's connections and its `usage`.

        Args:
            api_key: as for the client, like all that are not named here.
            base_url: as for the client.
            model: as for the client.
            timeout: as for the client.
            max_retries: as for the client.
            retry: as for the client.
            limits: as for the client.
            default_headers: headers to add to the client's; one that is `omit` takes the client's away.
            set_default_headers: headers in place of the client's.
            default_query: parameters to add to the client's.
            set_default_query: parameters in place of the client's.
            proxy: as for the client.
            verify: as for the client.
            cert: as for the client.
            http2: as for the client.
            compress_requests: as for the client.
            max_cost: a limit for what both clients cost together, as for the client.

        Raises:
            ConfigurationError: an argument has no meaning.
            TypeError: there is no such argument.
        """

    copy = with_options

    @overload
    async def get(
        self,
        path: str,
        *,
        cast_to: None = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a GET request to any route of the server.

        Args:
            path: the route, after the client's `base_url`; or a whole address.
            cast_to: what to make of the answer: a response class, a pydantic model, `dict`, `list`, `str`
                or `bytes`; or `list[…]` and `dict[str, …]` of such. Default: what the JSON says, or None for an
                empty answer.
            stream: whether to return a stream of server-sent events.
            stream_cls: `AsyncStream[T]`, with the class of what the events hold.
            options: a dict of `headers`, `params`, `timeout` and `max_retries`, as openai-python takes them.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """
    @overload
    async def get(
        self,
        path: str,
        *,
        cast_to: type[_T],
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    async def get(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        stream: Literal[True],
        stream_cls: type[_AsyncStreamT],
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _AsyncStreamT: ...
    @overload
    async def get(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        stream: Literal[True],
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> AsyncStream[Any]: ...
    @overload
    async def post(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a POST request to any route of the server.

        Args:
            path: the route, after the client's `base_url`; or a whole address.
            cast_to: what to make of the answer: a response class, a pydantic model, `dict`, `list`, `str`
                or `bytes`; or `list[…]` and `dict[str, …]` of such. Default: what the JSON says, or None for an
                empty answer.
            body: what to send as JSON; bytes are sent as they are.
            stream: whether to return a stream of server-sent events.
            stream_cls: `AsyncStream[T]`, with the class of what the events hold.
            options: a dict of `headers`, `params`, `timeout` and `max_retries`, as openai-python takes them.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """
    @overload
    async def post(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    async def post(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        body: object = None,
        stream: Literal[True],
        stream_cls: type[_AsyncStreamT],
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _AsyncStreamT: ...
    @overload
    async def post(
        self,
        path: str,
        *,
        cast_to: type[Any] | None = None,
        body: object = None,
        stream: Literal[True],
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> AsyncStream[Any]: ...
    @overload
    async def put(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a PUT request to any route of the server. Parameters are those of `post`."""
    @overload
    async def put(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    async def patch(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a PATCH request to any route of the server. Parameters are those of `post`."""
    @overload
    async def patch(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    @overload
    async def delete(
        self,
        path: str,
        *,
        cast_to: None = None,
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> Any:
        """Send a DELETE request to any route of the server. Parameters are those of `post`."""
    @overload
    async def delete(
        self,
        path: str,
        *,
        cast_to: type[_T],
        body: object = None,
        stream: Literal[False] = False,
        stream_cls: None = None,
        options: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
    ) -> _T: ...
    async def warm_up(self, *, timeout: float | Timeout | NotGiven | None = ...) -> None:
        """Open a connection for the next request, so that this one need not wait for it.

        A `HEAD` request without a key is sent to `base_url`; whatever the server answers will do.

        Args:
            timeout: as for the client, for this request alone.

        Raises:
            APIConnectionError: the server cannot be reached, or not in time.
        """

    async def close(self) -> None:
        """End open streams, close the connections and refuse further requests with `ClientClosedError`."""

    async def aclose(self) -> None:
        """Close the client: another name for `close`."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

class _Beta:
    @property
    def chat(self) -> Chat: ...

class _AsyncBeta:
    @property
    def chat(self) -> AsyncChat: ...

class _ClientWithRawResponse:
    @property
    def chat(self) -> _chat._ChatWithRawResponse: ...
    @property
    def completions(self) -> _completions._CompletionsWithRawResponse: ...
    @property
    def embeddings(self) -> _embeddings._EmbeddingsWithRawResponse: ...
    @property
    def models(self) -> _models._ModelsWithRawResponse: ...

class _ClientWithStreamingResponse:
    @property
    def chat(self) -> _chat._ChatWithStreamingResponse: ...
    @property
    def completions(self) -> _completions._CompletionsWithStreamingResponse: ...
    @property
    def embeddings(self) -> _embeddings._EmbeddingsWithStreamingResponse: ...
    @property
    def models(self) -> _models._ModelsWithStreamingResponse: ...

class _AsyncClientWithRawResponse:
    @property
    def chat(self) -> _chat._AsyncChatWithRawResponse: ...
    @property
    def completions(self) -> _completions._AsyncCompletionsWithRawResponse: ...
    @property
    def embeddings(self) -> _embeddings._AsyncEmbeddingsWithRawResponse: ...
    @property
    def models(self) -> _models._AsyncModelsWithRawResponse: ...

class _AsyncClientWithStreamingResponse:
    @property
    def chat(self) -> _chat._AsyncChatWithStreamingResponse: ...
    @property
    def completions(self) -> _completions._AsyncCompletionsWithStreamingResponse: ...
    @property
    def embeddings(self) -> _embeddings._AsyncEmbeddingsWithStreamingResponse: ...
    @property
    def models(self) -> _models._AsyncModelsWithStreamingResponse: ...

"""The errors of requests and clients, and the tree of all that this package raises.

    TokstreamError
    ├── APIError                        message, code, param, type, body, request_id, partial
    │   ├── APIConnectionError          (+ ConnectionError)  cause
    │   │   ├── APITimeoutError         (+ TimeoutError)     phase
    │   │   └── StreamTruncatedError    partial
    │   ├── APIStatusError              status_code, headers, retry_after
    │   │   ├── BadRequestError             400
    │   │   ├── AuthenticationError         401
    │   │   ├── PaymentRequiredError        402
    │   │   ├── PermissionDeniedError       403
    │   │   ├── NotFoundError               404
    │   │   ├── ConflictError               409
    │   │   ├── UnprocessableEntityError    422
    │   │   ├── RateLimitError              429
    │   │   └── InternalServerError         500 and above
    │   └── APIResponseValidationError
    │       └── OutputValidationError   (+ ValueError)  text, reasons, completion
    ├── LengthFinishReasonError         completion
    ├── ContentFilterFinishReasonError  completion
    ├── RefusalError                    refusal, completion
    ├── BudgetExceededError             limit, spent, partial, run
    ├── MaxTurnsExceededError           max_turns, run
    ├── ToolError                       name, arguments, call_id, run
    ├── ConversationError
    │   ├── ContextLengthExceededError  tokens, limit, model, partial
    │   └── ConversationFileError       (+ ValueError)  path, line, messages
    ├── ClientClosedError
    ├── ConfigurationError              (+ ValueError)
    └── ValidationError                 (+ ValueError)  errors()

Those of replies, tools and conversations stand in the packages that raise them (`_parsing`, `_tools`, `_conversation`),
`ValidationError` in `_validation`. Programs import all of them from `tokstream`.

The names and their meaning are those of openai-python; its `OpenAIError` is `TokstreamError` here.
Every error can be pickled and copied, with all its attributes.
"""

from __future__ import annotations

from ._http import Headers, Request, Response
from ._typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from typing import Any, TypedDict

    from typing_extensions import Unpack

    from ._tokstream import ChatCompletion, Completion
    from ._tools.run import ToolRun

    class _Details(TypedDict, total=False):
        code: str | None
        param: str | None
        type: str | None
        request_id: str | None
        partial: ChatCompletion | Completion | None
        retries_taken: int

    class _Fields(_Details, total=False):
        response: Response | None
        body: object

    class _ConnectionFields(_Fields, total=False):
        errno: int | None


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "InternalServerError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "StreamTruncatedError",
    "TokstreamError",
    "UnprocessableEntityError",
]


def _blank(cls: type[TokstreamError], args: tuple[object, ...]) -> TokstreamError:
    """Make an error without calling its constructor, whose parameters a copy need not know."""
    error = cls.__new__(cls)
    error.args = args
    return error


class TokstreamError(Exception):
    """The base of every error that this package raises.

    Attributes:
        message (str): what went wrong, in words.
        run (ToolRun | None): the run of tools that ended in this error, as far as it went; `None` outside of one.
    """

    run: ToolRun | None = None

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    @override
    def __str__(self) -> str:
        return str(self.message)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(self.__dict__)
        # OSError keeps it outside __dict__.
        if getattr(self, "errno", None) is not None:
            state["errno"] = self.errno  # type: ignore[attr-defined]
        return _blank, (type(self), self.args), state


class APIError(TokstreamError):
    """A request failed, or a stream ended in an error that the server sent in mid-stream.

    Attributes:
        message (str): what went wrong, in words; the server's own where it said something.
        code (str | None): the server's code for the error, for example `"engine_overloaded"`.
        param (str | None): the parameter that the server objects to.
        type (str | None): the server's name for the kind of error.
        body (object): the decoded JSON of the server's answer, its text where it is not JSON, or
            `None` where there was no answer.
        request (Request | None): what was asked.
        response (Response | None): what was answered.
        request_id (str | None): the `x-request-id` of the response.
        partial (ChatCompletion | Completion | None): the completion put together from what had
            arrived when a stream failed; `None` outside a stream.
        retries_taken (int): how many times the request was tried again before this error.

    `code`, `param` and `type` are read from `body`, and `request` and `request_id` from `response`,
    when they are not given.
    """

    message: str
    code: str | None
    param: str | None
    type: str | None
    body: object
    request: Request | None
    response: Response | None
    request_id: str | None
    partial: ChatCompletion | Completion | None
    retries_taken: int

    def __init__(
        self,
        message: str = "",
        request: Request | None = None,
        *,
        response: Response | None = None,
        body: object = None,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,
        request_id: str | None = None,
        partial: ChatCompletion | Completion | None = None,
        retries_taken: int = 0,
    ) -> None:
        super().__init__(message)
        said = detail_of(body)
        self.code = code if code is not None else _text_or_none(said.get("code"))
        self.param = param if param is not None else _text_or_none(said.get("param"))
        self.type = type if type is not None else _text_or_none(said.get("type"))
        self.body = body
        self.response = response
        self.request = request if request is not None else _request_of(response)
        if request_id is None and response is not None:
            request_id = response.headers.get("x-request-id")
        self.request_id = request_id
        self.partial = partial
        self.retries_taken = retries_taken


class APIConnectionError(APIError, ConnectionError):
    """The server could not be reached, or the connection failed before the answer was whole.

    Attributes:
        cause (str): `"dns"`, `"refused"`, `"tls"`, `"proxy"`, `"reset"`, `"unreachable"`,
            `"protocol"`, `"timeout"`, `"truncated"` or `"other"`; more may be added.
        errno (int | None): the system's error number, where there is one.
    """

    cause: str

    def __init__(
        self,
        message: str = "Connection error.",
        request: Request | None = None,
        *,
        cause: str = "other",
        errno: int | None = None,
        **fields: Unpack[_Fields],
    ) -> None:
        super().__init__(message, request, **fields)
        self.cause = cause
        self.errno = errno


class APITimeoutError(APIConnectionError, TimeoutError):
    """The server took longer than the client's `Timeout` allows. `cause` is `"timeout"`.

    Attributes:
        phase (str | None): which of the times ran out: `"connect"`, `"first_token"`, `"read"` or
            `"total"`.
    """

    phase: str | None

    def __init__(
        self,
        request: Request | str | None = None,
        message: str | Request | None = None,
        *,
        phase: str | None = None,
        cause: str = "timeout",
        **fields: Unpack[_ConnectionFields],
    ) -> None:
        # openai-python's constructor takes the request first, all others the message.
        if isinstance(request, str) or (message is not None and not isinstance(message, str)):
            request, message = message, request
        text: Any = "Request timed out." if message is None else message
        asked: Any = request
        super().__init__(text, asked, cause=cause, **fields)
        self.phase = phase


class StreamTruncatedError(APIConnectionError):
    """A stream was cut before its end. Everything that did arrive was handed out before.

    Attributes:
        partial (ChatCompletion | Completion | None): the completion put together so far, with
            its usage if that was seen; `None` if nothing had arrived.
    """

    def __init__(
        self,
        message: str = "The stream ended before it was complete.",
        request: Request | None = None,
        *,
        cause: str = "truncated",
        **fields: Unpack[_ConnectionFields],
    ) -> None:
        super().__init__(message, request, cause=cause, **fields)


class APIStatusError(APIError):
    """The server answered with a status that is an error: 4xx or 5xx.

    Statuses that have a class of their own raise that; the others, 405 among them, raise this one.

    Attributes:
        status_code (int): the status.
        headers (Headers): the headers of the response.
        retry_after (float | None): how long the server asks to wait, in seconds; `None` if it does
            not say, or says it unreadably.
    """

    status_code: int
    headers: Headers
    retry_after: float | None

    def __init__(
        self,
        message: str,
        request: Request | None = None,
        *,
        response: Response | None = None,
        body: object = None,
        status_code: int | None = None,
        headers: Headers | None = None,
        retry_after: float | None = None,
        **fields: Unpack[_Details],
    ) -> None:
        super().__init__(message, request, response=response, body=body, **fields)
        if response is not None:
            status_code = response.status_code if status_code is None else status_code
            headers = response.headers if headers is None else headers
        if status_code is None:
            status_code = int(getattr(type(self), "status_code", 0))
        self.status_code = status_code
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        if self.request_id is None:
            self.request_id = self.headers.get("x-request-id")
        self.retry_after = _retry_after(self.headers) if retry_after is None else retry_after


class BadRequestError(APIStatusError):
    """400: the request is wrong, for example longer than the model's context."""

    status_code: int = 400


class AuthenticationError(APIStatusError):
    """401: the key is missing or not accepted."""

    status_code: int = 401


class PaymentRequiredError(APIStatusError):
    """402: the account has no means of payment left, or reached its spending limit."""

    status_code: int = 402


class PermissionDeniedError(APIStatusError):
    """403: the key does not allow this."""

    status_code: int = 403


class NotFoundError(APIStatusError):
    """404: there is no such model or address."""

    status_code: int = 404


class ConflictError(APIStatusError):
    """409: the request is at odds with another one."""

    status_code: int = 409


class UnprocessableEntityError(APIStatusError):
    """422: a parameter of the request has a value that the server refuses."""

    status_code: int = 422


class RateLimitError(APIStatusError):
    """429: too many requests, or the model is busy."""

    status_code: int = 429


class InternalServerError(APIStatusError):
    """500 and above: the server failed."""


class APIResponseValidationError(APIError):
    """The server's answer is not what was asked for: not JSON, not an object, or not a stream.

    Attributes:
        status_code (int | None): the status of the response, which was a success.
        body (object): the offending data, shortened.
    """

    status_code: int | None

    def __init__(
        self,
        response: Response | str | None = None,
        body: object = None,
        *,
        message: str | None = None,
        request: Request | None = None,
        status_code: int | None = None,
        **fields: Unpack[_Details],
    ) -> None:
        if isinstance(response, str):
            response, message = None, response
        if not message:
            message = "The server's answer is not what was expected."
        super().__init__(message, request, response=response, body=body, **fields)
        if status_code is None and response is not None:
            status_code = response.status_code
        self.status_code = status_code


class BudgetExceededError(TokstreamError):
    """A limit of cost that the caller set was reached; no further request was sent.

    Attributes:
        limit (float | None): the limit, in USD.
        spent (float | None): what was spent, in USD, as the server reported it.
        partial (ChatCompletion | None): the answer so far, if it took several requests and the limit was reached
            between two of them.
    """

    limit: float | None
    spent: float | None
    partial: ChatCompletion | None

    def __init__(
        self,
        message: str = "The budget is spent.",
        *,
        limit: float | None = None,
        spent: float | None = None,
        partial: ChatCompletion | None = None,
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.spent = spent
        self.partial = partial


class ClientClosedError(TokstreamError):
    """A client or a stream was used after it was closed."""

    def __init__(self, message: str = "The client is closed.") -> None:
        super().__init__(message)


class ConfigurationError(TokstreamError, ValueError):
    """The client is set up wrongly: no key, a bad URL, a timeout that is no time, and the like."""


# Where programs import them from, and pickles look for them.
for _name in __all__:
    globals()[_name].__module__ = "tokstream"

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Find an error that stands elsewhere: pickles of earlier builds look for all of them here."""
        if name.endswith("Error"):
            import tokstream

            return getattr(tokstream, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def detail_of(body: Any) -> dict[str, Any]:
    """Return the part of an error's body that has the code, param and type."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):  # pyright: ignore[reportUnknownMemberType]
        body = body["error"]  # pyright: ignore[reportUnknownVariableType]
    return body if isinstance(body, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _request_of(response: Any) -> Request | None:
    try:
        return response.request  # type: ignore[no-any-return]
    # A response of httpx that was built by hand raises RuntimeError where it has no request.
    except (AttributeError, RuntimeError):
        return None


def _retry_after(headers: Headers) -> float | None:
    """Read `retry-after-ms` and `retry-after` (seconds or a date): seconds from now."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _seconds_until(value)
        if 0.0 <= seconds < float("inf"):
            return seconds
    return None


def _seconds_until(date: str) -> float:
    from time import time

    try:
        from email.utils import mktime_tz, parsedate_tz
    # The disk may be gone, and an error must not raise another.
    except (ImportError, OSError):
        return -1.0

    parsed = parsedate_tz(date)
    try:
        return mktime_tz(parsed) - time() if parsed is not None else -1.0
    except (OverflowError, ValueError):
        return -1.0

"""The errors that the extension module raises, made of what it knows of them.

A client loads this before it needs it: the first error may come when no file can be read any more, or in a child that
was forked while another thread imported a module.
"""

from __future__ import annotations

from ._exceptions import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    StreamTruncatedError,
    UnprocessableEntityError,
)
from ._http import Request, Response
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._exceptions import TokstreamError

_STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    error.status_code: error
    for error in (
        BadRequestError,
        AuthenticationError,
        PaymentRequiredError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        UnprocessableEntityError,
        RateLimitError,
    )
}


def status_error_class(status: int) -> type[APIStatusError]:
    """Return the class of error that a response with this status raises."""
    if status >= 500:
        return InternalServerError
    return _STATUS_ERRORS.get(status, APIStatusError)


def _make_status(message: str, **fields: Any) -> TokstreamError:
    status = fields.get("status_code")
    if status is None:
        status = fields["response"].status_code
    return status_error_class(status)(message, **fields)


_MAKERS: dict[str, Callable[..., TokstreamError]] = {
    "api": APIError,
    "connection": APIConnectionError,
    "timeout": APITimeoutError,
    "truncated": StreamTruncatedError,
    "status": _make_status,
    "validation": APIResponseValidationError,
    "closed": ClientClosedError,
    "configuration": ConfigurationError,
}


def make(kind: str, message: str, fields: dict[str, Any] | None = None) -> TokstreamError:
    """Build the error of the given kind, for the extension module.

    Args:
        kind: `"api"`, `"connection"`, `"timeout"`, `"truncated"`, `"status"`, `"validation"`,
            `"closed"` or `"configuration"`.
        message: what went wrong, in words.
        fields: the keywords of the class's constructor. `request` and `response` may also be dicts
            of what `Request` and `Response` take; a response gets the request as its own.

    Raises:
        KeyError: there is no such kind.
    """
    keywords: dict[str, Any] = dict(fields or ())
    if isinstance(keywords.get("request"), dict):
        keywords["request"] = Request(**keywords["request"])
    if isinstance(keywords.get("response"), dict):
        keywords["response"].setdefault("request", keywords.get("request"))
        keywords["response"] = Response(**keywords["response"])
    return _MAKERS[kind](message=message, **keywords)

"""Whether a stream that broke can be gone on with, and how long to wait before. Decisions only."""

from __future__ import annotations

from tokstream._exceptions import APIConnectionError, APIError, APIStatusError, APITimeoutError
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokstream._tokstream import RetryPolicy

_CURABLE_STATUSES = (408, 409, 429)
# The request's own fault, or the account's, by any name that servers give it: another one like it fails as well.
_INCURABLE = (
    "auth",
    "balance",
    "billing",
    "content_filter",
    "content_policy",
    "context_length",
    "exceed_context",
    "insufficient_quota",
    "invalid",
    "not_found",
    "not_supported",
    "payment",
    "permission",
    "unprocessable",
    "unsupported",
    "validation",
)
_INCURABLE_WORDS = ("new accounts need established payment history", "exceeds maximum input length")
# Doubled more often, a wait is beyond any bound.
_MOST_DOUBLINGS = 30


def is_curable(error: Exception) -> bool:
    """Whether the same request may succeed where this error was met."""
    if isinstance(error, APITimeoutError):
        return error.phase != "total"
    if isinstance(error, APIConnectionError):
        return error.cause not in {"tls", "protocol"}
    if isinstance(error, APIStatusError):
        told = (error.headers.get("x-should-retry") or "").strip().lower()
        if told in {"true", "false"}:
            return told == "true"
        return _is_curable_status(error.status_code) and _says_nothing_else(error)
    # An error that the server sent in the stream; what it could have refused it refused before.
    return type(error) is APIError and _is_curable_report(error)


def _is_curable_status(status: int) -> bool:
    return status in _CURABLE_STATUSES or status >= 500


def _is_curable_report(error: APIError) -> bool:
    code = error.code or ""
    if code.isdecimal() and len(code) == 3:
        return _is_curable_status(int(code)) and _says_nothing_else(error)
    names = f"{code} {error.type or ''}".lower()
    return not any(name in names for name in _INCURABLE) and _says_nothing_else(error)


def _says_nothing_else(error: APIError) -> bool:
    message = str(error.message).lower()
    return not any(words in message for words in _INCURABLE_WORDS)


def wait_before(policy: RetryPolicy, in_vain: int, error: Exception) -> float | None:
    """Return how long to wait before the next attempt, in seconds; None where the server asks for too much.

    Args:
        policy: the client's.
        in_vain: attempts in a row that brought nothing.
        error: what the last one met.
    """
    from random import random

    asked: float | None = getattr(error, "retry_after", None)
    if asked is not None:
        return asked if asked <= policy.max_retry_after else None
    full = min(policy.initial_delay * 2.0 ** min(in_vain, _MOST_DOUBLINGS), policy.max_delay)
    return full * (1.0 - policy.jitter * random())  # noqa: S311 - nothing secret about it

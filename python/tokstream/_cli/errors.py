"""Errors as the commands show them: one line that says what to do, and an exit code."""

from __future__ import annotations

from tokstream import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    TokstreamError,
)

# Exit codes, beside 0 for success.
FAILURE, USAGE, INTERRUPTED = 1, 2, 130

NO_KEY = "set DEEPINFRA_API_KEY, or name another server with --base-url, or use the model on this machine with --local"

# The first class that an error belongs to tells what to do about it.
ADVICE: tuple[tuple[type[TokstreamError], str], ...] = (
    (AuthenticationError, "set DEEPINFRA_API_KEY to a valid key"),
    (PaymentRequiredError, "look after the account's means of payment"),
    (PermissionDeniedError, "use a key that is allowed to do this"),
    (NotFoundError, "'tokstream models' lists the models, --base-url sets the server"),
    (RateLimitError, "try again later"),
    (APITimeoutError, "try again later"),
    (APIConnectionError, "check the network, and --base-url or DEEPINFRA_BASE_URL"),
)


class UsageError(Exception):
    """The command line asks for what cannot be."""


def describe(error: Exception) -> str:
    """Say what went wrong, and what to do about it where that is known."""
    text = str(error).strip().rstrip(".") or type(error).__name__
    if isinstance(error, ConfigurationError) and text.startswith("No API key for "):
        # What can be done about it is not the same as in a program.
        return f"{text.partition(': ')[0]}: {NO_KEY}"
    if isinstance(error, APIStatusError) and str(error.status_code) not in text:
        text = f"{text} (status {error.status_code})"
    for kind, advice in ADVICE:
        if isinstance(error, kind):
            return f"{text}: {advice}"
    return text


def exit_code(error: Exception) -> int:
    """Return the exit code that tells of this error."""
    return USAGE if isinstance(error, (UsageError, ConfigurationError)) else FAILURE

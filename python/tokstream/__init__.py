"""Stream chat completions from DeepInfra and every other OpenAI-compatible server.

from tokstream import Client

client = Client()
for token in client.chat.completions.create(messages="Hello!", stream=True).text_stream:
    print(token, end="", flush=True)
"""

from __future__ import annotations

from ._client import AsyncClient, Client, Usage
from ._exceptions import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    ContentFilterFinishReasonError,
    InternalServerError,
    LengthFinishReasonError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    StreamTruncatedError,
    TokstreamError,
    UnprocessableEntityError,
)
from ._marks import NOT_GIVEN, NotGiven, Omit, omit
from ._tokstream import AsyncStream, BaseModel, Limits, RetryPolicy, Stream, Timeout, __version__
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import local, types

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "BudgetExceededError",
    "Client",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "InternalServerError",
    "LengthFinishReasonError",
    "Limits",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RetryPolicy",
    "Stream",
    "StreamTruncatedError",
    "Timeout",
    "TokstreamError",
    "UnprocessableEntityError",
    "Usage",
    "__version__",
    "local",
    "omit",
    "types",
]


def __getattr__(name: str) -> object:
    if name in ("local", "types"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

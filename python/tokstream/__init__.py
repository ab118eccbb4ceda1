"""Stream chat completions from DeepInfra and every other OpenAI-compatible server.

from tokstream import Client

client = Client()
for token in client.chat.completions.create(messages="Hello!", stream=True).text_stream:
    print(token, end="", flush=True)
"""

from __future__ import annotations

from ._client import AsyncClient, Client, Usage
from ._marks import NOT_GIVEN, NotGiven, Omit, omit
from ._tokstream import AsyncStream, BaseModel, Limits, RetryPolicy, Stream, Timeout, __version__
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import local, types
    from ._conversation.conversation import AsyncConversation, Conversation
    from ._conversation.errors import ContextLengthExceededError, ConversationError, ConversationFileError
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
        InternalServerError,
        NotFoundError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        StreamTruncatedError,
        TokstreamError,
        UnprocessableEntityError,
    )
    from ._parsing.errors import (
        ContentFilterFinishReasonError,
        LengthFinishReasonError,
        OutputValidationError,
        RefusalError,
    )
    from ._response import APIResponse, AsyncAPIResponse, RawResponse
    from ._tools.definition import pydantic_function_tool, tool
    from ._tools.errors import MaxTurnsExceededError, ToolError
    from ._tools.run import AsyncToolRunStream, ToolRun, ToolRunStream
    from ._validation import ValidationError

    # What openai-python calls the same.
    OpenAIError = TokstreamError

not_given = NOT_GIVEN
VERSION = __version__
DEFAULT_TIMEOUT = Timeout()
DEFAULT_MAX_RETRIES = RetryPolicy().max_retries

__all__ = [
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "NOT_GIVEN",
    "VERSION",
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncAPIResponse",
    "AsyncClient",
    "AsyncConversation",
    "AsyncStream",
    "AsyncToolRunStream",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "BudgetExceededError",
    "Client",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "ContextLengthExceededError",
    "Conversation",
    "ConversationError",
    "ConversationFileError",
    "InternalServerError",
    "LengthFinishReasonError",
    "Limits",
    "MaxTurnsExceededError",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "OpenAIError",
    "OutputValidationError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RawResponse",
    "RefusalError",
    "RetryPolicy",
    "Stream",
    "StreamTruncatedError",
    "Timeout",
    "TokstreamError",
    "ToolError",
    "ToolRun",
    "ToolRunStream",
    "UnprocessableEntityError",
    "Usage",
    "ValidationError",
    "__version__",
    "local",
    "not_given",
    "omit",
    "pydantic_function_tool",
    "tool",
    "types",
]


_OWN_HTTP = "the HTTP client is tokstream's own; give Client proxy=, verify=, cert=, http2= or limits="
_INSTEAD = {
    "OpenAI": "it is Client here",
    "AsyncOpenAI": "it is AsyncClient here",
    "AzureOpenAI": "use Client with base_url= and default_headers=",
    "AsyncAzureOpenAI": "use AsyncClient with base_url= and default_headers=",
    "DefaultHttpxClient": _OWN_HTTP,
    "DefaultAsyncHttpxClient": _OWN_HTTP,
    "DefaultAioHttpClient": _OWN_HTTP,
    "DefaultHttpx2Client": _OWN_HTTP,
    "DefaultAsyncHttpx2Client": _OWN_HTTP,
    "DEFAULT_CONNECTION_LIMITS": _OWN_HTTP,
}

# The modules of what is loaded when it is first used.
_HOMES = {
    "APIConnectionError": "._exceptions",
    "APIError": "._exceptions",
    "APIResponse": "._response",
    "APIResponseValidationError": "._exceptions",
    "APIStatusError": "._exceptions",
    "APITimeoutError": "._exceptions",
    "AsyncAPIResponse": "._response",
    "AsyncConversation": "._conversation.conversation",
    "AsyncToolRunStream": "._tools.run",
    "AuthenticationError": "._exceptions",
    "BadRequestError": "._exceptions",
    "BudgetExceededError": "._exceptions",
    "ClientClosedError": "._exceptions",
    "ConfigurationError": "._exceptions",
    "ConflictError": "._exceptions",
    "ContentFilterFinishReasonError": "._parsing.errors",
    "ContextLengthExceededError": "._conversation.errors",
    "Conversation": "._conversation.conversation",
    "ConversationError": "._conversation.errors",
    "ConversationFileError": "._conversation.errors",
    "InternalServerError": "._exceptions",
    "LengthFinishReasonError": "._parsing.errors",
    "MaxTurnsExceededError": "._tools.errors",
    "NotFoundError": "._exceptions",
    "OutputValidationError": "._parsing.errors",
    "PaymentRequiredError": "._exceptions",
    "PermissionDeniedError": "._exceptions",
    "RateLimitError": "._exceptions",
    "RawResponse": "._response",
    "RefusalError": "._parsing.errors",
    "StreamTruncatedError": "._exceptions",
    "TokstreamError": "._exceptions",
    "ToolError": "._tools.errors",
    "ToolRun": "._tools.run",
    "ToolRunStream": "._tools.run",
    "UnprocessableEntityError": "._exceptions",
    "ValidationError": "._validation",
    "pydantic_function_tool": "._tools.definition",
    "tool": "._tools.definition",
}

_ALIASES = {"LegacyAPIResponse": "RawResponse", "OpenAIError": "TokstreamError"}


def __getattr__(name: str) -> object:
    if name in ("local", "types"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    own_name = _ALIASES.get(name, name)
    if own_name in _HOMES:
        from importlib import import_module

        # Kept: programs look errors up for each one that they catch, and while they end, when nothing can be imported.
        found = globals()[name] = getattr(import_module(_HOMES[own_name], __name__), own_name)
        return found
    if name in _INSTEAD:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: {_INSTEAD[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

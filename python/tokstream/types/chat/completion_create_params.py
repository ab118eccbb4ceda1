"""The body of a chat request, as types for code that builds one before it sends it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from tokstream.types._typing import Required, TypedDict
from tokstream.types.shared_params.metadata import Metadata
from tokstream.types.shared_params.reasoning_effort import ReasoningEffort
from tokstream.types.shared_params.response_format_json_object import ResponseFormatJSONObject
from tokstream.types.shared_params.response_format_json_schema import ResponseFormatJSONSchema
from tokstream.types.shared_params.response_format_regex import ResponseFormatRegex
from tokstream.types.shared_params.response_format_text import ResponseFormatText

from .chat_completion_message_param import ChatCompletionMessageParam
from .chat_completion_stream_options_param import ChatCompletionStreamOptionsParam
from .chat_completion_tool_choice_option_param import ChatCompletionToolChoiceOptionParam
from .chat_completion_tool_union_param import ChatCompletionToolUnionParam

__all__ = [
    "CompletionCreateParams",
    "CompletionCreateParamsBase",
    "CompletionCreateParamsNonStreaming",
    "CompletionCreateParamsStreaming",
    "PromptCacheOptions",
    "Reasoning",
    "ResponseFormat",
    "ServiceTier",
]

ResponseFormat: TypeAlias = (
    ResponseFormatText | ResponseFormatJSONSchema | ResponseFormatJSONObject | ResponseFormatRegex
)
"""The form of a reply: free text, some JSON object, JSON after a schema, or a regular expression."""

# Two literals because stubtest takes a lone one for a union that is none.
ServiceTier: TypeAlias = Literal["default", "priority", "flex"] | Literal["auto", "scale", "fast"]  # noqa: PYI030
"""How a request is queued and priced. DeepInfra knows `default`, `priority` and `flex`; other servers the others."""

PromptCacheOptions: TypeAlias = dict[str, Any]
"""What the server's prompt cache shall do, in the server's own words."""


class Reasoning(TypedDict, total=False):
    """Whether and how much a reasoning model thinks."""

    effort: ReasoningEffort
    """How much. The same as `reasoning_effort`."""

    enabled: bool
    """False turns thinking off for models that can do without."""


class CompletionCreateParamsBase(TypedDict, total=False):
    """Everything a chat request can hold, apart from `stream`.

    `Completions.create` says what each parameter means, with ranges and defaults.
    """

    messages: Required[Sequence[ChatCompletionMessageParam]]
    model: Required[str]
    chat_template_kwargs: Mapping[str, object] | None
    continue_final_message: bool | None
    fail_fast: bool | None
    frequency_penalty: float | None
    ignore_eos: bool | None
    logit_bias: dict[str, int] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    metadata: Metadata | None
    min_p: float | None
    models: Sequence[str] | None
    n: int | None
    parallel_tool_calls: bool | None
    presence_penalty: float | None
    prompt_cache_key: str | None
    prompt_cache_options: PromptCacheOptions | None
    reasoning: Reasoning | None
    reasoning_effort: ReasoningEffort
    repetition_penalty: float | None
    response_format: ResponseFormat | None
    seed: int | None
    service_tier: ServiceTier | None
    stop: str | Sequence[str] | None
    stop_token_ids: Sequence[int] | None
    stream_options: ChatCompletionStreamOptionsParam | None
    temperature: float | None
    tool_choice: ChatCompletionToolChoiceOptionParam | None
    tools: Sequence[ChatCompletionToolUnionParam] | None
    top_k: int | None
    top_logprobs: int | None
    top_p: float | None
    user: str | None


class CompletionCreateParamsNonStreaming(CompletionCreateParamsBase, total=False):
    """A chat request that is answered in one piece."""

    stream: Literal[False] | None
    """False or missing."""


class CompletionCreateParamsStreaming(CompletionCreateParamsBase, total=False):
    """A chat request that is answered as a stream."""

    stream: Required[Literal[True]]
    """Always true."""


CompletionCreateParams: TypeAlias = CompletionCreateParamsNonStreaming | CompletionCreateParamsStreaming
"""A chat request, told apart by `stream`."""

"""The body of a text completion, as types for code that builds one before it sends it."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from ._typing import Required, TypedDict
from .chat.chat_completion_stream_options_param import ChatCompletionStreamOptionsParam
from .chat.completion_create_params import ResponseFormat

__all__ = [
    "CompletionCreateParams",
    "CompletionCreateParamsBase",
    "CompletionCreateParamsNonStreaming",
    "CompletionCreateParamsStreaming",
]


class CompletionCreateParamsBase(TypedDict, total=False):
    """Everything a text completion can hold, apart from `stream`.

    `Completions.create` says what each parameter means.
    """

    model: Required[str]
    prompt: Required[str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]]
    best_of: int | None
    echo: bool | None
    frequency_penalty: float | None
    logit_bias: dict[str, int] | None
    logprobs: int | None
    max_tokens: int | None
    min_p: float | None
    n: int | None
    presence_penalty: float | None
    repetition_penalty: float | None
    response_format: ResponseFormat | None
    seed: int | None
    stop: str | Sequence[str] | None
    stop_token_ids: Sequence[int] | None
    stream_options: ChatCompletionStreamOptionsParam | None
    suffix: str | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    user: str | None


class CompletionCreateParamsNonStreaming(CompletionCreateParamsBase, total=False):
    """A text completion that is answered in one piece."""

    stream: Literal[False] | None
    """False or missing."""


class CompletionCreateParamsStreaming(CompletionCreateParamsBase, total=False):
    """A text completion that is answered as a stream."""

    stream: Required[Literal[True]]
    """Always true."""


CompletionCreateParams: TypeAlias = CompletionCreateParamsNonStreaming | CompletionCreateParamsStreaming
"""A text completion, told apart by `stream`."""

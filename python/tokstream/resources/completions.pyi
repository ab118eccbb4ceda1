"""`client.completions`: texts that the model goes on with."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, overload

from tokstream._marks import NotGiven, Omit
from tokstream._response import AsyncResponseContextManager, RawResponse, ResponseContextManager
from tokstream._tokstream import AsyncStream, Completion, Stream, Timeout
from tokstream.types.chat import ChatCompletionStreamOptionsParam
from tokstream.types.chat.completion_create_params import ResponseFormat, ServiceTier

_Missing: TypeAlias = NotGiven | Omit

class Completions:
    """Texts that the model goes on with."""

    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        best_of: int | _Missing | None = ...,
        echo: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        n: int | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        suffix: str | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Completion:
        """Have the model go on with a text, without the form of a conversation.

        Parameters not given are not sent, and the server's defaults hold; None is sent as null.

        Args:
            prompt: the text to go on with: a string, a list of strings, the ids of its tokens, or a list of such
                lists.
            model: the model's id. Default: the client's.
            stream: whether to return the text as it is being written. Default false.
            best_of: how many texts to write for each prompt and choose the best `n` of.
            echo: whether the text begins with the prompt.
            frequency_penalty: from -2 to 2, default 0; above 0 makes a token rarer the oftener it was used.
            ignore_eos: whether to write on after the model's own end, up to `max_tokens`.
            logit_bias: for token ids, what is added to their likelihood, from -100 to 100.
            logprobs: how many of the likeliest tokens to return at each place.
            max_tokens: how many tokens the reply can have. Default: what fits; most models stop at 16,384.
            min_p: from 0 to 1, default 0; leaves out tokens less likely than this part of the likeliest one.
            n: how many texts to write for each prompt. Default 1.
            presence_penalty: from -2 to 2, default 0; above 0 makes tokens rarer that were used.
            repetition_penalty: from 0.01 to 5, default 1; above 1 makes tokens rarer that were used.
            response_format: the reply's form: `{"type": "text"}`, `{"type": "json_object"}`, `{"type":
                "json_schema", "json_schema": {"name": …, "schema": …}}` or `{"type": "regex", "regex": …}`.
            seed: from -2^63 to 2^64 - 1; the same seed and parameters give the same reply where the server can.
            service_tier: `default`, `priority` (served first, costs more) or `flex` (costs less, may wait for ten
                minutes and then fail with 429).
            stop: a text, or up to 16, before which the reply ends.
            stop_token_ids: token ids at which the reply ends.
            stream_options: `include_usage` (default true): token counts at the end of the stream;
                `continuous_usage_stats` (default false): on every chunk.
            suffix: what comes after the text, for models that fill gaps.
            temperature: from 0 to 2, default 1; lower makes the reply more predictable.
            top_k: from 0 to 999, default 0 (off); only this many of the likeliest tokens count.
            top_p: above 0, up to 1, default 1; only the likeliest tokens that make up this much count.
            user: an id of your own for the person behind the request.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for the body, over all others.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.
            **params: anything else goes into the body as it is.

        Returns:
            `Completion`, or with `stream=True` a `Stream` of `Completion`, each with a new piece of text.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[True],
        best_of: int | _Missing | None = ...,
        echo: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        n: int | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        suffix: str | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Stream[Completion]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: bool,
        best_of: int | _Missing | None = ...,
        echo: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        n: int | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        suffix: str | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Completion | Stream[Completion]: ...
    @property
    def with_raw_response(self) -> _CompletionsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _CompletionsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class AsyncCompletions:
    """Texts that the model goes on with."""

    @overload
    async def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        best_of: int | _Missing | None = ...,
        echo: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        n: int | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        suffix: str | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Completion:
        """Have the model go on with a text, without the form of a conversation.

        Parameters not given are not sent, and the server's defaults hold; None is sent as null.

        Args:
            prompt: the text to go on with: a string, a list of strings, the ids of its tokens, or a list of such
                lists.
            model: the model's id. Default: the client's.
            stream: whether to return the text as it is being written. Default false.
            best_of: how many texts to write for each prompt and choose the best `n` of.
            echo: whether the text begins with the prompt.
            frequency_penalty: from -2 to 2, default 0; above 0 makes a token rarer the oftener it was used.
            ignore_eos: whether to write on after the model's own end, up to `max_tokens`.
            logit_bias: for token ids, what is added to their likelihood, from -100 to 100.
            logprobs: how many of the likeliest tokens to return at each place.
            max_tokens: how many tokens the reply can have. Default: what fits; most models stop at 16,384.
            min_p: from 0 to 1, default 0; leaves out tokens less likely than this part of the likeliest one.
            n: how many texts to write for each prompt. Default 1.
            presence_penalty: from -2 to 2, default 0; above 0 makes tokens rarer that were used.
            repetition_penalty: from 0.01 to 5, default 1; above 1 makes tokens rarer that were used.
            response_format: the reply's form: `{"type": "text"}`, `{"type": "json_object"}`, `{"type":
                "json_schema", "json_schema": {"name": …, "schema": …}}` or `{"type": "regex", "regex": …}`.
            seed: from -2^63 to 2^64 - 1; the same seed and parameters give the same reply where the server can.
            service_tier: `default`, `priority` (served first, costs more) or `flex` (costs less, may wait for ten
                minutes and then fail with 429).
            stop: a text, or up to 16, before which the reply ends.
            stop_token_ids: token ids at which the reply ends.
            stream_options: `include_usage` (default true): token counts at the end of the stream;
                `continuous_usage_stats` (default false): on every chunk.
            suffix: what comes after the text, for models that fill gaps.
            temperature: from 0 to 2, default 1; lower makes the reply more predictable.
            top_k: from 0 to 999, default 0 (off); only this many of the likeliest tokens count.
            top_p: above 0, up to 1, default 1; only the likeliest tokens that make up this much count.
            user: an id of your own for the person behind the request.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for the body, over all others.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.
            **params: anything else goes into the body as it is.

        Returns:
            `Completion`, or with `stream=True` an `AsyncStream` of `Completion`, each with a new piece of text.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
        """
    @overload
    async def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[True],
        best_of: int | _Missing | None = ...,
        echo: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        n: int | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        suffix: str | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncStream[Completion]: ...
    @overload
    async def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: bool,
        best_of: int | _Missing | None = ...,
        echo: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        n: int | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        suffix: str | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Completion | AsyncStream[Completion]: ...
    @property
    def with_raw_response(self) -> _AsyncCompletionsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _AsyncCompletionsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class _CompletionsWithRawResponse:
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[Completion]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[Stream[Completion]]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[Completion | Stream[Completion]]: ...

class _CompletionsWithStreamingResponse:
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[Completion]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[Stream[Completion]]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[Completion | Stream[Completion]]: ...

class _AsyncCompletionsWithRawResponse:
    @overload
    async def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[Completion]: ...
    @overload
    async def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[AsyncStream[Completion]]: ...
    @overload
    async def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[Completion | AsyncStream[Completion]]: ...

class _AsyncCompletionsWithStreamingResponse:
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[Completion]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[AsyncStream[Completion]]: ...
    @overload
    def create(
        self,
        *,
        prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[Completion | AsyncStream[Completion]]: ...

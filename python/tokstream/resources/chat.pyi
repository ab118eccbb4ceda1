"""`client.chat.completions`: replies to a conversation, whole, streamed or as events."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, overload

from tokstream._events.streams import (
    AnyStreamManager,
    AsyncAnyStreamManager,
    AsyncChatCompletionStreamManager,
    ChatCompletionStreamManager,
)
from tokstream._long_answers.stream import AsyncContinuedStream, ContinuedStream
from tokstream._marks import NotGiven, Omit
from tokstream._response import AsyncResponseContextManager, RawResponse, ResponseContextManager
from tokstream._tokstream import AsyncStream, ChatCompletion, ChatCompletionChunk, Stream, Timeout
from tokstream._tools.definition import ToolChoiceLike, ToolLike
from tokstream._tools.run import AsyncToolRunStream, ToolRun, ToolRunStream
from tokstream.types.chat import (
    ChatCompletionStreamOptionsParam,
    Messages,
    ParsedChatCompletion,
)
from tokstream.types.chat.completion_create_params import Reasoning, ResponseFormat, ServiceTier
from tokstream.types.shared_params import Metadata, ReasoningEffort

_Missing: TypeAlias = NotGiven | Omit
_T = TypeVar("_T")

def as_messages(messages: Any) -> Any:
    """Return the messages as a list: a string is one message of the user."""

class Chat:
    """Chat routes."""

    @property
    def completions(self) -> Completions:
        """Replies to a conversation."""

    @property
    def with_raw_response(self) -> _ChatWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _ChatWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class AsyncChat:
    """Chat routes."""

    @property
    def completions(self) -> AsyncCompletions:
        """Replies to a conversation."""

    @property
    def with_raw_response(self) -> _AsyncChatWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _AsyncChatWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class Completions:
    """Replies to a conversation."""

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ChatCompletion:
        """Ask the model for a reply, whole or as a stream.

        Parameters not given are not sent, and the server's defaults hold; None is sent as null. Ranges and defaults
        are those of DeepInfra; other servers have their own, and models differ in what they understand.

        Args:
            messages: the conversation so far, or a string for a single message of the user. A message is a dict
                with `role` and `content`, or an object that a server sent or that has pydantic's `model_dump`. If
                the last message is the assistant's, the model goes on with it.
            model: the model's id, for example `meta-llama/Llama-3.3-70B-Instruct-Turbo`. Default: the client's.
            stream: whether to return the reply as it is being written. Default false.
            auto_continue: whether to have a reply continued that ends with `length`, up to 16 times, or how many times
                at most. `max_tokens` is then the limit of all parts together. Default false.
            resume: whether to take a stream up again that broke, from the text so far, up to 5 times, or how many times
                at most. A whole reply comes as a stream underneath then. Default false.
            stream_under: whether a whole reply comes as a stream underneath, so that no clock or proxy sees a long
                silence. Default false.
            chat_template_kwargs: arguments for the model's chat template, for example `{"enable_thinking": False}`.
            continue_final_message: whether the model goes on with the last message, which then has to be the
                assistant's.
            fail_fast: whether a busy model is an immediate error 429 instead of a wait.
            frequency_penalty: from -2 to 2, default 0; above 0 makes a token rarer the oftener it was used.
            ignore_eos: whether to write on after the model's own end, up to `max_tokens`.
            logit_bias: for token ids, what is added to their likelihood, from -100 to 100.
            logprobs: whether to return how likely the tokens were. Default false.
            max_completion_tokens: OpenAI's newer name of `max_tokens`.
            max_tokens: how many tokens the reply can have. Default: what fits; most models stop at 16,384.
            metadata: labels of your own, for servers that keep them.
            min_p: from 0 to 1, default 0; leaves out tokens less likely than this part of the likeliest one.
            models: 1 to 4 models that the server tries in turn.
            n: how many answers to write, from 1 to 4. Default 1.
            parallel_tool_calls: whether the model may ask for several calls at once.
            presence_penalty: from -2 to 2, default 0; above 0 makes tokens rarer that were used.
            prompt_cache_key: requests with the same key are likelier to share the server's prompt cache.
            prompt_cache_options: what the prompt cache shall do.
            reasoning: whether and how much the model thinks: `{"enabled": …, "effort": …}`.
            reasoning_effort: how much the model thinks: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or
                `max`.
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
            temperature: from 0 to 2, default 1; lower makes the reply more predictable.
            tool_choice: `none`, `auto`, `required`, or `{"type": "function", "function": {"name": …}}`.
            tools: functions that the model may ask to have called.
            top_k: from 0 to 999, default 0 (off); only this many of the likeliest tokens count.
            top_logprobs: from 1 to 20; how many of the likeliest tokens to return at each place.
            top_p: above 0, up to 1, default 1; only the likeliest tokens that make up this much count.
            user: an id of your own for the person behind the request.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for the body, over all others.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.
            **params: anything else goes into the body as it is.

        Returns:
            `ChatCompletion`, or with `stream=True` a `Stream` of `ChatCompletionChunk`; with `auto_continue` or
            `resume` one that counts in `continued` and `resumed` how often it went on.

        Raises:
            APIStatusError: the server answered with a status of 4xx or 5xx; each has a class of its own.
            APITimeoutError: a time limit was reached.
            APIConnectionError: the server could not be reached, or the connection broke.
            APIResponseValidationError: the answer is not what the route gives.
            ConfigurationError: there is no key, or a setting has no meaning; `auto_continue` or `resume` is used with
                tools, logprobs, a `response_format` or `n` above 1.
            ClientClosedError: the client is closed.
            TypeError: a value cannot be sent as JSON.
        """
    @overload
    def create(  # pyright: ignore[reportOverlappingOverload]
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        auto_continue: Literal[False] | _Missing | None = False,
        resume: Literal[False] | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Stream[ChatCompletionChunk]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ContinuedStream: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: bool,
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ChatCompletion | Stream[ChatCompletionChunk]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_reasks: int = 0,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ParsedChatCompletion[_T]:
        """Ask the model for a reply and read a value out of it.

        The JSON Schema of the type is sent as `response_format`, as strict mode wants it. What comes back is read and
        checked by the type's own library, where it has one.

        `response_format` is the type of the value: a class of pydantic, msgspec or attrs, a dataclass, `TypedDict`,
        `NamedTuple`, enum, `Literal`, union, `list[…]` and the like; or a JSON Schema as a dict, for plain data. A dict
        as the server takes it, such as `{"type": "json_object"}`, is sent as it is; JSON is then read as plain data.

        `tools` are those of `create`, and classes: one stands for a strict tool whose arguments are its objects. Of
        strict tools and of classes the arguments are read too: `tool_calls[0].function.parsed_arguments`.

        `max_reasks` is how often to tell the model what is wrong with its reply and ask again, 0 by default. The usage
        of all replies is added up.

        The other parameters are those of `create`.

        Returns:
            `ParsedChatCompletion`, whose `choices[0].message.parsed` is the value. It is None if the model refused,
            and then `message.refusal` says why, or if it asks for calls of tools.

        Raises:
            OutputValidationError: the reply does not fit, also after `max_reasks` more.
            LengthFinishReasonError: the reply was cut at its limit of tokens.
            ContentFilterFinishReasonError: the server withheld the reply.
            TypeError: a type has no JSON Schema.
            APIError: as for `create`.
        """
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: _Missing | None = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_reasks: int = 0,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ParsedChatCompletion[None]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_reasks: int = 0,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ParsedChatCompletion[Any]: ...
    @overload
    def stream(  # type: ignore[overload-overlap]
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ChatCompletionStreamManager[_T]:
        """Ask the model for a reply and read it as events: `content.delta`, `content.done` and the like.

        To be used in a `with` block, whose end ends the request. The request is sent when the block is entered.

        With a `response_format` as for `parse`, `content.delta` events have the JSON so far as `parsed`, plain data
        that grows, and `content.done` the value itself.

        Parameters are those of `create`; `response_format` and `tools` also take what `parse` takes.

        Returns:
            A context manager over the events. See `tokstream.types.chat` for their classes.
        """
    @overload
    def stream(  # type: ignore[overload-overlap]
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: _Missing | None = ...,
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ChatCompletionStreamManager[None]: ...
    @overload
    def stream(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AnyStreamManager: ...
    @overload
    def run_tools(  # noqa: D417 - the others are those of create
        self,
        messages: Messages,
        *,
        tools: Iterable[ToolLike],
        max_turns: int | None = 10,
        parallel: bool = False,
        on_tool_error: Literal["return", "raise"] = "return",
        max_cost: float | None = None,
        stream: Literal[False] | None = False,
        model: str | _Missing = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: object = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ToolRun:
        """Ask the model for a reply, run the tools that it asks for, send it the results, and so on until it answers.

        Tools are functions, async ones too, methods, whatever else can be called, pydantic models and other classes,
        and dicts. The signature and the docstring of a function say what the model is told of it; its arguments are
        validated, and made to be what the annotations say. What it returns goes to the model: a string as it is,
        anything else as JSON. Calls of one turn are run in their order, those of async functions at once.

        All other parameters are those of `create`, and go with each request.

        Args:
            messages: the conversation so far, or a string for a single message of the user.
            tools: what the model may call. `tokstream.tool` gives a function another name and other properties.
                A call of a class, or of a dict's tool, ends the run: see `ToolRun`.
            max_turns: how often the model is asked at most. Default 10; None for no limit.
            parallel: whether calls of functions that are not async run at once too, in threads. Default false.
            on_tool_error: what becomes of an exception in a tool, of wrong arguments and of unknown tools: `"return"`
                tells the model, `"raise"` raises a `ToolError`. Default `"return"`.
            max_cost: what the run may cost, in USD. Once the server has reported so much, nothing further is asked.
            tool_choice: `"none"`, `"auto"`, `"required"`, or the tool that has to be called. One that forces a call
                does so in the first turn alone.
            response_format: what the answer is to be: as for `create`, or a type or JSON Schema as for `parse`, whose
                value is the run's `parsed`.
            stream: whether to return the events of the run, as they come, in place of its end. Default false.

        Returns:
            The run: the answer, all messages, the summed usage. With `stream=True` its events, as an iterator and
            context manager.

        Raises:
            MaxTurnsExceededError: the model still asks for tools after `max_turns`.
            BudgetExceededError: `max_cost` was reached.
            ToolError: a tool failed, with `on_tool_error="raise"`.
            LengthFinishReasonError: a call, or an answer of a type, was cut at the limit of tokens.
            OutputValidationError: the answer does not fit its type.
            APIError: a request failed. As with each of these, the error's `run` has the run so far.
            TypeError: something among the tools cannot be one.
            ValueError: a limit has no meaning.
        """
    @overload
    def run_tools(
        self,
        messages: Messages,
        *,
        tools: Iterable[ToolLike],
        max_turns: int | None = 10,
        parallel: bool = False,
        on_tool_error: Literal["return", "raise"] = "return",
        max_cost: float | None = None,
        stream: Literal[True],
        model: str | _Missing = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: object = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ToolRunStream: ...
    @overload
    def run_tools(
        self,
        messages: Messages,
        *,
        tools: Iterable[ToolLike],
        max_turns: int | None = 10,
        parallel: bool = False,
        on_tool_error: Literal["return", "raise"] = "return",
        max_cost: float | None = None,
        stream: bool,
        model: str | _Missing = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: object = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ToolRun | ToolRunStream: ...
    @property
    def with_raw_response(self) -> _CompletionsWithRawResponse:
        """The same methods, returning the HTTP response with its status and headers."""

    @property
    def with_streaming_response(self) -> _CompletionsWithStreamingResponse:
        """The same methods, returning the HTTP response before its body is read."""

class AsyncCompletions:
    """Replies to a conversation."""

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ChatCompletion:
        """Ask the model for a reply, whole or as a stream.

        Parameters not given are not sent, and the server's defaults hold; None is sent as null. Ranges and defaults
        are those of DeepInfra; other servers have their own, and models differ in what they understand.

        Args:
            messages: the conversation so far, or a string for a single message of the user. A message is a dict
                with `role` and `content`, or an object that a server sent or that has pydantic's `model_dump`. If
                the last message is the assistant's, the model goes on with it.
            model: the model's id, for example `meta-llama/Llama-3.3-70B-Instruct-Turbo`. Default: the client's.
            stream: whether to return the reply as it is being written. Default false.
            auto_continue: whether to have a reply continued that ends with `length`, up to 16 times, or how many times
                at most. `max_tokens` is then the limit of all parts together. Default false.
            resume: whether to take a stream up again that broke, from the text so far, up to 5 times, or how many times
                at most. A whole reply comes as a stream underneath then. Default false.
            stream_under: whether a whole reply comes as a stream underneath, so that no clock or proxy sees a long
                silence. Default false.
            chat_template_kwargs: arguments for the model's chat template, for example `{"enable_thinking": False}`.
            continue_final_message: whether the model goes on with the last message, which then has to be the
                assistant's.
            fail_fast: whether a busy model is an immediate error 429 instead of a wait.
            frequency_penalty: from -2 to 2, default 0; above 0 makes a token rarer the oftener it was used.
            ignore_eos: whether to write on after the model's own end, up to `max_tokens`.
            logit_bias: for token ids, what is added to their likelihood, from -100 to 100.
            logprobs: whether to return how likely the tokens were. Default false.
            max_completion_tokens: OpenAI's newer name of `max_tokens`.
            max_tokens: how many tokens the reply can have. Default: what fits; most models stop at 16,384.
            metadata: labels of your own, for servers that keep them.
            min_p: from 0 to 1, default 0; leaves out tokens less likely than this part of the likeliest one.
            models: 1 to 4 models that the server tries in turn.
            n: how many answers to write, from 1 to 4. Default 1.
            parallel_tool_calls: whether the model may ask for several calls at once.
            presence_penalty: from -2 to 2, default 0; above 0 makes tokens rarer that were used.
            prompt_cache_key: requests with the same key are likelier to share the server's prompt cache.
            prompt_cache_options: what the prompt cache shall do.
            reasoning: whether and how much the model thinks: `{"enabled": …, "effort": …}`.
            reasoning_effort: how much the model thinks: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or
                `max`.
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
            temperature: from 0 to 2, default 1; lower makes the reply more predictable.
            tool_choice: `none`, `auto`, `required`, or `{"type": "function", "function": {"name": …}}`.
            tools: functions that the model may ask to have called.
            top_k: from 0 to 999, default 0 (off); only this many of the likeliest tokens count.
            top_logprobs: from 1 to 20; how many of the likeliest tokens to return at each place.
            top_p: above 0, up to 1, default 1; only the likeliest tokens that make up this much count.
            user: an id of your own for the person behind the request.
            extra_headers: headers of this request, over those of the client; `omit` leaves one out.
            extra_query: parameters for the URL of this request, over those of the client.
            extra_body: fields for the body, over all others.
            timeout: the time limits of this request: see `Timeout`. Default: the client's.
            **params: anything else goes into the body as it is.

        Returns:
            `ChatCompletion`, or with `stream=True` an `AsyncStream` of `ChatCompletionChunk`.

        Raises:
            APIStatusError: the server answered with a status of 4xx or 5xx; each has a class of its own.
            APITimeoutError: a time limit was reached.
            APIConnectionError: the server could not be reached, or the connection broke.
            APIResponseValidationError: the answer is not what the route gives.
            ConfigurationError: there is no key, or a setting has no meaning; `auto_continue` or `resume` is used with
                tools, logprobs, a `response_format` or `n` above 1.
            ClientClosedError: the client is closed.
            TypeError: a value cannot be sent as JSON.
        """
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        auto_continue: Literal[False] | _Missing | None = False,
        resume: Literal[False] | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncStream[ChatCompletionChunk]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncContinuedStream: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: bool,
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        stream_under: bool | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: ResponseFormat | Mapping[str, object] | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk]: ...
    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_reasks: int = 0,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ParsedChatCompletion[_T]:
        """Ask the model for a reply and read a value out of it.

        The JSON Schema of the type is sent as `response_format`, as strict mode wants it. What comes back is read and
        checked by the type's own library, where it has one.

        `response_format` is the type of the value: a class of pydantic, msgspec or attrs, a dataclass, `TypedDict`,
        `NamedTuple`, enum, `Literal`, union, `list[…]` and the like; or a JSON Schema as a dict, for plain data. A dict
        as the server takes it, such as `{"type": "json_object"}`, is sent as it is; JSON is then read as plain data.

        `tools` are those of `create`, and classes: one stands for a strict tool whose arguments are its objects. Of
        strict tools and of classes the arguments are read too: `tool_calls[0].function.parsed_arguments`.

        `max_reasks` is how often to tell the model what is wrong with its reply and ask again, 0 by default. The usage
        of all replies is added up.

        The other parameters are those of `create`.

        Returns:
            `ParsedChatCompletion`, whose `choices[0].message.parsed` is the value. It is None if the model refused,
            and then `message.refusal` says why, or if it asks for calls of tools.

        Raises:
            OutputValidationError: the reply does not fit, also after `max_reasks` more.
            LengthFinishReasonError: the reply was cut at its limit of tokens.
            ContentFilterFinishReasonError: the server withheld the reply.
            TypeError: a type has no JSON Schema.
            APIError: as for `create`.
        """
    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: _Missing | None = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_reasks: int = 0,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ParsedChatCompletion[None]: ...
    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_reasks: int = 0,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ParsedChatCompletion[Any]: ...
    @overload
    def stream(  # type: ignore[overload-overlap]
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncChatCompletionStreamManager[_T]:
        """Ask the model for a reply and read it as events: `content.delta`, `content.done` and the like.

        To be used in a `async with` block, whose end ends the request. The request is sent when the block is
        entered.

        With a `response_format` as for `parse`, `content.delta` events have the JSON so far as `parsed`, plain data
        that grows, and `content.done` the value itself.

        Parameters are those of `create`; `response_format` and `tools` also take what `parse` takes.

        Returns:
            A context manager over the events. See `tokstream.types.chat` for their classes.
        """
    @overload
    def stream(  # type: ignore[overload-overlap]
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: _Missing | None = ...,
        auto_continue: int | _Missing | None = False,
        resume: int | _Missing | None = False,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncChatCompletionStreamManager[None]: ...
    @overload
    def stream(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        n: int | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        tools: Iterable[ToolLike] | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncAnyStreamManager: ...
    @overload
    async def run_tools(  # noqa: D417 - the others are those of create
        self,
        messages: Messages,
        *,
        tools: Iterable[ToolLike],
        max_turns: int | None = 10,
        parallel: bool = False,
        on_tool_error: Literal["return", "raise"] = "return",
        max_cost: float | None = None,
        stream: Literal[False] | None = False,
        model: str | _Missing = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: object = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> ToolRun:
        """Ask the model for a reply, run the tools that it asks for, send it the results, and so on until it answers.

        Tools are functions, async ones too, methods, whatever else can be called, pydantic models and other classes,
        and dicts. The signature and the docstring of a function say what the model is told of it; its arguments are
        validated, and made to be what the annotations say. What it returns goes to the model: a string as it is,
        anything else as JSON. Calls of one turn are run in their order, those of async functions at once.

        All other parameters are those of `create`, and go with each request.

        Args:
            messages: the conversation so far, or a string for a single message of the user.
            tools: what the model may call. `tokstream.tool` gives a function another name and other properties.
                A call of a class, or of a dict's tool, ends the run: see `ToolRun`.
            max_turns: how often the model is asked at most. Default 10; None for no limit.
            parallel: whether calls of functions that are not async run at once too, in threads. Default false.
            on_tool_error: what becomes of an exception in a tool, of wrong arguments and of unknown tools: `"return"`
                tells the model, `"raise"` raises a `ToolError`. Default `"return"`.
            max_cost: what the run may cost, in USD. Once the server has reported so much, nothing further is asked.
            tool_choice: `"none"`, `"auto"`, `"required"`, or the tool that has to be called. One that forces a call
                does so in the first turn alone.
            response_format: what the answer is to be: as for `create`, or a type or JSON Schema as for `parse`, whose
                value is the run's `parsed`.
            stream: whether to return the events of the run, as they come, in place of its end. Default false.

        Returns:
            The run: the answer, all messages, the summed usage. With `stream=True` its events, as an iterator and
            context manager.

        Raises:
            MaxTurnsExceededError: the model still asks for tools after `max_turns`.
            BudgetExceededError: `max_cost` was reached.
            ToolError: a tool failed, with `on_tool_error="raise"`.
            LengthFinishReasonError: a call, or an answer of a type, was cut at the limit of tokens.
            OutputValidationError: the answer does not fit its type.
            APIError: a request failed. As with each of these, the error's `run` has the run so far.
            TypeError: something among the tools cannot be one.
            ValueError: a limit has no meaning.
        """
    @overload
    def run_tools(
        self,
        messages: Messages,
        *,
        tools: Iterable[ToolLike],
        max_turns: int | None = 10,
        parallel: bool = False,
        on_tool_error: Literal["return", "raise"] = "return",
        max_cost: float | None = None,
        stream: Literal[True],
        model: str | _Missing = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: object = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> AsyncToolRunStream: ...
    @overload
    def run_tools(
        self,
        messages: Messages,
        *,
        tools: Iterable[ToolLike],
        max_turns: int | None = 10,
        parallel: bool = False,
        on_tool_error: Literal["return", "raise"] = "return",
        max_cost: float | None = None,
        stream: bool,
        model: str | _Missing = ...,
        chat_template_kwargs: Mapping[str, object] | _Missing | None = ...,
        continue_final_message: bool | _Missing | None = ...,
        fail_fast: bool | _Missing | None = ...,
        frequency_penalty: float | _Missing | None = ...,
        ignore_eos: bool | _Missing | None = ...,
        logit_bias: Mapping[str, int] | _Missing | None = ...,
        logprobs: bool | _Missing | None = ...,
        max_completion_tokens: int | _Missing | None = ...,
        max_tokens: int | _Missing | None = ...,
        metadata: Metadata | _Missing | None = ...,
        min_p: float | _Missing | None = ...,
        models: Sequence[str] | _Missing | None = ...,
        parallel_tool_calls: bool | _Missing | None = ...,
        presence_penalty: float | _Missing | None = ...,
        prompt_cache_key: str | _Missing | None = ...,
        prompt_cache_options: Mapping[str, object] | _Missing | None = ...,
        reasoning: Reasoning | Mapping[str, object] | _Missing | None = ...,
        reasoning_effort: ReasoningEffort | _Missing = ...,
        repetition_penalty: float | _Missing | None = ...,
        response_format: object = ...,
        seed: int | _Missing | None = ...,
        service_tier: ServiceTier | _Missing | None = ...,
        stop: str | Sequence[str] | _Missing | None = ...,
        stop_token_ids: Sequence[int] | _Missing | None = ...,
        stream_options: ChatCompletionStreamOptionsParam | Mapping[str, object] | _Missing | None = ...,
        temperature: float | _Missing | None = ...,
        tool_choice: ToolChoiceLike | _Missing | None = ...,
        top_k: int | _Missing | None = ...,
        top_logprobs: int | _Missing | None = ...,
        top_p: float | _Missing | None = ...,
        user: str | _Missing | None = ...,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: object,
    ) -> Coroutine[Any, Any, ToolRun] | AsyncToolRunStream: ...
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
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ChatCompletion]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[Stream[ChatCompletionChunk]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ChatCompletion | Stream[ChatCompletionChunk]]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ParsedChatCompletion[_T]]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object = ...,
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ParsedChatCompletion[Any]]: ...

class _CompletionsWithStreamingResponse:
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[ChatCompletion]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[Stream[ChatCompletionChunk]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[ChatCompletion | Stream[ChatCompletionChunk]]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[ParsedChatCompletion[_T]]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object = ...,
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> ResponseContextManager[ParsedChatCompletion[Any]]: ...

class _AsyncCompletionsWithRawResponse:
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ChatCompletion]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[AsyncStream[ChatCompletionChunk]]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ChatCompletion | AsyncStream[ChatCompletionChunk]]: ...
    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ParsedChatCompletion[_T]]: ...
    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object = ...,
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> RawResponse[ParsedChatCompletion[Any]]: ...

class _AsyncCompletionsWithStreamingResponse:
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[False] | _Missing | None = False,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[ChatCompletion]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: Literal[True],
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[AsyncStream[ChatCompletionChunk]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        stream: bool,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[ChatCompletion | AsyncStream[ChatCompletionChunk]]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: type[_T],
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[ParsedChatCompletion[_T]]: ...
    @overload
    def parse(
        self,
        *,
        messages: Messages,
        model: str | _Missing = ...,
        response_format: object = ...,
        max_reasks: int = 0,
        extra_headers: Mapping[str, str | Omit] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | Timeout | NotGiven | None = ...,
        **params: Any,
    ) -> AsyncResponseContextManager[ParsedChatCompletion[Any]]: ...

class _ChatWithRawResponse:
    @property
    def completions(self) -> _CompletionsWithRawResponse: ...

class _ChatWithStreamingResponse:
    @property
    def completions(self) -> _CompletionsWithStreamingResponse: ...

class _AsyncChatWithRawResponse:
    @property
    def completions(self) -> _AsyncCompletionsWithRawResponse: ...

class _AsyncChatWithStreamingResponse:
    @property
    def completions(self) -> _AsyncCompletionsWithStreamingResponse: ...

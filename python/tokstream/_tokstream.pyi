"""The Rust half of the package: response objects, streams and settings.

Everything here has a public home elsewhere: settings and streams in `tokstream`, response classes in
`tokstream.types` and `tokstream.types.chat`.
"""

import builtins
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, Literal, NoReturn, TypeAlias, TypeVar, final, overload

from typing_extensions import Self, disjoint_base, override

from tokstream._http import Response
from tokstream._marks import NotGiven

_T_co = TypeVar("_T_co", covariant=True)
# What pydantic takes: a set of names, or a dict of names to True or to the same for what is inside.
_IncEx: TypeAlias = set[int] | set[str] | Mapping[int, Any] | Mapping[str, Any]

__version__: str

@disjoint_base
class BaseModel:
    """A JSON object that a server sent, read through attributes.

    A declared field that the server left out reads as None. Other fields that it sent are attributes
    too, and in `model_extra`. Fields can be set, and what is nested changed: whatever is done with the object
    afterwards has it.

    The object keeps the server's own JSON text, so that nothing else of it is lost or invented on the way
    through `to_dict`, `to_json`, `==`, pickling, `copy`, or back into `messages`. It can be the type of
    a field in a pydantic model.
    """

    def __new__(cls, **fields: Any) -> Self:
        """Make an object by hand, as tests and stand-ins do.

        Raises:
            ValueError: a required field is missing, or a field has the wrong type.
        """

    def __iter__(self) -> Iterator[Any]:
        """Iterate over pairs of name and value, so that `dict(message)` is what it says."""

    @property
    def model_extra(self) -> builtins.dict[str, Any]:
        """The fields that the server sent and the class does not declare."""

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that the server sent."""

    @property
    def _request_id(self) -> str | None:
        """The response's `x-request-id` header, on the object that `create` and its like return."""

    def to_dict(
        self,
        *,
        mode: Literal["json", "python"] = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> builtins.dict[str, Any]:
        """Return what the server sent as plain dicts, lists, strings, numbers, booleans and None.

        Args:
            mode: no difference: every value is a JSON value.
            use_api_names: no difference: fields have the names that the server uses.
            exclude_unset: leave out declared fields that the server left out.
            exclude_defaults: leave out fields that are None.
            exclude_none: leave out fields that are None.
            warnings: no difference: nothing is validated.
        """

    def dict(self, **options: Any) -> builtins.dict[str, Any]:
        """Return `model_dump(…)`: the name that it had in pydantic 1."""

    def json(self, **options: Any) -> str:
        """Return `model_dump_json(…)`: the name that it had in pydantic 1."""

    def to_json(
        self,
        *,
        indent: int | None = 2,
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> str:
        """Return what the server sent as JSON text.

        Args:
            indent: spaces for each level; None for text without line breaks.
            use_api_names: as in `to_dict`.
            exclude_unset: as in `to_dict`.
            exclude_defaults: as in `to_dict`.
            exclude_none: as in `to_dict`.
            warnings: as in `to_dict`.
        """

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: _IncEx | None = None,
        exclude: _IncEx | None = None,
        context: Any | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        exclude_computed_fields: bool = False,
        round_trip: bool = False,
        warnings: bool | Literal["none", "warn", "error"] = True,
        fallback: Callable[[Any], Any] | None = None,
        serialize_as_any: bool = False,
        polymorphic_serialization: bool | None = None,
    ) -> builtins.dict[str, Any]:
        """Return the object as a dict. Unlike `to_dict`, declared fields left out are there as None.

        Parameters and their meaning are those of pydantic's method.

        Args:
            mode: no difference: every value is a JSON value.
            include: names of the fields to keep, or a mapping of names to what to keep inside them.
            exclude: names of the fields to drop, or a mapping of names to what to drop inside them.
            context: no difference.
            by_alias: no difference.
            exclude_unset: leave out declared fields that the server left out.
            exclude_defaults: leave out fields that are None.
            exclude_none: leave out fields that are None.
            exclude_computed_fields: no difference.
            round_trip: no difference.
            warnings: no difference.
            fallback: no difference.
            serialize_as_any: no difference.
            polymorphic_serialization: no difference.
        """

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        ensure_ascii: bool = False,
        include: _IncEx | None = None,
        exclude: _IncEx | None = None,
        context: Any | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        exclude_computed_fields: bool = False,
        round_trip: bool = False,
        warnings: bool | Literal["none", "warn", "error"] = True,
        fallback: Callable[[Any], Any] | None = None,
        serialize_as_any: bool = False,
        polymorphic_serialization: bool | None = None,
    ) -> str:
        """Return the object as JSON text, with the fields that `model_dump` would keep.

        Args:
            indent: spaces for each level; None for text without line breaks.
            ensure_ascii: write characters beyond ASCII as escapes.
            include: as in `model_dump`; so are the others.
            exclude: as in `model_dump`.
            context: as in `model_dump`.
            by_alias: as in `model_dump`.
            exclude_unset: as in `model_dump`.
            exclude_defaults: as in `model_dump`.
            exclude_none: as in `model_dump`.
            exclude_computed_fields: as in `model_dump`.
            round_trip: as in `model_dump`.
            warnings: as in `model_dump`.
            fallback: as in `model_dump`.
            serialize_as_any: as in `model_dump`.
            polymorphic_serialization: as in `model_dump`.
        """

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy.

        Args:
            update: fields to set in the copy. They are not checked.
            deep: no difference: the copy shares nothing with the original.

        Raises:
            TypeError: a value in `update` has no form in JSON.
            ValueError: a number in `update` is not finite.
        """

    def copy(
        self,
        *,
        include: _IncEx | None = None,
        exclude: _IncEx | None = None,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,
    ) -> Self:
        """Return a copy; `model_copy` is the newer name.

        Args:
            include: names of the fields to keep.
            exclude: names of the fields to drop.
            update: fields to set in the copy.
            deep: no difference.
        """

    @classmethod
    def model_validate(
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        extra: Literal["allow"] | None = None,
        from_attributes: bool | None = None,
        context: Any | None = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self:
        """Make an object of this class out of a dict or another object, after checking its fields.

        Args:
            obj: a dict, an object of this class, or one of openai-python or pydantic.
            strict: take no whole float and no digits in a string for an integer. Default false.
            extra: no difference: fields that are not declared are always kept.
            from_attributes: take any object that has the fields as attributes. Default false.
            context: no difference.
            by_alias: no difference.
            by_name: no difference.

        Raises:
            ValueError: a required field is missing, or a field has a value of another type. Its
                `errors()` tell what is wrong and where.
        """

    @classmethod
    def model_validate_json(
        cls,
        json_data: str | bytes | bytearray,
        *,
        strict: bool | None = None,
        extra: Literal["allow"] | None = None,
        context: Any | None = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self:
        """Make an object of this class out of JSON text, after checking its fields.

        Args:
            json_data: the text, or its bytes in UTF-8.
            strict: as in `model_validate`; so are the others.
            extra: as in `model_validate`.
            context: no difference.
            by_alias: no difference.
            by_name: no difference.

        Raises:
            ValueError: the text is not JSON, a required field is missing, or a field has a value of
                another type.
        """

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Make an object of this class out of keywords, unchecked.

        Raises:
            TypeError: a value has no form in JSON.
            ValueError: a number is not finite.
        """

    @classmethod
    def construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Make an object of this class out of keywords, unchecked; `model_construct` is the newer name."""

    def _data(self) -> builtins.dict[str, Any]: ...
    def _dump(self, unset: bool, defaults: bool, none: bool) -> builtins.dict[str, Any]: ...
    def _dump_json(self, unset: bool, defaults: bool, none: bool, indent: int | None) -> str | None: ...
    def _json(self) -> bytes: ...
    @classmethod
    def _from_json(cls, data: bytes, request_id: str | None = None) -> Self: ...
    @classmethod
    def _schema(cls) -> tuple[tuple[str, str, type[BaseModel] | None, bool], ...]: ...
    @override
    def __eq__(self, other: object, /) -> bool: ...

@final
class ChatCompletion(BaseModel):
    """A whole chat reply."""

    id: str
    """The reply's id, as the server made it up."""

    choices: list[Choice]
    """The answers: one, or `n` of them."""

    created: int
    """When the reply was made, in seconds since 1970 (UTC)."""

    model: str
    """The model that answered. May differ from the one asked for: traffic of retired models is forwarded."""

    object: str
    """Always `chat.completion`."""

    metadata: builtins.dict[str, str] | None
    """What the request attached."""

    moderation: Any | None
    """What the server's moderation found."""

    service_tier: str | None
    """The tier that the request was served in."""

    system_fingerprint: str | None
    """The server's name for its own configuration."""

    usage: CompletionUsage | None
    """Tokens and cost."""

@final
class Choice(BaseModel):
    """One answer of a chat reply."""

    finish_reason: str
    """Why the model stopped: `stop`, `length`, `tool_calls`, or another word of the server's."""

    index: int
    """The answer's place among the choices, from 0."""

    logprobs: ChoiceLogprobs | None
    """How likely the tokens were, where `logprobs` asked for it."""

    message: ChatCompletionMessage
    """The message. It can be appended to `messages` as it is."""

@final
class ChoiceLogprobs(BaseModel):
    """How likely the tokens of an answer were."""

    content: list[ChatCompletionTokenLogprob] | None
    """The tokens of the content."""

    refusal: list[ChatCompletionTokenLogprob] | None
    """The tokens of the refusal."""

    @property
    def token_logprobs(self) -> array[float] | None:
        """Every token's `logprob`, at once: an `array.array` of float64, which NumPy takes without a copy.

        Of `content`, or of `refusal` where there is no content; `None` where there is neither. What is no number reads
        as nan. It is made of what the server sent when it is first asked for: of 32,768 tokens in milliseconds, less
        than half of what it takes to go through the objects. Changes of the objects do not show in it.
        """

    @property
    def tokens(self) -> list[str] | None:
        """Every token's `token`, at once; of the same tokens as `token_logprobs`."""

@final
class ChatCompletionTokenLogprob(BaseModel):
    """How likely one token was, and which others there were."""

    token: str
    """The token as text."""

    bytes: list[int] | None
    """The token's UTF-8 bytes. A character may be spread over several tokens."""

    logprob: float
    """The natural logarithm of the token's probability."""

    top_logprobs: list[TopLogprob]
    """The likeliest tokens at this place, as many as `top_logprobs` asked for."""

@final
class TopLogprob(BaseModel):
    """A token that could have stood at a place."""

    token: str
    """The token as text."""

    bytes: list[int] | None
    """The token's UTF-8 bytes."""

    logprob: float
    """The natural logarithm of the token's probability."""

@final
class ChatCompletionMessage(BaseModel):
    """The message of an answer."""

    content: str | None
    """The text; None beside tool calls and refusals."""

    refusal: str | None
    """What the model said when it refused."""

    role: Literal["assistant"]
    """Always `assistant`."""

    reasoning_content: str | None
    """What the model thought before it answered."""

    annotations: list[Annotation] | None
    """Notes on the text, such as its sources."""

    audio: ChatCompletionAudio | None
    """The answer as sound."""

    function_call: FunctionCall | None
    """The older form of `tool_calls`."""

    tool_calls: list[ChatCompletionMessageToolCall] | None
    """The calls that the model asks for."""

@final
class FunctionCall(BaseModel):
    """A function call in the form that `tool_calls` replaced."""

    arguments: str
    """The arguments as JSON text, as the model wrote them: maybe invalid."""

    name: str
    """The function's name."""

@final
class ChatCompletionMessageToolCall(BaseModel):
    """A call that the model asks for."""

    id: str
    """The call's id. The tool message that answers it repeats the id as `tool_call_id`."""

    function: Function
    """What to call, and with what."""

    type: Literal["function"]
    """Always `function`."""

    custom: Custom | None
    """What to call, in place of `function`, where `type` is `custom`."""

@final
class Custom(BaseModel):
    """A tool that takes any text, and the text."""

    input: str
    """The text, as the model wrote it."""

    name: str
    """The tool's name."""

@final
class Annotation(BaseModel):
    """A note on an answer's text."""

    type: Literal["url_citation"]
    """Always `url_citation`."""

    url_citation: AnnotationURLCitation
    """The source."""

@final
class AnnotationURLCitation(BaseModel):
    """A source on the web."""

    end_index: int
    """Where in the text the part ends that it is the source of."""

    start_index: int
    """Where in the text the part begins that it is the source of."""

    title: str
    """The page's title."""

    url: str
    """The page's address."""

@final
class ChatCompletionAudio(BaseModel):
    """An answer as sound."""

    id: str
    """The sound's id, by which a later message may refer to it."""

    data: str
    """The sound in base64, in the format that was asked for."""

    expires_at: int
    """When the server forgets the sound, in seconds since 1970 (UTC)."""

    transcript: str
    """What is said."""

@final
class Function(BaseModel):
    """The function of a tool call, and its arguments."""

    arguments: str
    """The arguments as JSON text, as the model wrote them: maybe invalid."""

    name: str
    """The function's name."""

@final
class ChatCompletionChunk(BaseModel):
    """One piece of a streamed chat reply."""

    id: str
    """The reply's id, the same on every chunk."""

    choices: list[ChunkChoice]
    """What is new in each answer. Empty on a chunk that carries usage alone."""

    created: int
    """When the reply was begun, in seconds since 1970 (UTC)."""

    model: str
    """The model that answers."""

    object: str
    """Always `chat.completion.chunk`."""

    moderation: Any | None
    """What the server's moderation found."""

    obfuscation: str | None
    """Noise that hides the length of the text from who listens."""

    service_tier: str | None
    """The tier that the request is served in."""

    system_fingerprint: str | None
    """The server's name for its own configuration."""

    usage: CompletionUsage | None
    """Tokens and cost so far: on the last chunks, on every one, or on none."""

@final
class ChunkChoice(BaseModel):
    """What is new in one answer. Its public name is `tokstream.types.chat.chat_completion_chunk.Choice`."""

    delta: ChoiceDelta
    """The new piece of the message."""

    finish_reason: str | None
    """Why the model stopped; None before the end."""

    index: int
    """The answer's place among the choices, from 0."""

    logprobs: ChoiceLogprobs | None
    """How likely the new tokens were."""

@final
class ChoiceDelta(BaseModel):
    """A new piece of a message."""

    audio: builtins.dict[str, Any] | None
    """A new piece of the sound."""

    content: str | None
    """New text, exactly as sent: it may be empty or begin with a space."""

    function_call: ChoiceDeltaFunctionCall | None
    """A piece of the older form of `tool_calls`."""

    reasoning_content: str | None
    """A new piece of what the model thinks."""

    refusal: str | None
    """A new piece of the refusal."""

    role: str | None
    """`assistant`, on the first chunk or on every one."""

    tool_calls: list[ChoiceDeltaToolCall] | None
    """Pieces of tool calls. Those with the same `index` belong together."""

@final
class ChoiceDeltaFunctionCall(BaseModel):
    """A piece of a function call in the form that `tool_calls` replaced."""

    arguments: str | None
    """A piece of the arguments' JSON text."""

    name: str | None
    """The function's name, on the first piece."""

@final
class ChoiceDeltaToolCall(BaseModel):
    """A piece of a tool call."""

    index: int
    """Which of the message's tool calls this is a piece of, from 0."""

    id: str | None
    """The call's id, on the first piece."""

    function: ChoiceDeltaToolCallFunction | None
    """A piece of the function's name and arguments."""

    type: Literal["function"] | None
    """`function`, on the first piece."""

@final
class ChoiceDeltaToolCallFunction(BaseModel):
    """A piece of a tool call's function."""

    arguments: str | None
    """A piece of the arguments' JSON text."""

    name: str | None
    """The function's name, on the first piece."""

@final
class CompletionUsage(BaseModel):
    """What a request used."""

    completion_tokens: int
    """Tokens that the model wrote."""

    prompt_tokens: int
    """Tokens that the model read."""

    total_tokens: int
    """Both together."""

    completion_tokens_details: CompletionTokensDetails | None
    """What the written tokens were."""

    prompt_tokens_details: PromptTokensDetails | None
    """What the read tokens were."""

    estimated_cost: float | None
    """What the request cost, in USD, by the server's own reckoning."""

@final
class CompletionTokensDetails(BaseModel):
    """What the written tokens were."""

    accepted_prediction_tokens: int | None
    """Tokens of a predicted output that came true."""

    audio_tokens: int | None
    """Tokens of sound."""

    reasoning_tokens: int | None
    """Tokens of thinking."""

    rejected_prediction_tokens: int | None
    """Tokens of a predicted output that did not come true."""

    text_tokens: int | None
    """Tokens of text."""

@final
class PromptTokensDetails(BaseModel):
    """What the read tokens were."""

    audio_tokens: int | None
    """Tokens of sound."""

    cached_tokens: int | None
    """Tokens that the server had in its cache."""

    cache_write_tokens: int | None
    """Tokens that the server put into its cache."""

    image_tokens: int | None
    """Tokens of pictures."""

    text_tokens: int | None
    """Tokens of text."""

@final
class Completion(BaseModel):
    """A text completion, whole or one piece of a stream."""

    id: str
    """The completion's id."""

    choices: list[CompletionChoice]
    """The texts: `n` for each prompt."""

    created: int
    """When the completion was made, in seconds since 1970 (UTC)."""

    model: str
    """The model that wrote it."""

    object: str
    """Always `text_completion`."""

    system_fingerprint: str | None
    """The server's name for its own configuration."""

    usage: CompletionUsage | None
    """Tokens and cost."""

@final
class CompletionChoice(BaseModel):
    """One text of a text completion."""

    finish_reason: str | None
    """Why the model stopped: `stop`, `length`, or another word of the server's."""

    index: int
    """The text's place among the choices, from 0."""

    logprobs: Logprobs | None
    """How likely the tokens were, where `logprobs` asked for it."""

    text: str
    """The text; in a stream, the new piece of it."""

@final
class Logprobs(BaseModel):
    """How likely the tokens of a text completion were; one entry a token."""

    text_offset: list[int] | None
    """Where each token begins in the text."""

    token_logprobs: list[float | None] | None
    """The natural logarithm of each token's probability; None where there is none."""

    tokens: list[str] | None
    """The tokens as text."""

    top_logprobs: list[dict[str, float] | None] | None
    """The likeliest tokens at each place."""

@final
class CreateEmbeddingResponse(BaseModel):
    """The vectors of one or more texts."""

    data: list[Embedding]
    """One vector for each input, in the same order."""

    model: str
    """The model that made them."""

    object: str
    """Always `list`."""

    usage: EmbeddingUsage
    """Tokens."""

@final
class EmbeddingUsage(BaseModel):
    """What a request for embeddings used. Its public name is `tokstream.types.create_embedding_response.Usage`."""

    prompt_tokens: int
    """Tokens that the model read."""

    total_tokens: int
    """The same number."""

@final
class Embedding(BaseModel):
    """The vector of one text."""

    embedding: list[float]
    """The vector. With `encoding_format="base64"`, a string: its 32-bit floats, little-endian, in base64."""

    index: int
    """The input's place in the request, from 0."""

    object: str
    """Always `embedding`."""

@final
class Model(BaseModel):
    """A model that a server offers."""

    id: str
    """The model's id, which is what `model` takes."""

    created: int | None
    """When the model was added, in seconds since 1970 (UTC)."""

    object: str
    """Always `model`."""

    owned_by: str | None
    """Who made the model or who serves it."""

    shutdown_date: str | None
    """When the model is to be shut down."""

    root: str | None
    """The id of the model that this one is a variant of."""

    metadata: ModelMetadata | None
    """Context length and prices, where the server gives them."""

@final
class ModelMetadata(BaseModel):
    """What a server says about a model."""

    description: str | None
    """The model in words."""

    context_length: int | None
    """How many tokens the model can see at once."""

    max_tokens: int | None
    """How many tokens a reply can have."""

    pricing: ModelPricing | None
    """What tokens cost."""

    tags: list[str] | None
    """What the model can do, in single words."""

@final
class ModelPricing(BaseModel):
    """What tokens cost, in USD for a million."""

    input_tokens: float | None
    """A million tokens read."""

    output_tokens: float | None
    """A million tokens written."""

    cache_read_tokens: float | None
    """A million tokens read from the cache."""

@final
class ModelList(BaseModel):
    """The models that a server offers. Iterates them."""

    data: list[Model]
    """The models."""

    object: str
    """Always `list`."""

    @override
    def __iter__(self) -> Iterator[Model]: ...
    def __aiter__(self) -> AsyncIterator[Model]: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]:
        """True: the list is there, whether or not there are models on it."""

    def __getitem__(self, key: int, /) -> Model: ...
    def has_next_page(self) -> bool:
        """Return False: a server lists all models at once. openai-python's pages have this method."""

    def next_page_info(self) -> None:
        """Return None: a server lists all models at once."""

    def get_next_page(self) -> NoReturn:
        """Raise what openai-python's last page raises.

        Raises:
            RuntimeError: there is no further page.
        """

    def iter_pages(self) -> Any:
        """Iterate over the pages, of which this is the only one, with `for` or with `async for`."""

@final
class Timings:
    """How long a stream has taken so far, in seconds from the start of the request."""

    def __new__(
        cls,
        connect: float,
        first_token: float | None,
        total: float,
        tokens_per_second: float | None,
        retries: int,
    ) -> Self: ...
    @property
    def connect(self) -> float:
        """How long it took to connect, TLS included; 0.0 on a connection that was open before."""

    @property
    def first_token(self) -> float | None:
        """Until the first piece of the reply arrived; None before that."""

    @property
    def total(self) -> float:
        """Until the stream ended, or until now."""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens (chunks, where the server gives no usage) in a second since the first; None before there are two."""

    @property
    def retries(self) -> int:
        """How many times the request was tried again."""

@final
class TextStream(Iterator[str]):
    """The text of a stream, piece by piece, exactly as the server sent it. Empty pieces are left out."""

    @override
    def __iter__(self) -> Self: ...
    @override
    def __next__(self) -> str: ...

@final
class AsyncTextStream(AsyncIterator[str]):
    """The text of a stream, piece by piece, exactly as the server sent it. Empty pieces are left out."""

    @override
    def __aiter__(self) -> Self: ...
    @override
    async def __anext__(self) -> str: ...

@final
class Stream(Generic[_T_co]):
    """A reply as it is being written: an iterator of chunks, for one pass.

    Iterating raises `StreamTruncatedError` where the server breaks off before the end, `APIError` where
    it sends an error in mid-stream, and `APITimeoutError` where it stays silent for too long.

    Closing a stream, leaving its `with` block and dropping the last reference to it end the request at
    once. A stream that was read to its end gives its connection back to the client.
    """

    @property
    def text_stream(self) -> TextStream:
        """The text of the first choice, piece by piece. It shares its place with the stream itself."""

    @property
    def current_completion_snapshot(self) -> ChatCompletion | None:
        """The reply put together from the chunks that were read so far; None before the first one."""

    @property
    def usage(self) -> CompletionUsage | None:
        """Tokens and cost, as the server gave them last; None before it did."""

    @property
    def timings(self) -> Timings:
        """How long the stream has taken."""

    @property
    def response(self) -> Response:
        """Status, headers and request id of the response."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come: the stream has ended, failed or been closed."""

    @property
    def _is_complete(self) -> bool: ...
    @overload
    def get_final_completion(self: Stream[ChatCompletionChunk]) -> ChatCompletion:
        """Read the rest of the stream and return the whole reply, as if it had not been streamed.

        Content, reasoning, refusals, tool calls, log probabilities, several choices and usage are put
        together out of all chunks, those read before included.

        Raises:
            APIError: as when the stream is iterated.
        """
    @overload
    def get_final_completion(self: Stream[Completion]) -> Completion: ...
    def get_final_text(self) -> str:
        """Read the rest of the stream and return the whole text of the first choice.

        Raises:
            APIError: as when the stream is iterated.
        """

    def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself.

        Raises:
            APIError: as when the stream is iterated.
        """

    def close(self) -> None:
        """End the request. Does nothing when the stream has ended or is closed."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> _T_co: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

@final
class AsyncStream(Generic[_T_co]):
    """A reply as it is being written: an asynchronous iterator of chunks, for one pass.

    What `Stream` says holds here too. Cancelling the task that waits for a chunk gives the stream up: its
    connection is closed, what had come stays in `current_completion_snapshot`, and reading on raises
    `StreamTruncatedError`.
    """

    @property
    def text_stream(self) -> AsyncTextStream:
        """The text of the first choice, piece by piece. It shares its place with the stream itself."""

    @property
    def current_completion_snapshot(self) -> ChatCompletion | None:
        """The reply put together from the chunks that were read so far; None before the first one."""

    @property
    def usage(self) -> CompletionUsage | None:
        """Tokens and cost, as the server gave them last; None before it did."""

    @property
    def timings(self) -> Timings:
        """How long the stream has taken."""

    @property
    def response(self) -> Response:
        """Status, headers and request id of the response."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come: the stream has ended, failed or been closed."""

    @property
    def _is_complete(self) -> bool: ...
    @overload
    async def get_final_completion(self: AsyncStream[ChatCompletionChunk]) -> ChatCompletion:
        """Read the rest of the stream and return the whole reply, as if it had not been streamed.

        Raises:
            APIError: as when the stream is iterated.
        """
    @overload
    async def get_final_completion(self: AsyncStream[Completion]) -> Completion: ...
    async def get_final_text(self) -> str:
        """Read the rest of the stream and return the whole text of the first choice.

        Raises:
            APIError: as when the stream is iterated.
        """

    async def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself.

        Raises:
            APIError: as when the stream is iterated.
        """

    async def close(self) -> None:
        """End the request. Does nothing when the stream has ended or is closed."""

    async def aclose(self) -> None:
        """End the request: another name for `close`."""

    def __aiter__(self) -> AsyncIterator[_T_co]: ...
    async def __anext__(self) -> _T_co: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

@final
class Timeout:
    """How long a request may take, in seconds. None means: as long as it takes.

    Args:
        timeout: a number sets `connect`, `first_token` and `read` in one; those given by name win. Also another
            `Timeout`, or httpx's.
        connect: to make the connection, TLS included. Default 5.
        first_token: from the start of an attempt to the first piece of its answer. Default 600.
        read: for a silence within the answer. Default 600.
        total: for the whole call, retries included. Default None.

    Raises:
        ConfigurationError: a time is negative or not a number.
    """

    def __new__(
        cls,
        timeout: float | Timeout | NotGiven | None = ...,
        *,
        connect: float | NotGiven | None = ...,
        first_token: float | NotGiven | None = ...,
        read: float | NotGiven | None = ...,
        total: float | NotGiven | None = ...,
    ) -> Self: ...
    @property
    def connect(self) -> float | None:
        """Seconds to make the connection, TLS included."""

    @property
    def first_token(self) -> float | None:
        """Seconds from the start of an attempt to the first piece of its answer."""

    @property
    def read(self) -> float | None:
        """Seconds of silence within the answer."""

    @property
    def total(self) -> float | None:
        """Seconds for the whole call, retries included."""

    @override
    def __eq__(self, other: object, /) -> bool: ...
    @override
    def __hash__(self) -> int: ...

@final
class RetryPolicy:
    """When a request is tried again, and how long to wait before.

    Tried again are failed connections, status 408, 409, 429 and 5xx, unless the server says that it
    would not help; never a stream that has handed out content. A `Retry-After` header decides the
    wait, else it doubles from `initial_delay` to `max_delay`.

    Args:
        max_retries: how many times at most; 0 for never.
        initial_delay: the first wait, in seconds.
        max_delay: the longest wait that the policy itself chooses, in seconds.
        jitter: each wait is shortened at random by up to this part of it, from 0 to 1.
        max_retry_after: the longest wait, in seconds, that a server may ask for. Beyond it the error
            is raised at once.

    Raises:
        ConfigurationError: a number is negative, not a number, or out of range.
    """

    def __new__(
        cls,
        *,
        max_retries: int = 2,
        initial_delay: float = 0.5,
        max_delay: float = 8.0,
        jitter: float = 0.25,
        max_retry_after: float = 60.0,
    ) -> Self: ...
    @property
    def max_retries(self) -> int:
        """How many times a request is tried again at most. Default 2."""

    @property
    def initial_delay(self) -> float:
        """The first wait, in seconds. Default 0.5."""

    @property
    def max_delay(self) -> float:
        """The longest wait that the policy itself chooses, in seconds. Default 8."""

    @property
    def jitter(self) -> float:
        """The part of each wait by which it is shortened at random, at most. Default 0.25."""

    @property
    def max_retry_after(self) -> float:
        """The longest wait, in seconds, that a server may ask for. Default 60."""

    @override
    def __eq__(self, other: object, /) -> bool: ...
    @override
    def __hash__(self) -> int: ...

@final
class Limits:
    """How much of a response is taken before it is an error, in bytes.

    Args:
        event_bytes: one event of a stream.
        body_bytes: a whole response that is not a stream.
        error_body_bytes: the body of an error; the rest of it is not read.

    Raises:
        ConfigurationError: a number is not positive.
    """

    def __new__(
        cls,
        *,
        event_bytes: int = ...,
        body_bytes: int = ...,
        error_body_bytes: int = ...,
    ) -> Self: ...
    @property
    def event_bytes(self) -> int:
        """The largest event of a stream. Default 64 MiB."""

    @property
    def body_bytes(self) -> int:
        """The largest response that is not a stream. Default 256 MiB."""

    @property
    def error_body_bytes(self) -> int:
        """The largest part of an error's body that is read. Default 1 MiB."""

    @override
    def __eq__(self, other: object, /) -> bool: ...
    @override
    def __hash__(self) -> int: ...

# One call's own: headers, parameters of the URL, keys that are added to the body, time limits, retries, and whether the
# route is refused without a key.
_Options: TypeAlias = tuple[Any, Any, Any, Any, Any, bool]

@final
class Core:
    """What both clients are made of: settings, connections, and the loop of attempts."""

    base_url: Any
    api_key: Any
    timeout: Any
    max_retries: Any
    max_cost: Any
    @property
    def retry(self) -> RetryPolicy: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def is_closed(self) -> bool: ...
    def __new__(
        cls,
        *,
        asynchronous: bool,
        base_url: Any,
        api_key: Any,
        timeout: Any,
        max_retries: Any,
        retry: Any,
        limits: Any,
        headers: Any,
        query: Any,
        proxy: Any,
        verify: Any,
        cert: Any,
        http2: Any,
        compress: Any,
        max_cost: Any,
        share: Core | None,
    ) -> Self: ...
    def send(
        self, method: str, path: str, body: Any, output: Any, options: _Options, api_key: str | None = None
    ) -> Any: ...
    def open(
        self, method: str, path: str, body: Any, kind: str, options: _Options, api_key: str | None = None
    ) -> Any: ...
    def chat(
        self,
        messages: Any,
        model: Any,
        stream: Any,
        params: builtins.dict[str, Any],
        headers: Any,
        query: Any,
        extra_body: Any,
        timeout: Any,
    ) -> Any: ...
    def warm_up(self, options: _Options) -> Any: ...
    def close(self) -> None: ...
    def count(self, body: bytes) -> None: ...
    def totals(self) -> tuple[int, int, int, int, float]: ...
    def totals_by_model(self) -> list[tuple[str, tuple[int, int, int, int, float]]]: ...

def _failed(error: BaseException) -> Any: ...
def _is_secret(name: str) -> bool: ...
def _chat_body(messages: Any, model: Any, stream: Any, params: builtins.dict[str, Any]) -> builtins.dict[str, Any]: ...

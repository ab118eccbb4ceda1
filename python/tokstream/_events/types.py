"""The events of `client.chat.completions.stream(…)`, with openai-python's names and fields.

An event is small: what has arrived before it is shared with the other events of its stream and put together when it is
read. Events can be pickled, copied and compared.
"""

from __future__ import annotations

from tokstream._typing import TYPE_CHECKING, Generic, TypeVar, is_list, override

from .shared import SharedList, SharedText, settled

if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal

    from tokstream._tokstream import ChatCompletion, ChatCompletionChunk, ChatCompletionTokenLogprob

# What a content is parsed into.
T = TypeVar("T", default=None)


def json_or_none(text: str) -> object:
    """Return the value of a JSON text, or `None` if it is not one."""
    from json import loads

    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


class Event:
    """What all events have. Their constructors take their fields by position or by name."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    type: Any = None

    @override
    def __init_subclass__(cls) -> None:
        # Where programs import it from, and pickles look for it.
        cls.__module__ = "tokstream.types.chat"

    def model_dump(self, *, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, Any]:
        """Return the event as a dict; the parameters are those of the response objects' `model_dump`."""
        from tokstream._models import dump_plain

        dumped: dict[str, Any] = {"type": self.type}
        for name in self.__match_args__:
            value = getattr(self, name)
            if value is not None or not options.get("exclude_none"):
                dumped[name] = _dumped(value, options)
        return dump_plain(dumped, include, exclude)  # type: ignore[no-any-return]

    def to_dict(self, **options: Any) -> dict[str, Any]:
        """Return the event as a dict; fields that the server left out are left out."""
        return self.model_dump(**{"exclude_unset": True, **options})

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return the event as JSON text, in one line unless `indent` says otherwise."""
        from tokstream._models import json_text

        return json_text(self.model_dump(**options), indent)

    def to_json(self, *, indent: int | None = 2, **options: Any) -> str:
        """Return `to_dict()` as JSON text, indented by two spaces unless `indent` says otherwise."""
        from tokstream._models import json_text

        return json_text(self.to_dict(**options), indent)

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.__match_args__])

    @override
    def __repr__(self) -> str:
        fields = ", ".join([f"{name}={getattr(self, name)!r}" for name in ("type", *self.__match_args__)])
        return f"{type(self).__name__}({fields})"

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event) or type(self) is not type(other):
            return NotImplemented
        return self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()


def _dumped(value: Any, options: dict[str, Any]) -> Any:
    if is_list(value):
        return [_dumped(item, options) for item in value]
    return value.model_dump(**options) if hasattr(value, "model_dump") else value


class _TextEvent(Event):
    """A part of a text that grows."""

    __slots__ = ("_snapshot", "delta")
    __match_args__ = ("delta", "snapshot")

    def __init__(self, delta: str, snapshot: str | tuple[SharedText, int]) -> None:
        self.delta = delta
        self._snapshot: Any = snapshot

    @property
    def snapshot(self) -> str:
        self._snapshot = text = settled(self._snapshot)
        return text  # type: ignore[no-any-return]


class ChunkEvent(Event):
    """A chunk arrived. It comes before the other events of the same chunk.

    Attributes:
        chunk (ChatCompletionChunk): the chunk.
        snapshot (ChatCompletion): the completion put together so far. It is put together when it is first read, and
            kept from then on: read in the loop it ends with this chunk, read later with the last chunk that has arrived
            by then. What is read out of the reply has its value so far in it.
    """

    __slots__ = ("_snapshot", "_source", "chunk")
    __match_args__ = ("chunk", "snapshot")
    type: Literal["chunk"] = "chunk"

    def __init__(
        self, chunk: ChatCompletionChunk, snapshot: ChatCompletion | None = None, *, source: Any = None
    ) -> None:
        self.chunk = chunk
        self._snapshot: Any = snapshot
        self._source = source

    @property
    def snapshot(self) -> ChatCompletion:
        if self._source is not None:
            self._snapshot = self._source.current_completion_snapshot
            self._source = None
        return self._snapshot  # type: ignore[no-any-return]


class ContentDeltaEvent(_TextEvent):
    """A chunk brought content, be it empty.

    Attributes:
        delta (str): what it brought.
        snapshot (str): the content of its choice so far.
        parsed (object): the JSON of its choice so far, as plain data, if a `response_format` asks for JSON; otherwise
            `None`. A string in it may go on, numbers are whole. What has ended in it is shared with other events: it is
            to be read, and not changed.
    """

    __slots__ = ("_parsed",)
    __match_args__ = ("delta", "snapshot", "parsed")
    type: Literal["content.delta"] = "content.delta"

    def __init__(self, delta: str, snapshot: str | tuple[SharedText, int], parsed: object = None) -> None:
        super().__init__(delta, snapshot)
        self._parsed = parsed

    @property
    def parsed(self) -> Any:
        self._parsed = value = settled(self._parsed)
        return value


class ContentDoneEvent(Event, Generic[T]):
    """The content of a choice is complete; not fired if it is empty.

    Attributes:
        content (str): the whole content.
        parsed (object): its value, of the type that was given as `response_format`; `None` if there was none.
    """

    __slots__ = ("content", "parsed")
    __match_args__ = ("content", "parsed")
    type: Literal["content.done"] = "content.done"

    def __init__(self, content: str, parsed: T | None = None) -> None:
        self.content = content
        self.parsed = parsed


class RefusalDeltaEvent(_TextEvent):
    """A chunk brought a part of a refusal.

    Attributes:
        delta (str): what it brought.
        snapshot (str): the refusal of its choice so far.
    """

    __slots__ = ()
    type: Literal["refusal.delta"] = "refusal.delta"


class RefusalDoneEvent(Event):
    """The refusal of a choice is complete.

    Attributes:
        refusal (str): the whole refusal.
    """

    __slots__ = ("refusal",)
    __match_args__ = ("refusal",)
    type: Literal["refusal.done"] = "refusal.done"

    def __init__(self, refusal: str) -> None:
        self.refusal = refusal


class FunctionToolCallArgumentsDeltaEvent(Event):
    """A chunk brought a part of the arguments of a call of a function, or began such a call.

    Attributes:
        name (str): the name of the function.
        index (int): which of the tool calls of its choice it is.
        arguments (str): the JSON of the arguments so far.
        parsed_arguments (object): of a tool that is strict or has a class, their JSON so far as plain data; of others
            their value if that JSON is whole, otherwise `None`.
        arguments_delta (str): what the chunk brought; empty if it brought the name alone.
    """

    __slots__ = ("_arguments", "_parsed", "arguments_delta", "index", "name")
    __match_args__ = ("name", "index", "arguments", "parsed_arguments", "arguments_delta")
    type: Literal["tool_calls.function.arguments.delta"] = "tool_calls.function.arguments.delta"

    def __init__(
        self,
        name: str,
        index: int,
        arguments: str | tuple[SharedText, int],
        parsed_arguments: object = ...,
        arguments_delta: str = "",
    ) -> None:
        self.name = name
        self.index = index
        self._arguments: Any = arguments
        self._parsed = parsed_arguments
        self.arguments_delta = arguments_delta

    @property
    def arguments(self) -> str:
        self._arguments = text = settled(self._arguments)
        return text  # type: ignore[no-any-return]

    @property
    def parsed_arguments(self) -> object:
        if self._parsed is ...:
            self._parsed = json_or_none(self.arguments)
        self._parsed = value = settled(self._parsed)
        return value


class FunctionToolCallArgumentsDoneEvent(Event):
    """The arguments of a call of a function are complete.

    Attributes:
        name (str): the name of the function.
        index (int): which of the tool calls of its choice it is.
        arguments (str): the JSON of the arguments, as the model wrote it.
        parsed_arguments (object): their value, or `None` if the model's JSON is not valid. Of a tool that has a class
            it is an object of that.
    """

    __slots__ = ("arguments", "index", "name", "parsed_arguments")
    __match_args__ = ("name", "index", "arguments", "parsed_arguments")
    type: Literal["tool_calls.function.arguments.done"] = "tool_calls.function.arguments.done"

    def __init__(self, name: str, index: int, arguments: str, parsed_arguments: object = None) -> None:
        self.name = name
        self.index = index
        self.arguments = arguments
        self.parsed_arguments = parsed_arguments


class LogprobsContentDeltaEvent(Event):
    """A chunk brought log probabilities of tokens of the content.

    Attributes:
        content (list[ChatCompletionTokenLogprob]): what it brought.
        snapshot (list[ChatCompletionTokenLogprob]): those of its choice so far.
    """

    __slots__ = ("_snapshot", "content")
    __match_args__ = ("content", "snapshot")
    type: Literal["logprobs.content.delta"] = "logprobs.content.delta"

    def __init__(
        self,
        content: list[ChatCompletionTokenLogprob],
        snapshot: list[ChatCompletionTokenLogprob] | tuple[SharedList, int],
    ) -> None:
        self.content = content
        self._snapshot: Any = snapshot

    @property
    def snapshot(self) -> list[ChatCompletionTokenLogprob]:
        self._snapshot = items = settled(self._snapshot)
        return items  # type: ignore[no-any-return]


class LogprobsContentDoneEvent(Event):
    """The log probabilities of the content of a choice are complete.

    Attributes:
        content (list[ChatCompletionTokenLogprob]): all of them.
    """

    __slots__ = ("content",)
    __match_args__ = ("content",)
    type: Literal["logprobs.content.done"] = "logprobs.content.done"

    def __init__(self, content: list[ChatCompletionTokenLogprob]) -> None:
        self.content = content


class LogprobsRefusalDeltaEvent(Event):
    """A chunk brought log probabilities of tokens of a refusal.

    Attributes:
        refusal (list[ChatCompletionTokenLogprob]): what it brought.
        snapshot (list[ChatCompletionTokenLogprob]): those of its choice so far.
    """

    __slots__ = ("_snapshot", "refusal")
    __match_args__ = ("refusal", "snapshot")
    type: Literal["logprobs.refusal.delta"] = "logprobs.refusal.delta"

    def __init__(
        self,
        refusal: list[ChatCompletionTokenLogprob],
        snapshot: list[ChatCompletionTokenLogprob] | tuple[SharedList, int],
    ) -> None:
        self.refusal = refusal
        self._snapshot: Any = snapshot

    @property
    def snapshot(self) -> list[ChatCompletionTokenLogprob]:
        self._snapshot = items = settled(self._snapshot)
        return items  # type: ignore[no-any-return]


class LogprobsRefusalDoneEvent(Event):
    """The log probabilities of the refusal of a choice are complete.

    Attributes:
        refusal (list[ChatCompletionTokenLogprob]): all of them.
    """

    __slots__ = ("refusal",)
    __match_args__ = ("refusal",)
    type: Literal["logprobs.refusal.done"] = "logprobs.refusal.done"

    def __init__(self, refusal: list[ChatCompletionTokenLogprob]) -> None:
        self.refusal = refusal


ChatCompletionStreamEvent = (
    ChunkEvent
    | ContentDeltaEvent
    | ContentDoneEvent[T]
    | RefusalDeltaEvent
    | RefusalDoneEvent
    | FunctionToolCallArgumentsDeltaEvent
    | FunctionToolCallArgumentsDoneEvent
    | LogprobsContentDeltaEvent
    | LogprobsContentDoneEvent
    | LogprobsRefusalDeltaEvent
    | LogprobsRefusalDoneEvent
)


def text_in(chunk: ChatCompletionChunk) -> str:
    """Return what a chunk adds to the text of the first choice."""
    for choice in chunk.choices or ():
        # As the stream's own text_stream has it: some servers leave the index out.
        if getattr(choice, "index", None) in (0, None):
            content: Any = getattr(getattr(choice, "delta", None), "content", None)
            return content if isinstance(content, str) else ""
    return ""


def text_of(event: object) -> str:
    """Return what an event adds to the text of the first choice: of a chunk its text, of others nothing."""
    return text_in(event.chunk) if isinstance(event, ChunkEvent) else ""

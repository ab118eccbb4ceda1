"""The event form of a stream, `client.chat.completions.stream(…)`.

`EventState` turns chunks into events and does no I/O. `ChatCompletionStream` and `AsyncChatCompletionStream` drive it
over a stream of chunks.
"""

from __future__ import annotations

from ._event_types import (
    ChatCompletionStreamEvent,
    ChunkEvent,
    ContentDeltaEvent,
    ContentDoneEvent,
    FunctionToolCallArgumentsDeltaEvent,
    FunctionToolCallArgumentsDoneEvent,
    LogprobsContentDeltaEvent,
    LogprobsContentDoneEvent,
    LogprobsRefusalDeltaEvent,
    LogprobsRefusalDoneEvent,
    RefusalDeltaEvent,
    RefusalDoneEvent,
    SharedList,
    SharedText,
    json_or_none,
)
from ._exceptions import ContentFilterFinishReasonError, LengthFinishReasonError
from ._typing import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ._http import Response
    from ._tokstream import (
        AsyncStream,
        ChatCompletion,
        ChatCompletionChunk,
        CompletionUsage,
        Stream,
        Timings,
    )

__all__ = [
    "AsyncChatCompletionStream",
    "AsyncChatCompletionStreamManager",
    "ChatCompletionStream",
    "ChatCompletionStreamEvent",
    "ChatCompletionStreamManager",
    "ChunkEvent",
    "ContentDeltaEvent",
    "ContentDoneEvent",
    "EventState",
    "FunctionToolCallArgumentsDeltaEvent",
    "FunctionToolCallArgumentsDoneEvent",
    "LogprobsContentDeltaEvent",
    "LogprobsContentDoneEvent",
    "LogprobsRefusalDeltaEvent",
    "LogprobsRefusalDoneEvent",
    "RefusalDeltaEvent",
    "RefusalDoneEvent",
]


class EventState:
    """What has been seen of a stream, from which its chunks become events.

    Args:
        source: whatever has the completion put together so far as its `current_completion_snapshot`: the stream.
        strict: the answer is to be parsed, so that one cut by its length or withheld by a filter is an error. Default
            `False`.
    """

    __slots__ = ("_choices", "_source", "_strict")

    def __init__(self, source: Any = None, *, strict: bool = False) -> None:
        self._source = source
        self._strict = strict
        self._choices: dict[int, _Choice] = {}

    def feed(self, chunk: ChatCompletionChunk) -> list[ChatCompletionStreamEvent]:
        """Return the events of the next chunk.

        Raises:
            LengthFinishReasonError: `strict`, and a choice ended with `"length"`.
            ContentFilterFinishReasonError: `strict`, and a choice ended with `"content_filter"`.
        """
        events: list[ChatCompletionStreamEvent] = [ChunkEvent(chunk, source=self._source)]
        for position, choice in enumerate(chunk.choices or ()):
            if self._strict:
                self._check(getattr(choice, "finish_reason", None))
            index: Any = getattr(choice, "index", None)
            index = index if isinstance(index, int) else position
            state = self._choices.get(index)
            if state is None:
                state = self._choices[index] = _Choice()
            state.feed(choice, events)
        return events

    def finish(self) -> list[ChatCompletionStreamEvent]:
        """Return the events that end what no finish reason has ended, once the stream is complete."""
        events: list[ChatCompletionStreamEvent] = []
        for state in self._choices.values():
            state.finish(events)
        return events

    def _check(self, finish_reason: object) -> None:
        if finish_reason == "length":
            raise LengthFinishReasonError(completion=self._source.current_completion_snapshot)
        if finish_reason == "content_filter":
            raise ContentFilterFinishReasonError(completion=self._source.current_completion_snapshot)


class _ToolCall:
    """A call of a function that is arriving."""

    __slots__ = ("arguments", "done", "is_function", "name")

    def __init__(self) -> None:
        self.name = ""
        self.arguments = SharedText()
        self.is_function = False
        self.done = False


class _Choice:
    """What has arrived of one choice, and which of its parts are known to be complete."""

    __slots__ = ("_calls", "_content", "_current", "_done", "_finished", "_logprobs", "_refusal", "_refusal_logprobs")

    def __init__(self) -> None:
        self._content: SharedText | None = None
        self._refusal: SharedText | None = None
        self._logprobs: SharedList | None = None
        self._refusal_logprobs: SharedList | None = None
        self._calls: dict[int, _ToolCall] = {}
        self._current: int | None = None
        self._finished = False
        self._done: set[str] = set()

    def feed(self, choice: Any, events: list[ChatCompletionStreamEvent]) -> None:
        delta: Any = getattr(choice, "delta", None)
        content: Any = getattr(delta, "content", None)
        if isinstance(content, str):
            if self._content is None:
                self._content = SharedText()
            events.append(ContentDeltaEvent(content, self._content.add(content)))
        refusal: Any = getattr(delta, "refusal", None)
        if isinstance(refusal, str):
            if self._refusal is None:
                self._refusal = SharedText()
            events.append(RefusalDeltaEvent(refusal, self._refusal.add(refusal)))
        calls: Any = getattr(delta, "tool_calls", None)
        begun = self._feed_calls(calls, events) if calls else ()
        logprobs: Any = getattr(choice, "logprobs", None)
        if logprobs is not None:
            self._feed_logprobs(logprobs, events)
        for index in begun:
            self._begin_call(index, events)
        if getattr(choice, "finish_reason", None):
            self._finished = True
        if self._finished:
            self.finish(events)

    def finish(self, events: list[ChatCompletionStreamEvent]) -> None:
        self._end_message(events)
        self._end_call(events)

    def _feed_calls(self, calls: list[Any], events: list[ChatCompletionStreamEvent]) -> list[int]:
        indexes: list[int] = []
        for position, fragment in enumerate(calls):
            index: Any = getattr(fragment, "index", None)
            index = index if isinstance(index, int) else position
            indexes.append(index)
            call = self._calls.get(index)
            if call is None:
                call = self._calls[index] = _ToolCall()
            function: Any = getattr(fragment, "function", None)
            if function is None:
                continue
            call.is_function = True
            name = getattr(function, "name", None)
            # Some servers repeat the whole name with every fragment.
            if isinstance(name, str) and name != call.name:
                call.name += name
            arguments = getattr(function, "arguments", None)
            arguments = arguments if isinstance(arguments, str) else ""
            so_far = call.arguments.add(arguments)
            events.append(FunctionToolCallArgumentsDeltaEvent(call.name, index, so_far, arguments_delta=arguments))
        return indexes

    def _feed_logprobs(self, logprobs: Any, events: list[ChatCompletionStreamEvent]) -> None:
        content: Any = getattr(logprobs, "content", None)
        if is_list(content) and content:
            if self._logprobs is None:
                self._logprobs = SharedList()
            events.append(LogprobsContentDeltaEvent(content, self._logprobs.add(content)))
        refusal: Any = getattr(logprobs, "refusal", None)
        if is_list(refusal) and refusal:
            if self._refusal_logprobs is None:
                self._refusal_logprobs = SharedList()
            events.append(LogprobsRefusalDeltaEvent(refusal, self._refusal_logprobs.add(refusal)))

    def _begin_call(self, index: int, events: list[ChatCompletionStreamEvent]) -> None:
        if self._current != index:
            self._end_message(events)
            self._end_call(events)
            self._current = index

    def _end_message(self, events: list[ChatCompletionStreamEvent]) -> None:
        done = self._done
        content = self._content.whole() if self._content is not None and "content" not in done else ""
        if content:
            done.add("content")
            events.append(ContentDoneEvent(content))
        if self._refusal is not None and "refusal" not in done:
            done.add("refusal")
            events.append(RefusalDoneEvent(self._refusal.whole()))
        if self._logprobs is not None and "logprobs" not in done:
            done.add("logprobs")
            events.append(LogprobsContentDoneEvent(self._logprobs.whole()))
        if self._refusal_logprobs is not None and "refusal logprobs" not in done:
            done.add("refusal logprobs")
            events.append(LogprobsRefusalDoneEvent(self._refusal_logprobs.whole()))

    def _end_call(self, events: list[ChatCompletionStreamEvent]) -> None:
        call = self._calls.get(self._current) if self._current is not None else None
        if call is None or self._current is None or call.done:
            return
        call.done = True
        if call.is_function:
            arguments = call.arguments.whole()
            events.append(
                FunctionToolCallArgumentsDoneEvent(call.name, self._current, arguments, json_or_none(arguments))
            )


def _text_of(event: ChatCompletionStreamEvent) -> str:
    """Return what a chunk adds to the text of the first choice."""
    if isinstance(event, ChunkEvent):
        for choice in event.chunk.choices or ():
            # As the stream's own text_stream has it: some servers leave the index out.
            if getattr(choice, "index", None) in (0, None):
                content: Any = getattr(getattr(choice, "delta", None), "content", None)
                return content if isinstance(content, str) else ""
    return ""


class _EventStream:
    """What both event streams have but for the waiting."""

    __slots__ = ("__weakref__", "_ended", "_pending", "_state", "_stream")

    def __init__(self, stream: Any, *, strict: bool = False) -> None:
        self._stream = stream
        self._state = EventState(stream, strict=strict)
        self._pending: Iterator[ChatCompletionStreamEvent] = iter(())
        self._ended = False

    def _feed(self, chunk: ChatCompletionChunk) -> None:
        try:
            self._pending = iter(self._state.feed(chunk))
        except Exception:
            self._ended = True
            raise

    def _finish(self) -> None:
        self._ended = True
        # Nothing is done of a stream that was closed before its end.
        self._pending = iter(self._state.finish() if getattr(self._stream, "_is_complete", True) else ())

    def _drop(self) -> None:
        self._ended = True
        self._pending = iter(())

    @property
    def current_completion_snapshot(self) -> ChatCompletion:
        """The completion put together from the chunks that have arrived."""
        return self._stream.current_completion_snapshot  # type: ignore[no-any-return]

    @property
    def response(self) -> Response:
        """Status, headers and request id of the response."""
        return self._stream.response  # type: ignore[no-any-return]

    @property
    def usage(self) -> CompletionUsage | None:
        """The tokens used and their cost, once the server has sent it."""
        return self._stream.usage  # type: ignore[no-any-return]

    @property
    def timings(self) -> Timings:
        """How long connecting, the first token and the whole took, in seconds."""
        return self._stream.timings  # type: ignore[no-any-return]

    @property
    def resumed(self) -> int:
        """How many times the stream was taken up again after a cut: 0 without `resume=True`."""
        return getattr(self._stream, "resumed", 0)


class ChatCompletionStream(_EventStream):
    """The events of a streamed chat completion: an iterator, and a context manager that closes the stream.

    `client.chat.completions.stream(…)` gives it in a `with` statement.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, stream: Stream[ChatCompletionChunk], *, strict: bool = False) -> None: ...

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatCompletionStreamEvent:
        while True:
            for event in self._pending:
                return event
            if self._ended:
                raise StopIteration
            try:
                chunk = next(self._stream)
            except StopIteration:
                self._finish()
            except Exception:
                self._ended = True
                raise
            else:
                self._feed(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream and its connection. What has not been read is lost; a second call does nothing."""
        self._drop()
        self._stream.close()

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the first choice that is still to come, piece by piece, without empty pieces."""
        return (text for event in self if (text := _text_of(event)))

    def until_done(self) -> Self:
        """Read the stream to its end and return it."""
        for _ in self:
            pass
        return self

    def get_final_completion(self) -> ChatCompletion:
        """Read the stream to its end and return the whole completion."""
        self.until_done()
        return self._stream.get_final_completion()  # type: ignore[no-any-return]

    def get_final_text(self) -> str:
        """Read the stream to its end and return the text of the first choice."""
        self.until_done()
        return self._stream.get_final_text()  # type: ignore[no-any-return]


class ChatCompletionStreamManager:
    """What `client.chat.completions.stream(…)` returns: opens the stream on entry and closes it on exit.

    Args:
        open_stream: sends the request and returns the stream of chunks; called on entry.
        strict: as for `EventState`.
    """

    __slots__ = ("_open", "_stream", "_strict")

    def __init__(self, open_stream: Callable[[], Stream[ChatCompletionChunk]], *, strict: bool = False) -> None:
        self._open = open_stream
        self._strict = strict
        self._stream: ChatCompletionStream | None = None

    def __enter__(self) -> ChatCompletionStream:
        self._stream = ChatCompletionStream(self._open(), strict=self._strict)
        return self._stream

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncChatCompletionStream(_EventStream):
    """The events of a streamed chat completion: an async iterator, and a context manager that closes the stream.

    `client.chat.completions.stream(…)` gives it in an `async with` statement.
    """

    __slots__ = ("_chunks",)

    def __init__(self, stream: AsyncStream[ChatCompletionChunk], *, strict: bool = False) -> None:
        super().__init__(stream, strict=strict)
        # One iterator for all steps uses its awaitable again; the stream itself makes one for each step.
        self._chunks = aiter(stream)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionStreamEvent:
        while True:
            for event in self._pending:
                return event
            if self._ended:
                raise StopAsyncIteration
            try:
                chunk = await self._chunks.__anext__()
            except StopAsyncIteration:
                self._finish()
            except Exception:
                self._ended = True
                raise
            else:
                self._feed(chunk)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the stream and its connection. What has not been read is lost; a second call does nothing."""
        self._drop()
        await self._stream.close()

    aclose = close

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text of the first choice that is still to come, piece by piece, without empty pieces."""
        return (text async for event in self if (text := _text_of(event)))

    async def until_done(self) -> Self:
        """Read the stream to its end and return it."""
        async for _ in self:
            pass
        return self

    async def get_final_completion(self) -> ChatCompletion:
        """Read the stream to its end and return the whole completion."""
        await self.until_done()
        return await self._stream.get_final_completion()  # type: ignore[no-any-return]

    async def get_final_text(self) -> str:
        """Read the stream to its end and return the text of the first choice."""
        await self.until_done()
        return await self._stream.get_final_text()  # type: ignore[no-any-return]


class AsyncChatCompletionStreamManager:
    """What `client.chat.completions.stream(…)` of an `AsyncClient` returns: for `async with`.

    Args:
        open_stream: sends the request and returns an awaitable of the stream of chunks; called on entry.
        strict: as for `EventState`.
    """

    __slots__ = ("_open", "_stream", "_strict")

    def __init__(
        self, open_stream: Callable[[], Awaitable[AsyncStream[ChatCompletionChunk]]], *, strict: bool = False
    ) -> None:
        self._open = open_stream
        self._strict = strict
        self._stream: AsyncChatCompletionStream | None = None

    async def __aenter__(self) -> AsyncChatCompletionStream:
        self._stream = AsyncChatCompletionStream(await self._open(), strict=self._strict)
        return self._stream

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()

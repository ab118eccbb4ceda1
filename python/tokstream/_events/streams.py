"""The event form of a stream, `client.chat.completions.stream(…)`.

`ChatCompletionStream` and `AsyncChatCompletionStream` drive an `EventState` over a stream of chunks.
"""

from __future__ import annotations

from tokstream._streams import AsyncClosedOnExit, ClosedOnExit, OverStream
from tokstream._typing import TYPE_CHECKING, Generic

from .state import EventState
from .types import T, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import Any, overload

    from typing_extensions import Self, override

    from tokstream._parsing.output import Output
    from tokstream._parsing.parsed import ParsedChatCompletion
    from tokstream._tokstream import (
        AsyncStream,
        ChatCompletion,
        ChatCompletionChunk,
        Stream,
    )

    from .types import ChatCompletionStreamEvent

__all__ = [
    "AsyncChatCompletionStream",
    "AsyncChatCompletionStreamManager",
    "ChatCompletionStream",
    "ChatCompletionStreamManager",
]


class _EventStream(OverStream):
    """What both event streams have but for the waiting."""

    __slots__ = ("__weakref__", "_ended", "_output", "_pending", "_source", "_state")

    def __init__(self, stream: Any, *, output: Output | None = None) -> None:
        self._source = stream
        self._output = output
        self._state = EventState(stream, output=output)
        self._pending: Iterator[ChatCompletionStreamEvent[Any]] = iter(())
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
        self._pending = iter(self._state.finish() if getattr(self._source, "_is_complete", True) else ())

    def _complete(self, completion: ChatCompletion) -> Any:
        output = self._output
        return completion if output is None else output.complete(completion, lenient=not output.is_strict)

    def _drop(self) -> None:
        self._ended = True
        self._pending = iter(())

    @property
    def current_completion_snapshot(self) -> ChatCompletion:
        """The completion put together from the chunks that have arrived."""
        return self._state.current_completion_snapshot  # type: ignore[no-any-return]


class ChatCompletionStream(_EventStream, ClosedOnExit, Generic[T]):
    """The events of a streamed chat completion: an iterator, and a context manager that closes the stream.

    `client.chat.completions.stream(…)` gives it in a `with` statement.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, stream: Stream[ChatCompletionChunk], *, output: Output | None = None) -> None: ...

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatCompletionStreamEvent[T]:
        while True:
            for event in self._pending:
                return event
            if self._ended:
                raise StopIteration
            try:
                chunk = next(self._source)
            except StopIteration:
                self._finish()
            except Exception:
                self._ended = True
                raise
            else:
                self._feed(chunk)

    def close(self) -> None:
        """Close the stream and its connection. What has not been read is lost; a second call does nothing."""
        self._drop()
        self._source.close()

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the first choice that is still to come, piece by piece, without empty pieces."""
        return (text for event in self if (text := text_of(event)))

    def until_done(self) -> Self:
        """Read the stream to its end and return it."""
        for _ in self:
            pass
        return self

    if TYPE_CHECKING:

        @overload
        def get_final_completion(self: ChatCompletionStream[None]) -> ChatCompletion: ...
        @overload
        def get_final_completion(self) -> ParsedChatCompletion[T]: ...

    def get_final_completion(self) -> Any:
        """Read the stream to its end and return the whole completion."""
        self.until_done()
        return self._complete(self._source.get_final_completion())

    def get_final_text(self) -> str:
        """Read the stream to its end and return the text of the first choice."""
        self.until_done()
        return self._source.get_final_text()  # type: ignore[no-any-return]


class ChatCompletionStreamManager(Generic[T]):
    """What `client.chat.completions.stream(…)` returns: opens the stream on entry and closes it on exit.

    Args:
        open_stream: sends the request and returns the stream of chunks; called on entry.
        output: as for `EventState`.
    """

    __slots__ = ("_open", "_output", "_stream")

    def __init__(
        self,
        open_stream: Callable[[], Stream[ChatCompletionChunk]],
        *,
        output: Output | None = None,
    ) -> None:
        self._open = open_stream
        self._output = output
        self._stream: ChatCompletionStream[T] | None = None

    def __enter__(self) -> ChatCompletionStream[T]:
        self._stream = ChatCompletionStream(self._open(), output=self._output)
        return self._stream

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncChatCompletionStream(_EventStream, AsyncClosedOnExit, Generic[T]):
    """The events of a streamed chat completion: an async iterator, and a context manager that closes the stream.

    `client.chat.completions.stream(…)` gives it in an `async with` statement.
    """

    __slots__ = ("_chunks",)

    def __init__(self, stream: AsyncStream[ChatCompletionChunk], *, output: Output | None = None) -> None:
        super().__init__(stream, output=output)
        # One iterator for all steps uses its awaitable again; the stream itself makes one for each step.
        self._chunks = aiter(stream)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionStreamEvent[T]:
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

    async def close(self) -> None:
        """Close the stream and its connection. What has not been read is lost; a second call does nothing."""
        self._drop()
        await self._source.close()

    aclose = close

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text of the first choice that is still to come, piece by piece, without empty pieces."""
        return (text async for event in self if (text := text_of(event)))

    async def until_done(self) -> Self:
        """Read the stream to its end and return it."""
        async for _ in self:
            pass
        return self

    if TYPE_CHECKING:

        @overload
        async def get_final_completion(self: AsyncChatCompletionStream[None]) -> ChatCompletion: ...
        @overload
        async def get_final_completion(self) -> ParsedChatCompletion[T]: ...

    async def get_final_completion(self) -> Any:
        """Read the stream to its end and return the whole completion."""
        await self.until_done()
        return self._complete(await self._source.get_final_completion())

    async def get_final_text(self) -> str:
        """Read the stream to its end and return the text of the first choice."""
        await self.until_done()
        return await self._source.get_final_text()  # type: ignore[no-any-return]


class AsyncChatCompletionStreamManager(Generic[T]):
    """What `client.chat.completions.stream(…)` of an `AsyncClient` returns: for `async with`.

    Args:
        open_stream: sends the request and returns an awaitable of the stream of chunks; called on entry.
        output: as for `EventState`.
    """

    __slots__ = ("_open", "_output", "_stream")

    def __init__(
        self,
        open_stream: Callable[[], Awaitable[AsyncStream[ChatCompletionChunk]]],
        *,
        output: Output | None = None,
    ) -> None:
        self._open = open_stream
        self._output = output
        self._stream: AsyncChatCompletionStream[T] | None = None

    async def __aenter__(self) -> AsyncChatCompletionStream[T]:
        self._stream = AsyncChatCompletionStream(await self._open(), output=self._output)
        return self._stream

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()


if TYPE_CHECKING:
    # Of values that no checker knows: with Any for T it would take the first overload, which has no value.

    class AnyStream(ChatCompletionStream[Any]):
        @override
        def get_final_completion(self) -> ParsedChatCompletion[Any]: ...

    class AnyStreamManager(ChatCompletionStreamManager[Any]):
        @override
        def __enter__(self) -> AnyStream: ...

    class AsyncAnyStream(AsyncChatCompletionStream[Any]):
        @override
        async def get_final_completion(self) -> ParsedChatCompletion[Any]: ...

    class AsyncAnyStreamManager(AsyncChatCompletionStreamManager[Any]):
        @override
        async def __aenter__(self) -> AsyncAnyStream: ...

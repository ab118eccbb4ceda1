"""A reply of a conversation as it is being written: a stream whose end is kept in the history."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from tokstream._events.types import text_in
from tokstream._streams import AsyncClosedOnExit, ClosedOnExit, OverStream
from tokstream._typing import override

from .errors import ConversationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from tokstream._tokstream import ChatCompletion, ChatCompletionChunk

    from .turn import Turn


class _ConversationStream(OverStream):
    """What both streams have but for the waiting."""

    __slots__ = ("__weakref__", "_source", "_turn")

    def __init__(self, source: Any, turn: Turn) -> None:
        self._source = source
        self._turn = turn
        turn.stream = weakref.ref(self)
        turn.busy = False

    @property
    def current_completion_snapshot(self) -> ChatCompletion | None:
        """The reply put together from the chunks that were read so far; None before the first one."""
        return self._source.current_completion_snapshot  # type: ignore[no-any-return]

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come: the stream has ended, failed or been closed."""
        return self._source.is_closed  # type: ignore[no-any-return]

    def _begin_step(self) -> None:
        if self._turn.superseded:
            raise ConversationError(
                "The conversation went on without the rest of this reply: read a stream to its end before the next "
                "message, or use fork()."
            )
        self._turn.busy = True

    def _end(self) -> None:
        """Keep the reply: nothing more comes of it."""
        if self._turn.ended:
            return
        if getattr(self._source, "_is_complete", True):
            self._turn.finish(self._turn.run or self._source.current_completion_snapshot)
        else:
            self._leave()

    def _leave(self) -> None:
        """Keep what is to be kept of a reply of which no more is read."""
        turn = self._turn
        if turn.run is not None:
            turn.cut(turn.snapshot)
            return
        reply = self._source.current_completion_snapshot
        if reply is not None and reply.choices and reply.choices[0].finish_reason:
            turn.finish(reply)
        else:
            turn.cut(reply)

    def _failed(self, error: BaseException) -> BaseException:
        """Keep what is to be kept of a reply that broke off, and return the error to raise."""
        turn = self._turn
        if not turn.ended:
            turn.cut(turn.snapshot if turn.run is not None else self._source.current_completion_snapshot)
        return turn.explained(error)

    @override
    def __reduce__(self) -> Any:
        raise TypeError("a stream cannot be pickled or copied: it is one connection; its chunks can")

    def __del__(self) -> None:
        turn: Turn | None = getattr(self, "_turn", None)
        if turn is not None and not turn.ended:
            self._leave()


def _text_in(piece: Any) -> str:
    """Return a piece of text, or the text of a chunk."""
    return piece if isinstance(piece, str) else text_in(piece)


class _Text:
    """The text of a stream, piece by piece."""

    __slots__ = ("_pieces", "_stream")

    def __init__(self, stream: ConversationStream) -> None:
        self._stream = stream
        self._pieces = stream._source.text_stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        while not (text := _text_in(self._stream._step(self._pieces))):
            pass
        return text


class ConversationStream(_ConversationStream, ClosedOnExit):
    """A reply of a conversation as it is being written: an iterator of chunks, for one pass.

    What `Stream` says holds here too. When it has been read to its end, the question and the reply are in the
    conversation's `messages`. Left before, by closing it, leaving its `with` block, dropping it, an error or the next
    message, it leaves them as they were, or with what there was of the reply if the conversation has `keep_partial`.
    """

    __slots__ = ()

    def _step(self, items: Any) -> Any:
        self._begin_step()
        try:
            return next(items)
        except StopIteration:
            self._end()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it goes on
            raise self._failed(error)  # noqa: B904 - it is the same error, or has it as its cause
        finally:
            self._turn.busy = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatCompletionChunk:
        return self._step(self._source)  # type: ignore[no-any-return]

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the reply, piece by piece. It shares its place with the stream itself."""
        return _Text(self)

    def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself.

        Raises:
            APIError: as when the stream is iterated.
        """
        for _ in self:
            pass
        return self

    def get_final_completion(self) -> ChatCompletion:
        """Read the rest of the stream and return the whole reply, as if it had not been streamed.

        Raises:
            APIError: as when the stream is iterated.
        """
        self.until_done()
        return self._turn.read(self._source.get_final_completion())  # type: ignore[no-any-return]

    def get_final_text(self) -> str:
        """Read the rest of the stream and return the whole text of the reply.

        Raises:
            APIError: as when the stream is iterated.
        """
        self.until_done()
        return self._source.get_final_text()  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the request. Does nothing when the stream has ended or is closed."""
        self._source.close()
        if not self._turn.ended:
            self._leave()


class _AsyncText:
    """The text of a stream, piece by piece."""

    __slots__ = ("_pieces", "_stream")

    def __init__(self, stream: AsyncConversationStream) -> None:
        self._stream = stream
        self._pieces = aiter(stream._source.text_stream)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not (text := _text_in(await self._stream._step(self._pieces))):
            pass
        return text


class AsyncConversationStream(_ConversationStream, AsyncClosedOnExit):
    """A reply of a conversation as it is being written: an asynchronous iterator of chunks, for one pass.

    What `ConversationStream` says holds here too. Cancelling a task that waits for a chunk ends the stream.
    """

    __slots__ = ("_chunks",)

    def __init__(self, source: Any, turn: Turn) -> None:
        super().__init__(source, turn)
        # One iterator for all steps uses its awaitable again; the stream itself makes one for each step.
        self._chunks = aiter(source)

    async def _step(self, items: Any) -> Any:
        self._begin_step()
        try:
            return await items.__anext__()
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it goes on
            raise self._failed(error)  # noqa: B904 - it is the same error, or has it as its cause
        finally:
            self._turn.busy = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        return await self._step(self._chunks)  # type: ignore[no-any-return]

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text of the reply, piece by piece. It shares its place with the stream itself."""
        return _AsyncText(self)

    async def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself.

        Raises:
            APIError: as when the stream is iterated.
        """
        async for _ in self:
            pass
        return self

    async def get_final_completion(self) -> ChatCompletion:
        """Read the rest of the stream and return the whole reply, as if it had not been streamed.

        Raises:
            APIError: as when the stream is iterated.
        """
        await self.until_done()
        return self._turn.read(await self._source.get_final_completion())  # type: ignore[no-any-return]

    async def get_final_text(self) -> str:
        """Read the rest of the stream and return the whole text of the reply.

        Raises:
            APIError: as when the stream is iterated.
        """
        await self.until_done()
        return await self._source.get_final_text()  # type: ignore[no-any-return]

    async def close(self) -> None:
        """End the request. Does nothing when the stream has ended or is closed."""
        await self._source.close()
        if not self._turn.ended:
            self._leave()

    aclose = close


class AsyncConversationStreamManager:
    """What `AsyncConversation.stream(…)` returns: awaited it gives the stream, and so it does in `async with`.

    Args:
        opening: the coroutine that sends the request.
    """

    __slots__ = ("_opening", "_stream")

    def __init__(self, opening: Coroutine[Any, Any, AsyncConversationStream]) -> None:
        self._opening = opening
        self._stream: AsyncConversationStream | None = None

    def __await__(self) -> Generator[Any, Any, AsyncConversationStream]:
        return self._opening.__await__()

    async def __aenter__(self) -> AsyncConversationStream:
        self._stream = await self._opening
        return self._stream

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()

    # What asyncio.create_task and its like ask of a coroutine.

    def send(self, value: Any) -> Any:
        """Go on with the call."""
        return self._opening.send(value)

    def throw(self, *error: Any) -> Any:
        """End the call with an error."""
        return self._opening.throw(*error)

    def close(self) -> None:
        """End the call."""
        self._opening.close()

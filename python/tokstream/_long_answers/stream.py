"""The streams of an answer that takes several requests: all that `Stream` and `AsyncStream` have."""

from __future__ import annotations

from tokstream._steps import arun, run
from tokstream._streams import AsyncClosedOnExit, ClosedOnExit
from tokstream._tokstream import AsyncStream, Stream
from tokstream._typing import TYPE_CHECKING, override

from .continued import Continued
from .leg import choice_of, delta_of

if TYPE_CHECKING:
    from asyncio import Task
    from typing import Any

    from typing_extensions import Self

    from tokstream._tokstream import ChatCompletion, ChatCompletionChunk

    from .answer import Answer
    from .ask import Call
    from .leg import Leg


class ContinuedStream(Continued, ClosedOnExit):
    """A reply as it is being written, by as many requests as it takes: an iterator of chunks, for one pass."""

    __slots__ = ("_lock", "_woken")

    def __init__(self, call: Call, answer: Answer, stream: Any) -> None:
        from threading import Event, RLock

        self._woken = Event()
        self._lock = RLock()
        super().__init__(call, answer, stream)

    @property
    def __class__(self) -> type:
        """`Stream` cannot be subclassed; all of its members are here, and `isinstance` says so."""
        return Stream

    @override
    def _sleep(self, seconds: float) -> Any:
        return self._woken.wait(seconds)

    def _begin_next(self) -> None:
        # Of several threads that read, one goes on; the others find that it did.
        with self._lock:
            try:
                run(self._go_on())
            except BaseException:
                self.close()
                raise

    def _settle(self, leg: Leg, error: Exception | None) -> None:
        if isinstance(error, StopIteration):
            error = None
            # Its error was raised once, maybe to another reader.
            if not leg.stream._is_complete:
                try:
                    leg.stream.get_final_text()
                except Exception as failed:  # noqa: BLE001 - it is raised where nothing makes up for it
                    error = failed
        with self._lock:
            self._leg_ended(leg, error)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatCompletionChunk:
        chunk: ChatCompletionChunk = self._read()
        return chunk

    def _read(self, *, text: bool = False) -> Any:
        """Return the next chunk, or the next piece of text where that is wanted and can be had without one."""
        while True:
            if self._ready:
                return self._ready.popleft()
            if self._over:
                self._raise_failure()
                raise StopIteration
            if self._is_due:
                self._begin_next()
                continue
            leg = self._leg
            try:
                if text and leg.has_plain_text:
                    return next(leg.texts)
                chunk = next(leg.stream)
            except Exception as error:  # noqa: BLE001 - it is raised where nothing makes up for it
                self._settle(leg, error)
            except BaseException:
                self.close()
                raise
            else:
                if leg.is_plain:
                    return chunk
                leg.feed(chunk)

    def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself."""
        if self._leg.counts:
            for _ in self:
                pass
            return self
        while True:
            self._ready.clear()
            if self._over:
                self._raise_failure()
                return self
            if self._is_due:
                self._begin_next()
                continue
            leg = self._leg
            try:
                leg.stream.until_done()
            except Exception as error:  # noqa: BLE001 - it is raised where nothing makes up for it
                self._settle(leg, error)
            except BaseException:
                self.close()
                raise
            else:
                self._settle(leg, None)

    @property
    def text_stream(self) -> Texts:
        """The text of the answer, piece by piece. It shares its place with the stream itself."""
        return Texts(self)

    def get_final_completion(self) -> ChatCompletion:
        """Read the rest of the stream and return the whole answer, as if it had not been streamed."""
        self.until_done()
        return self._final()

    def get_final_text(self) -> str:
        """Read the rest of the stream and return the whole text of the answer."""
        self.until_done()
        return self._final_text()

    def close(self) -> None:
        """End the request. Does nothing when the stream has ended or is closed."""
        self._give_up()
        self._woken.set()
        self._leg.stream.close()


class AsyncContinuedStream(Continued, AsyncClosedOnExit):
    """A reply as it is being written, by as many requests as it takes: an asynchronous iterator, for one pass."""

    __slots__ = ("_chunks", "_task")

    def __init__(self, call: Call, answer: Answer, stream: Any) -> None:
        self._task: Task[Any] | None = None
        super().__init__(call, answer, stream)

    @property
    def __class__(self) -> type:
        """`AsyncStream` cannot be subclassed; all of its members are here, and `isinstance` says so."""
        return AsyncStream

    @override
    def _begin(self, stream: Any) -> None:
        super()._begin(stream)
        # One iterator for all steps uses its awaitable again; the stream itself makes one for each step.
        self._chunks = aiter(stream)

    @override
    def _sleep(self, seconds: float) -> Any:
        from asyncio import sleep

        return sleep(seconds)

    async def _begin_next(self) -> None:
        from asyncio import CancelledError, ensure_future

        # A task, so that closing the stream ends the wait; of several readers one goes on.
        task = self._task
        if task is None:
            task = self._task = ensure_future(arun(self._go_on()))
        try:
            await task
        except CancelledError:
            if self._closed:
                raise self._given_up() from None
            await self.close()
            raise
        except BaseException:
            await self.close()
            raise
        finally:
            # Another reader may have begun the next request already.
            if self._task is task:
                self._task = None
            del task

    async def _settle(self, leg: Leg, error: Exception | None) -> None:
        if isinstance(error, StopAsyncIteration):
            error = None
            # Its error was raised once, maybe to another reader.
            if not leg.stream._is_complete:
                try:
                    await leg.stream.get_final_text()
                except Exception as failed:  # noqa: BLE001 - it is raised where nothing makes up for it
                    error = failed
        self._leg_ended(leg, error)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        chunk: ChatCompletionChunk = await self._read()
        return chunk

    async def _read(self, *, text: bool = False) -> Any:
        """Return the next chunk, or the next piece of text where that is wanted and can be had without one."""
        while True:
            if self._ready:
                return self._ready.popleft()
            if self._over:
                self._raise_failure()
                raise StopAsyncIteration
            if self._is_due:
                await self._begin_next()
                continue
            leg = self._leg
            try:
                if text and leg.has_plain_text:
                    return await leg.texts.__anext__()
                chunk = await self._chunks.__anext__()
            except Exception as error:  # noqa: BLE001 - it is raised where nothing makes up for it
                await self._settle(leg, error)
            except BaseException:
                await self.close()
                raise
            else:
                if leg.is_plain:
                    return chunk
                leg.feed(chunk)

    async def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself."""
        if self._leg.counts:
            async for _ in self:
                pass
            return self
        while True:
            self._ready.clear()
            if self._over:
                self._raise_failure()
                return self
            if self._is_due:
                await self._begin_next()
                continue
            leg = self._leg
            try:
                await leg.stream.until_done()
            except Exception as error:  # noqa: BLE001 - it is raised where nothing makes up for it
                await self._settle(leg, error)
            except BaseException:
                await self.close()
                raise
            else:
                await self._settle(leg, None)

    @property
    def text_stream(self) -> AsyncTexts:
        """The text of the answer, piece by piece. It shares its place with the stream itself."""
        return AsyncTexts(self)

    async def get_final_completion(self) -> ChatCompletion:
        """Read the rest of the stream and return the whole answer, as if it had not been streamed."""
        await self.until_done()
        return self._final()

    async def get_final_text(self) -> str:
        """Read the rest of the stream and return the whole text of the answer."""
        await self.until_done()
        return self._final_text()

    async def close(self) -> None:
        """End the request. Does nothing when the stream has ended or is closed."""
        self._give_up()
        if self._task is not None:
            self._task.cancel()
        await self._leg.stream.close()

    aclose = close


class Texts:
    """The text of a stream, piece by piece, exactly as the server sent it. Empty pieces are left out."""

    __slots__ = ("_stream",)

    def __init__(self, stream: ContinuedStream) -> None:
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        while True:
            if text := _text_of(self._stream._read(text=True)):
                return text


class AsyncTexts:
    """The text of a stream, piece by piece, exactly as the server sent it. Empty pieces are left out."""

    __slots__ = ("_stream",)

    def __init__(self, stream: AsyncContinuedStream) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            if text := _text_of(await self._stream._read(text=True)):
                return text


def _text_of(chunk: Any) -> str:
    if isinstance(chunk, str):
        return chunk
    content: Any = getattr(delta_of(choice_of(chunk)), "content", None)
    return content if isinstance(content, str) else ""

"""A streamed run of tools, as the stream of chunks that the rest of a conversation's stream is made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokstream import _steps
from tokstream._steps import END

if TYPE_CHECKING:
    from typing_extensions import Self

    from tokstream._steps import Steps

    from .turn import Turn


class _Chunks:
    """What both have but for the waiting.

    Args:
        turn: the turn; it knows how far the run is.
        steps: the work of the run, which emits the chunks of all replies and returns the run.
    """

    __slots__ = ("_first", "_steps", "_turn", "is_closed")

    _iterator: Any

    def __init__(self, turn: Turn, steps: Steps) -> None:
        self._turn = turn
        self._steps = self._iterator(steps)
        self._first: Any = None
        self.is_closed = False

    def _take(self) -> Any:
        """Return the chunk that was read ahead, or None."""
        first, self._first = self._first, None
        return first

    @property
    def text_stream(self) -> Self:
        return self

    @property
    def _is_complete(self) -> bool:
        return self._steps.result is not None

    @property
    def current_completion_snapshot(self) -> Any:
        turn = self._turn
        if turn.event is not None or turn.run is None or not turn.run.completions:
            return turn.snapshot
        return turn.run.completion

    @property
    def usage(self) -> Any:
        return getattr(self._turn.run, "usage", None)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the reply took several requests: it has no {name!r} of its own")


class RunChunks(_Chunks):
    """The chunks of a run of the blocking client."""

    __slots__ = ()
    _iterator = _steps.Iterator

    def begin(self) -> None:
        """Wait until the first reply begins, as a stream does."""
        self._first = next(self._steps, END)

    def __next__(self) -> Any:
        chunk = self._take() or next(self._steps, END)
        if chunk is END:
            self.is_closed = True
            raise StopIteration
        return chunk

    def get_final_completion(self) -> Any:
        return self._turn.run.completion

    def get_final_text(self) -> str:
        return self._turn.run.content or ""

    def close(self) -> None:
        self.is_closed = True
        self._steps.close()
        if self._turn.running is not None:
            self._turn.running.close()


class AsyncRunChunks(_Chunks):
    """The chunks of a run of the async client."""

    __slots__ = ()
    _iterator = _steps.AsyncIterator

    async def begin(self) -> None:
        """Wait until the first reply begins, as a stream does."""
        self._first = await self._next()

    async def _next(self) -> Any:
        async for chunk in self._steps:
            return chunk
        return END

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        chunk = self._take() or await self._next()
        if chunk is END:
            self.is_closed = True
            raise StopAsyncIteration
        return chunk

    async def get_final_completion(self) -> Any:
        return self._turn.run.completion

    async def get_final_text(self) -> str:
        return self._turn.run.content or ""

    async def close(self) -> None:
        self.is_closed = True
        await self._steps.aclose()
        if self._turn.running is not None:
            await self._turn.running.close()

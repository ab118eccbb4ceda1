"""Work of several requests, written once for both clients.

Such work is a generator. What it yields is done for it, and the result comes back from the `yield`:

- a function without arguments: it is called, and what it returns is awaited where that can be awaited,
- an `Emit`: its value is what the iterator over the work gives next.
"""

from __future__ import annotations

from _thread import allocate_lock
from contextlib import suppress

from ._typing import TYPE_CHECKING, is_awaitable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from typing_extensions import Self

    Steps = Generator[Any, Any, Any]
else:
    from _collections_abc import Generator as Steps  # noqa: TC003 - this is for run time

# What `following` gives at the end of a stream.
END = object()


class Emit:
    """A value for whoever iterates over the work."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def following(stream: Any) -> Callable[[], Any]:
    """Return the step that takes the next item of a stream of either client: `END` where there is none."""
    if hasattr(stream, "__anext__"):

        async def take() -> Any:
            try:
                return await stream.__anext__()
            except StopAsyncIteration:
                return END

        return take
    return lambda: next(stream, END)


def run(steps: Steps) -> Any:
    """Do the work, blocking; return what it returns. What it emits is dropped."""
    iterator = Iterator(steps)
    for _ in iterator:
        pass
    return iterator.result


async def arun(steps: Steps) -> Any:
    """Do the work in the event loop; return what it returns. What it emits is dropped."""
    iterator = AsyncIterator(steps)
    async for _ in iterator:
        pass
    return iterator.result


class _Iterator:
    """The generator and how far it is. Whoever closes it has it to himself from then on."""

    __slots__ = ("_lock", "_steps", "result")

    def __init__(self, steps: Steps) -> None:
        self._steps: Steps | None = steps
        # Held while the generator runs, which waits for nothing: what takes time is a step.
        self._lock = allocate_lock()
        self.result: Any = None

    def _resume(self, steps: Steps | None, result: Any, error: BaseException | None, *, closing: bool) -> Any:
        """Return what is to be done next; `END` when the work is done, or closed by another."""
        try:
            with self._lock:
                if steps is None or not (closing or steps is self._steps):
                    return END
                return steps.send(result) if error is None else steps.throw(error)
        except StopIteration as end:
            self._steps = None
            self.result = end.value
            return END
        except BaseException:
            self._steps = None
            raise
        finally:
            del error  # whose traceback will hold this frame

    def _take(self) -> Steps | None:
        steps, self._steps = self._steps, None
        return steps


class Iterator(_Iterator):
    """What the work emits, one value at a time; `result` is then what it returned."""

    __slots__ = ()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._go(self._steps, None)

    def _go(self, steps: Steps | None, error: BaseException | None) -> Any:
        closing = error is not None
        todo = self._resume(steps, None, error, closing=closing)
        while todo is not END:
            if type(todo) is Emit:
                return todo.value
            result = error = None
            try:
                result = todo()
            except BaseException as raised:  # noqa: BLE001 - the work decides about it
                error = raised
            try:
                todo = self._resume(steps, result, error, closing=closing)
            finally:
                error = None  # whose traceback will hold this frame
        raise StopIteration

    def close(self) -> None:
        """End the work where it is: its `finally` clauses are done."""
        with suppress(GeneratorExit, StopIteration):
            self._go(self._take(), GeneratorExit())


class AsyncIterator(_Iterator):
    """What the work emits, one value at a time; `result` is then what it returned."""

    __slots__ = ()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await self._go(self._steps, None)

    async def _go(self, steps: Steps | None, error: BaseException | None) -> Any:
        closing = error is not None
        todo = self._resume(steps, None, error, closing=closing)
        while todo is not END:
            if type(todo) is Emit:
                return todo.value
            result = error = None
            try:
                result = todo()
                if is_awaitable(result):
                    result = await result
            except BaseException as raised:  # noqa: BLE001 - the work decides about it
                error = raised
            try:
                todo = self._resume(steps, result, error, closing=closing)
            finally:
                error = None  # whose traceback will hold this frame
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the work where it is: its `finally` clauses are done."""
        with suppress(GeneratorExit, StopAsyncIteration):
            await self._go(self._take(), GeneratorExit())

    close = aclose

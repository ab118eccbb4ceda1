"""Where the calls of a turn run: in threads for the blocking client, in tasks for the async one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from .calls import Call

# How many calls of functions that are not async run at once.
_THREADS = 32


class Threads:
    """Runs calls for a client that blocks: functions in threads, coroutines in an event loop of the run's own."""

    __slots__ = ("_loop", "_making", "_pool")

    def __init__(self) -> None:
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._loop: _Loop | None = None
        # Calls in threads may want the loop at the same time.
        self._making = threading.Lock()

    def begin(self, call: Call) -> concurrent.futures.Future[None]:
        """Begin a call beside others."""
        if call.tool is not None and call.tool.is_async:
            # A future of this kind has a CancelledError of its own.
            through = (KeyboardInterrupt, SystemExit, asyncio.CancelledError)
            return self._submit(call.arun(_attempt, through))
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(_THREADS, "tokstream-tool")
        return self._pool.submit(copy_context().run, call.run, self._wait)

    def do(self, call: Call) -> None:
        """Do a call, on the thread that asks for it unless it is async."""
        if call.tool is not None and call.tool.is_async:
            self.begin(call).result()
        else:
            call.run(self._wait)

    def first(self, begun: list[concurrent.futures.Future[None]]) -> Any:
        """Wait until one or more have ended; return which."""
        return concurrent.futures.wait(begun, return_when=concurrent.futures.FIRST_COMPLETED).done

    def _submit(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        with self._making:
            if self._loop is None:
                self._loop = _Loop()
        return asyncio.run_coroutine_threadsafe(work, self._loop.loop)

    def _wait(self, awaitable: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await awaitable

        return self._submit(wait()).result()

    def drop(self) -> None:
        """Give up what is running; a function that is not async ends when it ends."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            self._loop.end()

    def stop(self) -> None:
        """Give up what is running, and wait until coroutines have ended."""
        self.drop()
        if self._loop is not None:
            self._loop.thread.join()


class _Loop:
    """An event loop on a thread."""

    __slots__ = ("_ending", "loop", "thread")

    def __init__(self) -> None:
        ready: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._ending = asyncio.Event()

        async def main() -> None:
            ready.set_result(asyncio.get_running_loop())
            await self._ending.wait()

        self.thread = threading.Thread(target=lambda: asyncio.run(main()), name="tokstream-tools", daemon=True)
        self.thread.start()
        self.loop = ready.result()

    def end(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(self._ending.set)


class Tasks:
    """Runs calls for a client that awaits: coroutine functions in tasks, others in the threads of the event loop."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, call: Call) -> asyncio.Task[None]:
        """Begin a call beside others."""
        task = asyncio.ensure_future(call.arun(_attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def do(self, call: Call) -> None:
        """Do a call."""
        await self.begin(call)

    async def first(self, begun: list[asyncio.Task[None]]) -> Any:
        """Wait until one or more have ended; return which."""
        done, _ = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        return done

    def drop(self) -> None:
        """Cancel what is running; a function that is not async ends when it ends."""
        for task in self._tasks:
            with contextlib.suppress(RuntimeError):  # its event loop is closed
                task.cancel()

    async def stop(self) -> None:
        """Cancel what is running, and wait until it has ended."""
        self.drop()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _attempt(do: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Call a function in a thread of the event loop; return what it returned, and what it raised."""

    def attempt() -> tuple[Any, BaseException | None]:
        try:
            return do(), None
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the call is done
            return None, error

    return await asyncio.get_running_loop().run_in_executor(None, copy_context().run, attempt)

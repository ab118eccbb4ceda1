"""The two clients behind one face, so that a test is written once and runs on both."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import tokstream
from replies import event, text
from server import PATIENCE, STALL, Server, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

KEY = "jwt:test-key.not.a.secret"
# More than the blocking calls of one client that its own threads drive.
CROWD = 10


class Surface:
    """What a test may do with a client; `run` turns what a method returned into its result."""

    name: str
    client_class: type
    stream_class: type

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()

    def client(self, server: Server | str | None = None, **options: Any) -> Any:
        """A client of this server (or base URL), closed when the test ends."""
        if server is not None:
            options["base_url"] = server.url if isinstance(server, Server) else server
        options.setdefault("api_key", KEY)
        client = self.client_class(**options)
        self._open.callback(lambda: self.run(client.close()))
        return client

    def create(self, client: Any, **params: Any) -> Any:
        """A chat completion, or a stream of one."""
        params.setdefault("messages", "Hello!")
        return self.run(client.chat.completions.create(**params))

    def stream(self, client: Any, **params: Any) -> Any:
        return self.create(client, stream=True, **params)

    def ask(self, client: Any, streamed: bool, **params: Any) -> Any:
        """The answer's text, asked for in one piece or as a stream."""
        if streamed:
            return "".join(self.list(self.stream(client, **params).text_stream))
        return self.create(client, **params).choices[0].message.content

    def at_once(self, client: Any, count: int) -> list[Any]:
        """So many completions, asked for at the same time: what came of each, an error too."""
        raise NotImplementedError

    def begin(self, step: Callable[..., Any], *arguments: Any, **params: Any) -> Any:
        """Starts a method of a client or a stream, `next_of` or `all_of`, and does not wait for its end."""
        raise NotImplementedError

    def outcome(self, begun: Any, within: float = PATIENCE) -> Any:
        """What came of a step that was begun: its result, or its error as a value."""
        raise NotImplementedError

    def meanwhile(self, work: Callable[[], Any]) -> Any:
        """Waits for what is outside of the client, such as a server, while the begun steps go on."""
        raise NotImplementedError

    def run(self, value: Any) -> Any:
        raise NotImplementedError

    def next(self, iterator: Any) -> Any:
        """The next item; StopIteration at the end on either surface."""
        raise NotImplementedError

    def list(self, iterable: Any) -> list[Any]:
        raise NotImplementedError

    def next_of(self, iterator: Any) -> Any:
        """The next item, to be awaited on the one surface."""
        raise NotImplementedError

    def all_of(self, iterable: Any) -> Any:
        """All items, to be awaited on the one surface."""
        raise NotImplementedError

    def first(self, iterable: Any) -> Any:
        """The first item of a `for` loop that is left at once by `break`."""
        raise NotImplementedError

    def using(self, manager: Any) -> contextlib.AbstractContextManager[Any]:
        """`with` on the one surface, `async with` on the other."""
        raise NotImplementedError

    def take(self, iterator: Any, count: int) -> list[Any]:
        return [self.next(iterator) for _ in range(count)]

    def shut(self) -> None:
        self._open.close()


class SyncSurface(Surface):
    name = "sync"
    client_class = tokstream.Client
    stream_class = tokstream.Stream

    def run(self, value: Any) -> Any:
        assert not inspect.isawaitable(value), f"the sync client gave an awaitable: {value!r}"
        return value

    def at_once(self, client: Any, count: int) -> list[Any]:
        with ThreadPoolExecutor(count) as pool:
            asked = [pool.submit(self.create, client) for _ in range(count)]
        return [one.exception() or one.result() for one in asked]

    def begin(self, step: Callable[..., Any], *arguments: Any, **params: Any) -> Any:
        begun: Future[Any] = Future()

        def work() -> None:
            try:
                begun.set_result(step(*arguments, **params))
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                begun.set_exception(error)

        # A thread that hangs must not keep the tests from ending.
        threading.Thread(target=work, daemon=True).start()
        return begun

    def outcome(self, begun: Any, within: float = PATIENCE) -> Any:
        return begun.exception(within) or begun.result()

    def meanwhile(self, work: Callable[[], Any]) -> Any:
        return work()

    def next(self, iterator: Any) -> Any:
        return next(iterator)

    def list(self, iterable: Any) -> list[Any]:
        return list(iterable)

    def next_of(self, iterator: Any) -> Any:
        return next(iterator)

    def all_of(self, iterable: Any) -> Any:
        return list(iterable)

    def first(self, iterable: Any) -> Any:
        first = None
        for item in iterable:
            first = item
            break
        return first

    def using(self, manager: Any) -> contextlib.AbstractContextManager[Any]:
        return manager


class AsyncSurface(Surface):
    """Every step of a test runs on one event loop, so that streams live across steps."""

    name = "async"
    client_class = tokstream.AsyncClient
    stream_class = tokstream.AsyncStream

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))

    def run(self, value: Awaitable[Any]) -> Any:
        async def step() -> Any:
            return await value

        return self.loop.run_until_complete(step())

    def at_once(self, client: Any, count: int) -> list[Any]:
        async def ask() -> list[Any]:
            asked = (client.chat.completions.create(messages="Hello!") for _ in range(count))
            return await asyncio.gather(*asked, return_exceptions=True)

        return self.run(ask())

    def begin(self, step: Callable[..., Any], *arguments: Any, **params: Any) -> Any:
        async def work() -> Any:
            return await step(*arguments, **params)

        return self.loop.create_task(work())

    def outcome(self, begun: Any, within: float = PATIENCE) -> Any:
        self.loop.run_until_complete(asyncio.wait([begun], timeout=within))
        assert begun.done(), "the step hangs"
        return begun.exception() or begun.result()

    def meanwhile(self, work: Callable[[], Any]) -> Any:
        return self.loop.run_until_complete(asyncio.to_thread(work))

    def next(self, iterator: Any) -> Any:
        try:
            return self.run(iterator.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def list(self, iterable: Any) -> list[Any]:
        return self.run(self.all_of(iterable))

    def next_of(self, iterator: Any) -> Any:
        return iterator.__anext__()

    async def all_of(self, iterable: Any) -> Any:
        return [item async for item in iterable]

    def first(self, iterable: Any) -> Any:
        return self.run(first_of(iterable))

    @contextlib.contextmanager
    def using(self, manager: Any) -> Iterator[Any]:
        async def enter(stack: contextlib.AsyncExitStack) -> Any:
            return await stack.enter_async_context(manager)

        stack = contextlib.AsyncExitStack()
        entered = self.run(enter(stack))
        try:
            yield entered
        except BaseException as error:
            if not self.run(stack.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self.run(stack.aclose())

    def shut(self) -> None:
        super().shut()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        left = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
        self.loop.close()
        assert not left, f"tasks were left behind: {left}"
        assert not self.complaints, self.complaints


class Crowd(Surface):
    """A client that is so busy with other streams that a call is left to the background thread."""

    def client(self, server: Server | str | None = None, **options: Any) -> Any:
        client = super().client(server, **options)
        quiet = self._open.enter_context(Server(then=stream(event(text("A")), STALL)))
        others = client.with_options(base_url=quiet.url, timeout=None, max_retries=0)
        crowd = [self.stream(others) for _ in range(CROWD)]
        self._open.callback(lambda: [self.run(one.close()) for one in crowd])
        return client


class CrowdSurface(Crowd, SyncSurface):
    """The blocking client in a crowd of its calls."""


class AsyncCrowdSurface(Crowd, AsyncSurface):
    """The async client in a crowd of its calls."""


async def first_of(items: Any) -> Any:
    """The first item of an `async for` loop that is left at once."""
    async for item in items:
        return item
    return None


SURFACES = {"sync": SyncSurface, "async": AsyncSurface}
# For what has to hold on whichever thread a call is driven.
ALL_SURFACES = {**SURFACES, "crowd": CrowdSurface, "async crowd": AsyncCrowdSurface}


def pairs(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The text cut in two at every index."""
    return ((text[:at], text[at:]) for at in range(len(text) + 1))

"""Whatever is streamed, and however it is given up: its connection is gone within a tenth of a second."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import sys
import threading
import time
from typing import Any

import pytest

import tokstream
from http2_server import Gone, Http2Server
from replies import event, text
from server import PATIENCE, STALL, stream

SILENT = stream(event(text("A")), STALL)
# The best of so many tries has to be in time: the machine may be busy.
TRIES = 5
PROMPT = 0.1

KINDS = {
    "chunks": lambda api: api.chat.completions.create(messages="x", stream=True),
    "resumable": lambda api: api.chat.completions.create(messages="x", stream=True, resume=True),
    "continued": lambda api: api.chat.completions.create(messages="x", stream=True, auto_continue=True),
    "conversation": lambda api: api.conversation().stream("x"),
    "events": lambda api: api.chat.completions.stream(messages="x"),
    "run of tools": lambda api: api.chat.completions.run_tools("x", tools=[weather], stream=True),
    "run in a conversation": lambda api: api.conversation(tools=[weather]).stream("x"),
}


def weather(city: str) -> str:
    return f"warm in {city}"


def in_time(surface: Any, server: Any, stop: Any) -> None:
    """Stops a stream again and again, and looks when its connection went."""
    took = []
    gc.collect()
    gc.disable()  # no cycle may be what keeps a stream alive
    try:
        for number in range(TRIES):
            at = stop()
            connection = server.connections[number]
            # A loop that nobody drives closes nothing.
            assert surface.meanwhile(lambda ended=connection.ended: ended.wait(PATIENCE))
            took.append(connection.ended_at - at)
            if took[-1] < PROMPT:
                return
    finally:
        gc.enable()
    pytest.fail(f"the connection was there for another {min(took):.3f} seconds")


def opened(surface: Any, api: Any, kind: str) -> Any:
    answer = KINDS[kind](api)
    if kind == "events":
        answer = answer.__enter__() if surface.name == "sync" else answer.__aenter__()
    return answer if kind == "run of tools" else surface.run(answer)


WAYS = ["close", "aclose", "with", "del", "break", "client"]


# Of a run of tools nothing is sent before it is read.
STOPS = [
    (kind, way, begun)
    for kind, way, begun in itertools.product(KINDS, WAYS, (True, False))
    if kind != "run of tools" or begun or way == "break"
]


@pytest.mark.parametrize(("kind", "way", "begun"), STOPS)
def test_a_stream_of_any_kind(surface, client, kind, way, begun):
    api, server = client(then=SILENT)

    def stop() -> float:
        own = surface.client(server) if way == "client" else api
        answer = opened(surface, own, kind)
        if begun:
            surface.next(answer.text_stream)
        elif way == "break":
            surface.first(answer.text_stream)
        at = time.monotonic()
        if way == "client":
            surface.run(own.close())
        elif way == "with":
            with surface.using(answer):
                pass
        elif way in ("del", "break"):
            del answer
        else:
            # The sync surface has one name for it.
            surface.run(getattr(answer, way if surface.name == "async" else "close")())
        return at

    in_time(surface, server, stop)


@pytest.mark.parametrize("way", ["close", "del", "client"])
def test_a_stream_over_tls(surface, serve, authority, way):
    server = serve(then=SILENT, tls=authority.server())
    api = surface.client(server, verify=authority.file)

    def stop() -> float:
        own = surface.client(server, verify=authority.file) if way == "client" else api
        answer = surface.stream(own)
        surface.next(answer)
        at = time.monotonic()
        if way == "del":
            del answer
        else:
            surface.run((own if way == "client" else answer).close())
        return at

    in_time(surface, server, stop)


@pytest.mark.parametrize("way", ["close", "del", "client"])
def test_a_stream_of_http2(surface, way):
    """The connection lives on, for others; of this stream the server is told that nobody reads it."""
    ended: list[float] = []
    known = threading.Condition()

    def respond(answer: Any) -> None:
        with contextlib.suppress(Gone):
            answer.head()
            answer.send(event(text("A")))
            answer.was_reset.wait(PATIENCE)
        with known:
            ended.append(time.monotonic())
            known.notify_all()

    with Http2Server(respond) as server:
        api = surface.client(server.url, http2="prior-knowledge")
        took = []
        gc.collect()
        gc.disable()  # no cycle may be what keeps a stream alive
        try:
            for number in range(TRIES):
                answer = surface.stream(api)
                surface.next(answer)
                at = time.monotonic()
                if way == "del":
                    del answer
                else:
                    surface.run((api if way == "client" else answer).close())
                with known:
                    assert known.wait_for(lambda number=number: len(ended) > number, PATIENCE)
                took.append(ended[number] - at)
                if way == "client":
                    api = surface.client(server.url, http2="prior-knowledge")
        finally:
            gc.enable()
    assert min(took) < PROMPT


async def by_timeout(reading: Any) -> float:
    if sys.version_info < (3, 11):
        reading.close()
        pytest.skip("asyncio.timeout came with Python 3.11")
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reading
    return begun + 0.1


async def by_wait_for(reading: Any) -> float:
    begun = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(reading, 0.1)
    return begun + 0.1


async def by_cancel(reading: Any) -> float:
    task = asyncio.ensure_future(reading)
    await asyncio.sleep(0.1)
    at = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return at


@pytest.mark.parametrize("how", [by_cancel, by_timeout, by_wait_for])
@pytest.mark.parametrize("kind", [*KINDS, "whole", "parse", "send", "whole run"])
def test_a_task_that_is_given_up(serve, kind, how):
    server = serve(then=lambda request: SILENT if request.json.get("stream") else [STALL])
    whole = {
        "whole": lambda api: api.chat.completions.create(messages="x"),
        "parse": lambda api: api.chat.completions.parse(messages="x", response_format=int),
        "send": lambda api: api.conversation().send("x"),
        "whole run": lambda api: api.chat.completions.run_tools("x", tools=[weather]),
    }

    async def read(api: Any) -> None:
        if kind in whole:
            await whole[kind](api)
            return
        answer = KINDS[kind](api)
        answer = await (answer.__aenter__() if kind == "events" else answer)
        async for _ in answer:
            pass

    async def main() -> None:
        async with tokstream.AsyncClient(base_url=server.url) as api:
            took = []
            for number in range(TRIES):
                at = await how(read(api))
                assert await asyncio.to_thread(server.connections[number].ended.wait, PATIENCE)
                took.append(server.connections[number].ended_at - at)
                if took[-1] < PROMPT:
                    return
            pytest.fail(f"the connection was there for another {min(took):.3f} seconds")

    asyncio.run(main())


async def generator(api: Any) -> Any:
    async for each in await api.chat.completions.create(messages="x", stream=True):
        yield each


async def closed(api: Any) -> float:
    reading = generator(api)
    await reading.__anext__()
    at = time.monotonic()
    await reading.aclose()
    return at


async def thrown_into(api: Any) -> float:
    reading = generator(api)
    await reading.__anext__()
    at = time.monotonic()
    with pytest.raises(LookupError):
        await reading.athrow(LookupError)
    return at


async def busy(api: Any) -> float:
    """The loop has no turn while the caller is busy."""
    answer = await api.chat.completions.create(messages="x", stream=True)
    await answer.__anext__()
    at = time.monotonic()
    del answer
    return at


async def a_failing_group(api: Any) -> float:
    if sys.version_info < (3, 11):
        pytest.skip("asyncio.TaskGroup came with Python 3.11")

    async def read(begun: asyncio.Event) -> None:
        async for _ in generator(api):
            begun.set()

    async def fail(at: list[float]) -> None:
        async with asyncio.TaskGroup() as group:
            begun = asyncio.Event()
            group.create_task(read(begun))
            await begun.wait()
            at.append(time.monotonic())
            raise LookupError

    at: list[float] = []
    with pytest.raises(BaseExceptionGroup):  # noqa: F821 - of Python 3.11
        await fail(at)
    return at[0]


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
@pytest.mark.parametrize("how", [closed, thrown_into, busy, a_failing_group])
def test_the_loop_need_not_go_on(serve, how, kind):
    server = serve(then=SILENT)
    loop = pytest.importorskip(kind).new_event_loop()

    async def main() -> None:
        async with tokstream.AsyncClient(base_url=server.url) as api:
            took = []
            for number in range(TRIES):
                at = await how(api)
                # This blocks the loop.
                assert server.connections[number].ended.wait(PATIENCE)
                took.append(server.connections[number].ended_at - at)
            assert min(took) < PROMPT

    gc.collect()
    gc.disable()  # no cycle may be what keeps a stream alive
    try:
        loop.run_until_complete(main())
    finally:
        gc.enable()
        loop.close()


def test_a_generator_of_the_callers(serve):
    server = serve(then=SILENT)
    took = []
    gc.collect()
    gc.disable()  # no cycle may be what keeps a stream alive
    try:
        with tokstream.Client(base_url=server.url) as api:

            def read() -> Any:
                yield from api.chat.completions.create(messages="x", stream=True)

            for number in range(TRIES):
                reading = read()
                next(reading)
                at = time.monotonic()
                reading.close()
                assert server.connections[number].ended.wait(PATIENCE)
                took.append(server.connections[number].ended_at - at)
    finally:
        gc.enable()
    assert min(took) < PROMPT

"""Other event loops than asyncio's own, and what asyncio offers to wait with."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

import tokstream
from children import finish, running
from replies import completion, event, said, text
from server import PATIENCE, STALL, Gate, Reached, reply, stream


def answer(request):
    if b"silent" in request.body:
        return stream(event(text("A")), STALL)
    return stream(said("A", "B")) if request.json.get("stream") else reply(completion("ok"))


async def ask(client):
    return (await client.chat.completions.create(messages="x")).choices[0].message.content


async def words(client):
    return [word async for word in (await client.chat.completions.create(messages="x", stream=True)).text_stream]


async def give_up(client):
    answer = await client.chat.completions.create(messages="silent", stream=True)
    async for _ in answer:
        pass


async def use(server):
    async with tokstream.AsyncClient(base_url=server.url) as client:
        assert await asyncio.gather(*[ask(client) for _ in range(20)]) == ["ok"] * 20
        assert await asyncio.gather(*[words(client) for _ in range(20)]) == [["A", "B"]] * 20
        assert await asyncio.wait_for(ask(client), 10) == "ok"
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(give_up(client), 0.1)
        done, _ = await asyncio.wait([asyncio.ensure_future(ask(client))], timeout=10)
        assert [task.result() for task in done] == ["ok"]
        assert [await one for one in asyncio.as_completed([ask(client), ask(client)])] == ["ok", "ok"]
        assert await asyncio.shield(ask(client)) == "ok"
        if sys.version_info >= (3, 11):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(words(client)) for _ in range(5)]
            assert [task.result() for task in tasks] == [["A", "B"]] * 5
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await give_up(client)
        assert await ask(client) == "ok"
    assert all(connection.ended.wait(5) for connection in server.connections)


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
def test_asyncio(serve, debug):
    server = serve(then=answer)
    for _ in range(3):
        asyncio.run(use(server), debug=debug)


def test_uvloop(serve):
    uvloop = pytest.importorskip("uvloop")
    server = serve(then=answer)
    for _ in range(3):
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(use(server))
        finally:
            loop.close()


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_the_next_loop_has_the_connection(serve, kind):
    loops = pytest.importorskip(kind)
    server = serve(then=answer)
    client = tokstream.AsyncClient(base_url=server.url)
    for _ in range(3):
        loop = loops.new_event_loop()
        try:
            assert loop.run_until_complete(ask(client)) == "ok"
            assert loop.run_until_complete(words(client)) == ["A", "B"]
        finally:
            loop.close()
    assert {request.connection for request in server.requests} == {0}


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_the_next_loop_has_the_connection_of_a_reply_that_was_not_over(serve, kind):
    loops = pytest.importorskip(kind)

    def connections():
        go_on, sent = Gate(), Reached()
        server = serve(stream(said("A", "B"), go_on, event({"more": 1}), sent), then=answer)
        client = tokstream.AsyncClient(base_url=server.url)
        loop = loops.new_event_loop()
        assert loop.run_until_complete(words(client)) == ["A", "B"]
        loop.close()
        gc.collect()
        go_on.set()
        assert sent.wait(PATIENCE)
        loop = loops.new_event_loop()
        assert loop.run_until_complete(ask(client)) == "ok"
        loop.close()
        return [request.connection for request in server.requests]

    # A call does not wait for long for the rest of another one's reply.
    assert any(connections() == [0, 0] for _ in range(5))


@pytest.mark.parametrize("end", ["closed", "left standing"])
@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_stream_is_read_in_another_loop_than_it_began_in(serve, kind, end):
    loops = pytest.importorskip(kind)
    go_on = Gate()
    server = serve(stream(event(text("A")), go_on, said("B", "C")), stream(event(text("A")), STALL), then=answer)
    client = tokstream.AsyncClient(base_url=server.url, timeout=tokstream.Timeout(read=0.3), max_retries=0)
    first, second = loops.new_event_loop(), loops.new_event_loop()
    ask_for = client.chat.completions.create
    streams = [first.run_until_complete(ask_for(messages="x", stream=True)) for _ in range(2)]
    if end == "closed":
        first.close()
        gc.collect()

    async def rest(pieces):
        return [piece async for piece in pieces.text_stream]

    async def main():
        begun = asyncio.ensure_future(rest(streams[0]))
        await asyncio.sleep(0.1)
        go_on.set()
        assert await asyncio.wait_for(begun, PATIENCE) == ["A", "B", "C"]
        with pytest.raises(tokstream.APITimeoutError):
            await asyncio.wait_for(rest(streams[1]), PATIENCE)

    second.run_until_complete(main())
    second.close()
    first.close()


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_one_client_in_several_loops_at_once(serve, kind):
    loops = pytest.importorskip(kind)
    count = 4
    server = serve(then=answer)
    client = tokstream.AsyncClient(base_url=server.url)
    at_once = threading.Barrier(count)

    async def work():
        at_once.wait(PATIENCE)
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(give_up(client), 0.1)
        return await asyncio.gather(*[ask(client) for _ in range(10)], *[words(client) for _ in range(10)])

    def run():
        loop = loops.new_event_loop()
        try:
            # A second run of one loop, after others came and went.
            return [loop.run_until_complete(work()) for _ in range(2)]
        finally:
            loop.close()

    with ThreadPoolExecutor(count) as pool:
        results = [one.result(PATIENCE) for one in [pool.submit(run) for _ in range(count)]]
    assert results == [[["ok"] * 10 + [["A", "B"]] * 10] * 2] * count
    loop = loops.new_event_loop()
    loop.run_until_complete(client.close())
    loop.close()
    assert all(connection.ended.wait(5) for connection in server.connections)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are always begun by the loop before Python 3.12")
def test_tasks_that_begin_at_once(serve):
    server = serve(then=answer)

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await use(server)

    asyncio.run(main())


class Blind(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors, as asyncio's own on Windows."""

    def add_reader(self, fd, callback, *args):
        raise NotImplementedError


def test_a_loop_that_cannot_watch_descriptors(serve):
    server = serve(then=answer)
    loop = Blind()
    try:
        loop.run_until_complete(use(server))
    finally:
        loop.close()


class Timeless(asyncio.SelectorEventLoop):
    """A loop in which nothing can be set for later, as where a signal's handler raises in that moment."""

    def call_later(self, *args, **options):
        raise RuntimeError("no timers")


def test_a_call_that_cannot_be_waited_for_is_given_up(serve):
    server = serve(reply(completion("ok")), [STALL])
    client = tokstream.AsyncClient(base_url=server.url)
    # The connection is there before the loop that fails.
    assert asyncio.run(ask(client)) == "ok"
    loop = Timeless()
    try:
        with pytest.raises(RuntimeError, match="no timers"):
            loop.run_until_complete(ask(client))
        assert server.connections[0].ended.wait(PATIENCE)
    finally:
        loop.close()


@pytest.mark.parametrize("kind", [asyncio.SelectorEventLoop, Blind])
def test_a_loop_that_is_left_in_a_wait_is_collected(serve, kind):
    server = serve(stream(event(text("A")), STALL))

    async def wait(begun):
        api = tokstream.AsyncClient(base_url=server.url)
        async for _ in await api.chat.completions.create(messages="x", stream=True):
            begun.set()

    async def main():
        begun = asyncio.Event()
        task = asyncio.ensure_future(wait(begun))
        task._log_destroy_pending = False
        await begun.wait()

    loop = kind()
    loop.run_until_complete(main())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    end = time.monotonic() + PATIENCE
    # The thread that watches for a blind loop may be at telling it something.
    while gone() is not None and time.monotonic() < end:
        gc.collect()
    assert gone() is None
    # And with it the task's stream, its connection, and the thread that watches for a blind loop.
    assert server.connections[0].ended.wait(PATIENCE)
    for thread in threading.enumerate():
        if thread.name == "tokstream-waker":
            thread.join(PATIENCE)
            assert not thread.is_alive()


NESTED = """
import nest_asyncio2
async def main():
    {patch}
    async with tokstream.AsyncClient(base_url=URL) as client:
        calls, waits = [], []
        async def ask(number):
            answer = await client.chat.completions.create(messages="x")
            # The loop itself drives the first calls and tells them one by one; those after them are told together.
            if number >= 5 and not waits:
                waits.append(number)
                others = [call for call in calls if call is not calls[number]]
                asyncio.get_running_loop().run_until_complete(asyncio.wait(others))
            return answer.choices[0].message.content
        calls += [asyncio.ensure_future(ask(number)) for number in range(20)]
        await asyncio.sleep(0)
        # All have begun, and the replies come before the loop looks for one.
        time.sleep(0.5)
        say(*await asyncio.gather(*calls))
asyncio.run(main())
"""


@pytest.mark.parametrize("patch", ["nest_asyncio2.apply()", "nest_asyncio2._patch_loop(asyncio.get_running_loop())"])
def test_a_task_runs_the_loop_that_runs_it(serve, patch):
    server = serve(then=answer)
    with running(NESTED, url=server.url, patch=patch) as child:
        assert finish(child) == ["ok"] * 20

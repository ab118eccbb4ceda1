"""Calls that begin at once, and tasks for which something has come at once, do not hold an event loop up."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import pytest

import tokstream
from replies import completion, event, said, text
from server import PATIENCE, STALL, Gate, reply, stream

CALLS_A_TURN = 32


def test_calls_stand_in_line_to_begin(serve):
    server = serve(then=[STALL])

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as client:
            calls = [client.chat.completions.create(messages="x") for _ in range(300)]
            # Stepped by hand, each gives what its task would wait for.
            waits = [call.send(None) for call in calls]
            assert not any(wait.done() for wait in waits)
            for _ in range(1000):
                await asyncio.sleep(0)
                if waits[-1].done():
                    break
            have_had_their_turn = [wait.done() for wait in waits]
            assert have_had_their_turn == sorted(have_had_their_turn)
            assert 300 - CALLS_A_TURN <= sum(have_had_their_turn) < 300
            for call in calls[-sum(have_had_their_turn) :]:
                assert not call.send(None).done()
            for call in calls:
                call.close()

    asyncio.run(main())


def test_calls_of_many_turns_are_all_answered(serve):
    server = serve(then=reply(completion("ok")))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as client:
            answers = await asyncio.gather(*[client.chat.completions.create(messages="x") for _ in range(400)])
            assert [answer.choices[0].message.content for answer in answers] == ["ok"] * 400

    asyncio.run(main())


def test_calls_are_cancelled_before_their_turn(serve):
    server = serve(then=[STALL])

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as client:
            tasks = [asyncio.ensure_future(client.chat.completions.create(messages="x")) for _ in range(400)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends)

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_other_work_has_its_turn_while_many_are_told(serve, kind):
    loops = pytest.importorskip(kind)
    count = 40
    go_on = Gate()
    server = serve(then=stream(event(text("A")), go_on, said("B")))
    happened = []

    def others():
        happened.append("others")
        asyncio.get_running_loop().call_soon(others)

    async def read(client, begun):
        words = (await client.chat.completions.create(messages="x", stream=True)).text_stream
        assert await words.__anext__() == "A"
        begun.release()
        assert await words.__anext__() == "B"
        happened.append("task")
        time.sleep(0.001)  # noqa: ASYNC251  work of the user's own

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as client:
            begun = asyncio.Semaphore(0)
            tasks = [asyncio.ensure_future(read(client, begun)) for _ in range(count)]
            for _ in tasks:
                await begun.acquire()
            go_on.open()
            time.sleep(0.3)  # noqa: ASYNC251  all of it comes while the loop is busy
            others()
            await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    loop = loops.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    stretches = [len(list(group)) for what, group in groupby(happened) if what == "task"]
    assert sum(stretches) == count
    assert max(stretches) < count // 4


@pytest.mark.parametrize("surface", ["threads", "tasks"])
def test_200_calls_have_connections_side_by_side(serve, surface):
    count = 200
    all_here = threading.Barrier(count)

    def answer(_request):
        # Were one connection opened after another was answered, the last would never come.
        all_here.wait(PATIENCE)
        return reply(completion("ok"))

    server = serve(then=answer)

    async def tasks():
        async with tokstream.AsyncClient(base_url=server.url) as client:
            return await asyncio.gather(*[client.chat.completions.create(messages="x") for _ in range(count)])

    def threads():
        client = tokstream.Client(base_url=server.url)
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: client.chat.completions.create(messages="x"), range(count)))

    answers = threads() if surface == "threads" else asyncio.run(tasks())
    assert [answer.choices[0].message.content for answer in answers] == ["ok"] * count
    assert len(server.connections) == count

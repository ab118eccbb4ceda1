"""A task that uses the async client beside others: it holds none up, can be cancelled, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import sys

import anyio
import pytest

import tokstream
from replies import completion, event, said, text
from server import STALL, Gate, reply, stream
from surface import first_of

OK = reply(completion("ok"))


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
def test_generators_left_half_read_warn_of_nothing(serve, debug):
    server = serve(then=stream(event(text("A\n")), STALL))
    unraisable = []

    async def main():
        api = tokstream.AsyncClient(base_url=server.url)
        completions = api.chat.completions
        for name in ("iter_bytes", "iter_text", "iter_lines"):
            async with completions.with_streaming_response.create(messages="x", stream=True) as response:
                async for _ in getattr(response, name)():
                    break
            # Nor where nobody leaves the block.
            response = await completions.with_streaming_response.create(messages="x", stream=True).__aenter__()
            assert await first_of(getattr(response, name)())
        async with completions.stream(messages="x") as events:
            assert await first_of(events)
        async with completions.stream(messages="x") as events:
            assert await first_of(events.text_stream) == "A\n"
        assert await first_of((await completions.create(messages="x", stream=True)).text_stream) == "A\n"
        # What is never awaited asks for nothing, and its sender is not told off.
        completions.create(messages="x")

    hook, sys.unraisablehook = sys.unraisablehook, lambda raised: unraisable.append(raised.exc_value)
    try:
        asyncio.run(main(), debug=debug)
        gc.collect()
    finally:
        sys.unraisablehook = hook
    assert unraisable == []
    assert all(connection.ended.wait(5) for connection in server.connections)


def test_the_loop_goes_on_while_one_task_waits(serve):
    gate = Gate()
    server = serve([gate, *OK])

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            asked = asyncio.create_task(api.chat.completions.create(messages="x"))
            await asyncio.to_thread(server.wait_requests, 1)
            for _ in range(100):
                await asyncio.sleep(0)
            assert not asked.done()
            gate.open()
            return (await asked).choices[0].message.content

    assert asyncio.run(main()) == "ok"


@pytest.mark.slow
def test_a_burst_lets_other_tasks_run(serve):
    """What is at hand needs no trip through the loop, but a long burst must not starve it."""
    server = serve(stream(said(*["x"] * 20_000)))

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        async with tokstream.AsyncClient(base_url=server.url) as api:
            ticking = asyncio.create_task(tick())
            answer = await api.chat.completions.create(messages="x", stream=True)
            before = ticks
            count = len([chunk async for chunk in answer])
            ticking.cancel()
            return count, ticks - before

    count, ticks = asyncio.run(main())
    assert count == 20_001
    assert ticks > 10


@pytest.mark.parametrize("how", ["close", "aclose"])
def test_a_stream_closed_in_another_task(serve, how):
    server = serve(stream(event(text("A")), STALL))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            answer = await api.chat.completions.create(messages="x", stream=True)
            await answer.__anext__()
            await asyncio.create_task(getattr(answer, how)())
            assert await asyncio.to_thread(server.connections[0].ended.wait, 5)

    asyncio.run(main())


def test_a_stream_left_half_read_warns_of_nothing(serve):
    server = serve(then=stream(event(text("A")), STALL))

    async def main():
        api = tokstream.AsyncClient(base_url=server.url)
        answer = await api.chat.completions.create(messages="x", stream=True)
        async for _ in answer:
            break
        words = (await api.chat.completions.create(messages="x", stream=True)).text_stream
        assert await words.__anext__() == "A"

    # In its debug mode asyncio complains about all that is left behind, and warnings are errors here.
    asyncio.run(main(), debug=True)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_cancellation_says_whose_it_is(serve, streamed):
    """By the message anyio, and so Starlette, tells its own cancellations from others."""

    async def use(api):
        said = []

        async def wait():
            try:
                answer = await api.chat.completions.create(messages="x", stream=streamed)
                async for _ in answer:
                    pass
            except asyncio.CancelledError as error:
                said.extend(error.args)
                raise

        task = asyncio.create_task(wait())
        await asyncio.to_thread(server.wait_requests, 1)
        task.cancel("whose")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert said == ["whose"]
        with anyio.move_on_after(0.05) as scope:
            await wait()
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await wait()

    server = serve(then=stream(event(text("A")), STALL) if streamed else [STALL])

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            await use(api)

    asyncio.run(main())

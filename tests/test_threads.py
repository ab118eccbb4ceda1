"""One client from many threads, tasks and event loops."""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

import tokstream
from replies import completion, event, said, text
from server import STALL, Gate, Pause, reply, stream

OK = reply(completion("ok"))


def echo(request):
    """Answers with the question, so that mixed-up answers show."""
    question = request.json["messages"][0]["content"]
    if request.json.get("stream"):
        return stream(*(event(text(piece)) for piece in question.split("|")), said("!"))
    return reply(completion(question))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_one_client_from_many_threads(serve, streamed):
    server = serve(then=echo)
    with tokstream.Client(base_url=server.url) as api, ThreadPoolExecutor(16) as pool:

        def ask(number):
            question = f"{number}|{number * 7}"
            if streamed:
                return "".join(api.chat.completions.create(messages=question, stream=True).text_stream)
            return api.chat.completions.create(messages=question).choices[0].message.content

        answers = list(pool.map(ask, range(200)))
    expected = [f"{n}{n * 7}!" if streamed else f"{n}|{n * 7}" for n in range(200)]
    assert answers == expected
    assert len(server.connections) <= 16


def test_other_threads_run_while_one_waits(serve):
    gate = Gate()
    server = serve([gate, *OK])
    with tokstream.Client(base_url=server.url) as api:
        # Only this thread can open the gate, and only if the waiting call has let go of the interpreter.
        opener = threading.Thread(target=lambda: (server.wait_requests(1), gate.open()))
        opener.start()
        assert api.chat.completions.create(messages="x").choices[0].message.content == "ok"
        opener.join()


def test_a_silent_stream_holds_nobody_up(serve):
    gate = Gate()
    server = serve(stream(event(text("A")), gate, said("B")), then=OK)
    with tokstream.Client(base_url=server.url) as api, ThreadPoolExecutor(1) as pool:
        silent = api.chat.completions.create(messages="x", stream=True)
        assert next(silent.text_stream) == "A"
        rest = pool.submit(list, silent.text_stream)
        for _ in range(3):
            assert api.chat.completions.create(messages="x").choices[0].message.content == "ok"
        assert not rest.done()
        gate.open()
        assert rest.result() == ["B"]


def test_a_stream_read_in_another_thread(serve):
    server = serve(stream(said("A", "B", "C")))
    with tokstream.Client(base_url=server.url) as api:
        answer = api.chat.completions.create(messages="x", stream=True)
        first = next(answer.text_stream)
        with ThreadPoolExecutor(1) as pool:
            rest = pool.submit(lambda: list(answer.text_stream)).result()
    assert [first, *rest] == ["A", "B", "C"]


def test_a_stream_shared_by_threads_loses_nothing(serve):
    pieces = [str(n) for n in range(500)]
    server = serve(stream(said(*pieces)))
    with tokstream.Client(base_url=server.url) as api, ThreadPoolExecutor(4) as pool:
        answer = api.chat.completions.create(messages="x", stream=True)
        parts = [pool.submit(list, answer) for _ in range(4)]
        read = [chunk.choices[0].delta.content for part in parts for chunk in part.result()]
    assert sorted(filter(None, read), key=int) == pieces


def test_many_tasks(serve):
    server = serve(then=echo)

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:

            async def ask(number):
                answer = await api.chat.completions.create(messages=f"{number}|x", stream=True)
                return "".join([piece async for piece in answer.text_stream])

            return await asyncio.gather(*(ask(number) for number in range(100)))

    assert asyncio.run(main()) == [f"{number}x!" for number in range(100)]


def test_every_async_method_makes_a_coroutine(serve):
    """create_task, wait_for and gather take coroutines, and not everything that can be awaited."""
    server = serve(OK, reply({"object": "list", "data": []}), reply({"id": "m"}), stream(said("A")), stream(said("B")))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            loop = asyncio.get_running_loop()
            answer = await asyncio.create_task(api.chat.completions.create(messages="x"))
            assert answer.choices[0].message.content == "ok"
            assert (await asyncio.wait_for(api.models.list(), 30)).data == []
            (model,) = await asyncio.gather(api.models.retrieve("m"))
            assert model.id == "m"
            answer = await loop.create_task(api.chat.completions.create(messages="x", stream=True))
            chunk = await asyncio.create_task(answer.__anext__())
            assert chunk.choices[0].delta.content == "A"
            assert await asyncio.wait_for(answer.get_final_text(), 30) == "A"
            await asyncio.create_task(answer.close())
            await asyncio.create_task(answer.aclose())
            answer = await api.chat.completions.create(messages="x", stream=True)
            assert await asyncio.create_task(answer.text_stream.__anext__()) == "B"
            final = await asyncio.create_task(answer.get_final_completion())
            assert final.choices[0].message.content == "B"
            await asyncio.create_task(api.close())

    asyncio.run(main())


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


def test_one_async_client_over_several_runs(serve):
    server = serve(then=OK)
    api = tokstream.AsyncClient(base_url=server.url)

    async def ask():
        return (await api.chat.completions.create(messages="x")).choices[0].message.content

    assert [asyncio.run(ask()) for _ in range(3)] == ["ok"] * 3
    asyncio.run(api.close())


def test_one_async_client_over_several_loops_at_once(serve):
    server = serve(then=echo)
    api = tokstream.AsyncClient(base_url=server.url)

    async def ask(number):
        answer = await api.chat.completions.create(messages=f"{number}|x", stream=True)
        return "".join([piece async for piece in answer.text_stream])

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asyncio.run(ask(number)), range(20)))
    assert answers == [f"{number}x!" for number in range(20)]
    asyncio.run(api.close())


def test_a_sync_client_inside_a_running_loop(serve):
    server = serve(then=echo)

    async def main():
        with tokstream.Client(base_url=server.url) as api:
            whole = api.chat.completions.create(messages="a|b").choices[0].message.content
            return whole, list(api.chat.completions.create(messages="a|b", stream=True).text_stream)

    assert asyncio.run(main()) == ("a|b", ["a", "b", "!"])


def test_a_stream_closed_in_another_task(serve):
    server = serve(stream(event(text("A")), STALL))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            answer = await api.chat.completions.create(messages="x", stream=True)
            await answer.__anext__()
            await asyncio.create_task(answer.close())
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


def numbers(*, paused):
    """Fifty chunks, each sent by itself, with or without pauses between them."""
    pieces = [event(text(str(n))) for n in range(50)]
    return stream(*(step for piece in pieces for step in ((piece, Pause(0.005)) if paused else (piece,))), said())


@pytest.mark.parametrize("paused", [True, False], ids=["paused", "quick"])
@pytest.mark.parametrize("view", ["chunks", "text_stream"])
def test_two_readers_share_a_stream(surface, client, view, paused):
    api, _ = client(numbers(paused=paused))
    answer = surface.stream(api)
    items = answer.text_stream if view == "text_stream" else answer
    readers = [surface.begin(surface.all_of, items) for _ in range(2)]
    parts = [surface.outcome(reader) for reader in readers]
    if view == "chunks":
        parts = [[chunk.choices[0].delta.content for chunk in part] for part in parts]
    assert sorted(filter(None, itertools.chain(*parts)), key=int) == [str(n) for n in range(50)]


def test_what_is_being_awaited_is_awaited_once(serve):
    gate = Gate()
    server = serve([gate, *OK])

    async def main():
        async def wait_for(awaitable):
            return await awaitable

        async with tokstream.AsyncClient(base_url=server.url) as api:
            call = api.chat.completions.create(messages="x")
            first = asyncio.create_task(wait_for(call))
            await asyncio.to_thread(server.wait_requests, 1)
            with pytest.raises(RuntimeError, match="being awaited already"):
                await asyncio.wait_for(wait_for(call), 5)
            gate.open()
            return (await asyncio.wait_for(first, 5)).choices[0].message.content

    assert asyncio.run(main()) == "ok"


BAD_CALLS = {
    "timeout": ({"timeout": "soon"}, (TypeError, ValueError)),
    "nan": ({"temperature": math.nan}, ValueError),
    "surrogate": ({"messages": "a\ud800b"}, ValueError),
    "header": ({"extra_headers": {"X-A": "a\nb"}}, ValueError),
    "key": ({}, tokstream.ConfigurationError),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_among_others_fails_in_its_place(serve, name):
    server = serve(OK, OK)
    params, error = BAD_CALLS[name]

    async def main():
        async with tokstream.AsyncClient(base_url=server.url, api_key="key") as api:
            keyless = tokstream.AsyncClient(base_url="http://api.example.test/v1")
            clients = [api, keyless if name == "key" else api, api]
            calls = [
                one.chat.completions.create(**{"messages": "x", **(params if at == 1 else {})})
                for at, one in enumerate(clients)
            ]
            return await asyncio.gather(*calls, return_exceptions=True)

    first, bad, last = asyncio.run(main())
    assert isinstance(bad, error)
    assert [one.choices[0].message.content for one in (first, last)] == ["ok", "ok"]


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

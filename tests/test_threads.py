"""One client from many threads, tasks and event loops."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import sys
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
    # Some of them are driven by their own threads, the others by one that all share; each has its own connections.
    assert len(server.connections) <= 16 + 8


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_one_client_from_64_threads_at_once(serve, streamed):
    """All of them wait for the server at the same time."""
    count = 64
    gate = Gate()

    def respond(request):
        begin, *rest = echo(request)
        return [begin, gate, *rest]

    server = serve(then=respond)
    with tokstream.Client(base_url=server.url) as api, ThreadPoolExecutor(count) as pool:

        def ask(number):
            if streamed:
                return "".join(api.chat.completions.create(messages=f"{number}|x", stream=True).text_stream)
            return api.chat.completions.create(messages=f"{number}|x").choices[0].message.content

        asked = [pool.submit(ask, number) for number in range(count)]
        server.wait_requests(count)
        gate.open()
        answers = [one.result() for one in asked]
    assert answers == [f"{number}x!" if streamed else f"{number}|x" for number in range(count)]


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


METHODS = {
    "create": lambda api: api.chat.completions.create(messages="x"),
    "create, streamed": lambda api: api.chat.completions.create(messages="x", stream=True),
    "completions": lambda api: api.completions.create(model="m", prompt="x"),
    "embeddings": lambda api: api.embeddings.create(model="m", input="x"),
    "models": lambda api: api.models.list(),
    "retrieve": lambda api: api.models.retrieve("m"),
    "get": lambda api: api.get("/x", cast_to=dict),
    "post": lambda api: api.post("/x", body={}, cast_to=dict),
    "put": lambda api: api.put("/x", body={}, cast_to=dict),
    "patch": lambda api: api.patch("/x", body={}, cast_to=dict),
    "delete": lambda api: api.delete("/x", cast_to=dict),
}


async def by_task_group(coroutine):
    if sys.version_info < (3, 11):
        return await coroutine
    async with asyncio.TaskGroup() as group:
        task = group.create_task(coroutine)
    return task.result()


async def by_gather(coroutine):
    return (await asyncio.gather(coroutine))[0]


WAITS = {
    "create_task": asyncio.create_task,
    "wait_for": lambda coroutine: asyncio.wait_for(coroutine, 30),
    "gather": by_gather,
    "TaskGroup": by_task_group,
}


def answer_all(request):
    body = request.json if request.body else {}
    if body.get("stream"):
        return stream(said("A", "B"))
    if request.path.endswith("/embeddings"):
        vector = {"object": "embedding", "index": 0, "embedding": [1.0]}
        return reply({"object": "list", "data": [vector], "model": "m"})
    return OK if request.method != "GET" else reply({"object": "list", "data": [], "id": "m"})


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_request_can_be_awaited_in_every_way(serve, method, wait):
    server = serve(then=answer_all)

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            for form in (api, api.with_raw_response):
                assert await wait(method(form)) is not None
            manager = method(api.with_streaming_response)
            response = await wait(manager.__aenter__())
            assert response.status_code == 200
            await wait(manager.__aexit__(None, None, None))

    asyncio.run(main(), debug=True)
    assert len(server.requests) == 3


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_every_method_of_what_is_opened_can_be_awaited_in_every_way(serve, wait):
    server = serve(then=answer_all)

    async def main():
        api = await wait(tokstream.AsyncClient(base_url=server.url).__aenter__())
        completions = api.chat.completions
        for name in ("__aenter__", "__anext__", "get_final_completion", "get_final_text", "close", "aclose"):
            answer = await completions.create(messages="x", stream=True)
            await wait(getattr(answer, name)())
            await wait(answer.__aexit__(None, None, None))
        answer = await completions.create(messages="x", stream=True)
        assert await wait(answer.text_stream.__anext__()) == "A"
        await wait(answer.response.aclose())
        for name in ("__aenter__", "__anext__", "until_done", "get_final_completion", "get_final_text", "close"):
            manager = completions.stream(messages="x")
            events = await wait(manager.__aenter__())
            await wait(getattr(events, name)())
            await wait(manager.__aexit__(None, None, None))
        async with completions.stream(messages="x") as events:
            assert await wait(events.text_stream.__anext__()) == "A"
        for name in ("read", "text", "json", "parse", "close"):
            async with completions.with_streaming_response.create(messages="x") as response:
                await wait(getattr(response, name)())
        for name in ("iter_bytes", "iter_text", "iter_lines"):
            async with completions.with_streaming_response.create(messages="x") as response:
                assert await wait(first_of(getattr(response, name)()))
        await wait(api.close())
        await wait(api.aclose())
        await wait(api.__aexit__(None, None, None))

    asyncio.run(main(), debug=True)


async def first_of(items):
    async for item in items:
        return item
    return None


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

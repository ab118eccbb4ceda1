"""One client, and one stream, from many threads, tasks and event loops."""

from __future__ import annotations

import asyncio
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import tokstream
from replies import completion, event, said, text
from server import PATIENCE, Gate, Pause, reply, stream

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


def test_a_thread_with_other_work_holds_no_other_up(serve):
    # So many that the background thread reads for them.
    count = 20
    go_on = [Gate() for _ in range(3)]
    pieces = [event(text(word)) for word in "ABC"]
    server = serve(then=stream(*[step for pair in zip(pieces, go_on, strict=True) for step in pair], said("D")))
    client = tokstream.Client(base_url=server.url)
    begun = threading.Barrier(count + 1)
    finish = threading.Event()

    def read(works_on):
        words = client.chat.completions.create(messages="x", stream=True).text_stream
        read = [next(words)]
        begun.wait(PATIENCE)
        if works_on:
            read.append(next(words))
            assert finish.wait(PATIENCE)
        return [*read, *words]

    with ThreadPoolExecutor(count) as pool:
        all_of_them = [pool.submit(read, number % 5 == 0) for number in range(count)]
        begun.wait(PATIENCE)
        for gate in go_on:
            gate.open()
        others = [one.result(PATIENCE) for number, one in enumerate(all_of_them) if number % 5]
        finish.set()
        assert others == [list("ABCD")] * len(others)
        assert [one.result(PATIENCE) for one in all_of_them] == [list("ABCD")] * count

"""Connections: how they are shared, kept and given up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import time
import weakref

import pytest

import tokstream
from replies import HELLO, completion, error, event, said, text
from server import CLOSE, PATIENCE, STALL, Gate, Pause, Reached, reply, stream
from sockets import CLOSE_WAIT, sockets_in

# On whichever thread a call is driven.
ALL_SURFACES = True

OK = reply(completion("ok"))
SILENT = stream(event(text("A")), STALL)
# "At once", with room for a busy machine; a silent server keeps its side open for ever.
AT_ONCE = 1.0


def freed(server, connection=0):
    return server.connections[connection].ended.wait(AT_ONCE)


# ── reuse ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_five_streams_use_one_connection(surface, client, framing):
    api, server = client(then=stream(said("A", "B"), framing=framing))
    for _ in range(5):
        assert surface.list(surface.stream(api).text_stream) == ["A", "B"]
    assert [request.connection for request in server.requests] == [0] * 5


@pytest.mark.parametrize("how", ["chunks", "text_stream", "final", "with", "next"])
def test_however_a_stream_is_read_its_connection_comes_back(surface, client, how):
    api, server = client(then=stream(said("A")))
    for _ in range(3):
        answer = surface.stream(api)
        if how == "chunks":
            surface.list(answer)
        elif how == "text_stream":
            surface.list(answer.text_stream)
        elif how == "final":
            surface.run(answer.get_final_completion())
        elif how == "with":
            with surface.using(answer):
                surface.list(answer)
        else:
            surface.take(answer, 2)
            with pytest.raises(StopIteration):
                surface.next(answer)
    assert len(server.connections) == 1


def test_the_rest_of_a_body_after_done_is_drained(surface, client):
    gate = Gate()
    api, server = client(stream(said("A"), gate, b": and one more comment\n\n"), stream(said("B")))
    assert surface.list(surface.stream(api).text_stream) == ["A"]
    gate.open()
    assert surface.list(surface.stream(api).text_stream) == ["B"]
    # The answer of one request is never taken for that of another, on whichever connection.
    assert len(server.requests) == 2


def test_a_server_that_is_silent_after_done_is_left(surface, client):
    api, server = client(stream(said("A"), STALL), stream(said("B")))
    answer = surface.stream(api)
    assert surface.list(answer.text_stream) == ["A"]
    # No call is made meanwhile, and neither the stream nor the client is gone.
    assert server.connections[0].ended.wait(2 + AT_ONCE)
    assert surface.ask(api, True) == "B"


def test_whole_replies_use_one_connection(surface, client):
    api, server = client(OK, reply(error("no"), 400), stream(said("A")), OK, reply(error("no"), 404), OK)
    surface.create(api)
    with pytest.raises(tokstream.BadRequestError):
        surface.create(api)
    surface.list(surface.stream(api))
    surface.create(api)
    with pytest.raises(tokstream.NotFoundError):
        surface.stream(api)
    surface.create(api)
    assert [request.connection for request in server.requests] == [0] * 6


def test_a_server_that_says_close_is_obeyed(surface, client):
    closing = reply(completion("ok"), headers=[("Connection", "close")])
    api, server = client(closing, closing)
    surface.create(api)
    assert freed(server)
    surface.create(api)
    assert [request.connection for request in server.requests] == [0, 1]


def test_a_connection_that_is_no_longer_waited_for_serves_the_next_call(serve, authority):
    stalled, made, held, both = threading.Event(), threading.Event(), Gate(), Gate()

    def on_accept(connection):
        if connection.number > 0:
            stalled.wait(PATIENCE)
        connection.start_tls(authority.server())
        if connection.number > 0:
            made.set()

    server = serve([held, *OK], OK, [both, *OK], [both, *OK], on_accept=on_accept)

    async def main():
        url = server.url.replace("http:", "https:")
        async with tokstream.AsyncClient(base_url=url, api_key="k", verify=authority.file) as api:

            def ask():
                return asyncio.ensure_future(api.chat.completions.create(messages="x"))

            first = ask()
            await asyncio.to_thread(server.wait_requests, 1)
            second = ask()
            await asyncio.to_thread(server.wait_connections, 2)
            held.open()
            await asyncio.gather(first, second)
            stalled.set()
            assert await asyncio.to_thread(made.wait, PATIENCE)
            asked = [ask(), ask()]
            await asyncio.to_thread(server.wait_requests, 4)
            both.open()
            await asyncio.gather(*asked)

    asyncio.run(main())
    assert [connection.requests for connection in server.connections] == [3, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the sockets of a process")
@pytest.mark.parametrize(
    ("surface", "tls"),
    [("async", False), ("async", True), ("crowd", False), ("async crowd", False)],
    indirect=["surface"],
)
def test_what_the_server_closes_is_closed_while_others_go_on(surface, serve, authority, tls):
    """Nobody waits for a connection that is idle; a stream that is open meanwhile is no reason to keep it."""
    gate = Gate()
    server = serve(stream(event(text("A")), gate, said("B")), [*OK, CLOSE], tls=authority.server() if tls else None)
    api = surface.client(server, verify=authority.file)
    before = sockets_in(CLOSE_WAIT)
    answer = surface.stream(api)
    surface.next(answer)
    surface.create(api)
    end = time.monotonic() + PATIENCE
    assert surface.meanwhile(lambda: server.connections[1].ended.wait(PATIENCE))
    while sockets_in(CLOSE_WAIT) > before:
        assert time.monotonic() < end, "it lies about"
        surface.meanwhile(lambda: time.sleep(0.01))
    gate.open()
    assert surface.list(answer.text_stream) == ["B"]


def test_with_options_shares_the_connections(surface, client):
    api, server = client(then=OK)
    for changed in (api, api.with_options(timeout=5), api.copy(max_retries=0), api.with_options(api_key="other")):
        surface.create(changed)
    assert len(server.connections) == 1


def test_two_clients_share_nothing(surface, serve):
    server = serve(then=OK)
    for _ in range(2):
        surface.create(surface.client(server))
    assert len(server.connections) == 2


# ── giving up ─────────────────────────────────────────────────────────────────────────────────

WAYS = ["close", "del", "with", "break", "text_stream", "client"]


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "untouched"])
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_given_up_frees_its_connection(surface, client, way, begun):
    api, server = client(SILENT, OK, OK)
    gc.disable()  # no cycle may be what keeps a stream alive
    try:
        answer = surface.stream(api)
        if begun:
            surface.next(answer)
        if way == "close":
            surface.run(answer.close())
        elif way == "del":
            del answer
        elif way == "with":
            with surface.using(answer):
                pass
        elif way == "break":
            if not begun:
                surface.first(answer)
            del answer
        elif way == "text_stream":
            words = answer.text_stream
            del answer
            del words
        else:
            surface.run(api.close())
        assert freed(server)
    finally:
        gc.enable()
    if way != "client":
        assert surface.create(api).choices[0].message.content == "ok"


STOPS = {
    "close": lambda surface, held: surface.run(held[0].close()),
    "del": lambda surface, held: held.clear(),
    "del elsewhere": lambda surface, held: elsewhere(held.clear),
    "close elsewhere": lambda surface, held: elsewhere(
        held[0].close if surface.name == "sync" else lambda: asyncio.run(closed(held[0]))
    ),
}


async def closed(answer):
    await answer.close()


def elsewhere(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "untouched"])
@pytest.mark.parametrize("way", STOPS)
def test_a_connection_is_gone_within_a_tenth_of_a_second(surface, client, way, begun):
    """From whatever thread; the best of a few tries, since the machine may be busy."""
    api, server = client(then=SILENT)
    took = []
    gc.disable()  # no cycle may be what keeps a stream alive
    try:
        for number in range(5):
            held = [surface.stream(api)]
            if begun:
                surface.next(held[0])
            at = time.monotonic()
            STOPS[way](surface, held)
            assert freed(server, number)
            took.append(server.connections[number].ended_at - at)
    finally:
        gc.enable()
    assert min(took) < 0.1


def test_closing_is_possible_twice(surface, client):
    api, server = client(SILENT)
    answer = surface.stream(api)
    for _ in range(3):
        surface.run(answer.close())
        assert surface.list(answer) == []
    assert freed(server)


def test_nothing_comes_out_of_a_closed_stream(surface, client):
    api, _ = client(stream(said("A", "B")))
    answer = surface.stream(api)
    surface.next(answer)
    surface.run(answer.close())
    with pytest.raises((StopIteration, tokstream.TokstreamError)):
        surface.next(answer)
    # What was read stays known.
    assert answer.current_completion_snapshot.choices[0].message.content == "A"
    assert answer.response.status_code == 200


def test_closing_after_the_end_does_no_harm(surface, client):
    api, server = client(then=stream(said("A")))
    for _ in range(3):
        answer = surface.stream(api)
        surface.list(answer)
        surface.run(answer.close())
    assert len(server.connections) == 1


@pytest.mark.parametrize("surface", ["async"], indirect=True)
def test_aclose(surface, client):
    api, server = client(SILENT)
    answer = surface.stream(api)
    surface.run(answer.aclose())
    assert freed(server)
    surface.run(api.aclose())
    assert api.is_closed()


@pytest.mark.parametrize("how", ["cancel", "wait_for", "timeout"])
@pytest.mark.parametrize("where", ["head", "read"])
def test_cancelling_frees_the_connection(serve, how, where):
    server = serve([STALL] if where == "head" else SILENT, OK)

    async def main():
        api = tokstream.AsyncClient(base_url=server.url)

        async def ask():
            return [chunk async for chunk in await api.chat.completions.create(messages="x", stream=True)]

        if how == "cancel":
            task = asyncio.create_task(ask())
            await asyncio.to_thread(server.wait_requests, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif how == "timeout":
            if sys.version_info < (3, 11):
                pytest.skip("asyncio.timeout came with Python 3.11")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await ask()
        else:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(ask(), 0.2)
        assert await asyncio.to_thread(freed, server)
        answer = await api.chat.completions.create(messages="x")
        assert answer.choices[0].message.content == "ok"
        await api.close()

    asyncio.run(main())


def test_a_stream_that_opens_as_its_task_is_cancelled_is_given_up(serve):
    # More than the loop drives itself.
    count = 4
    gate, sent = Gate(), [Reached() for _ in range(count)]
    server = serve(*([gate, *stream(event(text("A")), reached, STALL)] for reached in sent))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            tasks = [
                asyncio.ensure_future(api.chat.completions.create(messages="x", stream=True)) for _ in range(count)
            ]
            await asyncio.to_thread(server.wait_requests, count)
            gate.open()
            # The heads come while the loop is busy.
            assert all(reached.wait(10) for reached in sent)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            assert all(task.cancelled() for task in tasks)
            assert all(await asyncio.gather(*(asyncio.to_thread(freed, server, one) for one in range(count))))

    asyncio.run(main())


async def whole(api):
    return (await api.chat.completions.create(messages="x")).choices[0].message.content


async def chunks(api):
    return [chunk async for chunk in await api.chat.completions.create(messages="x", stream=True)]


async def words(api):
    return [word async for word in (await api.chat.completions.create(messages="x", stream=True)).text_stream]


async def final(api):
    return await (await api.chat.completions.create(messages="x", stream=True)).get_final_text()


async def close(api):
    answer = await api.chat.completions.create(messages="x", stream=True)
    await answer.__anext__()
    await answer.aclose()


async def lines(api):
    async with api.chat.completions.with_streaming_response.create(messages="x", stream=True) as response:
        return [line async for line in response.iter_lines()]


async def body(api):
    async with api.chat.completions.with_streaming_response.create(messages="x") as response:
        return await response.read()


async def events(api):
    async with api.chat.completions.stream(messages="x") as answer:
        return [one async for one in answer]


def in_pieces(request):
    if request.json.get("stream"):
        return stream(*(step for piece in "ABCDE" for step in (event(text(piece)), Pause(0.002))), said())
    begin, rest = reply(completion("ok"))
    return [begin, rest[:50], Pause(0.003), rest[50:]]


@pytest.mark.parametrize("use", [whole, chunks, words, final, close, lines, body, events], ids=lambda use: use.__name__)
def test_cancelling_at_any_await_leaves_the_client_usable(serve, use):
    server = serve(then=in_pieces)

    async def key():
        await asyncio.sleep(0)
        return "the key"

    async def main():
        cancelled = 0
        async with tokstream.AsyncClient(base_url=server.url, api_key=key) as api:
            for steps in range(40):
                task = asyncio.create_task(use(api))
                for step in range(steps):
                    # The first are turns of the loop alone; then the server has its time to say something.
                    await asyncio.sleep(0 if step < 15 else 0.001)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait_for(task, 10)
                cancelled += task.cancelled()
                assert await asyncio.wait_for(whole(api), 10) == "ok"
        return cancelled

    # How many depends on the machine: what is soon done can be cancelled in its first few turns alone.
    assert asyncio.run(main()) > 2
    assert all(connection.ended.wait(AT_ONCE) for connection in server.connections)


def test_closing_from_another_thread(serve):
    server = serve(SILENT)
    ended = []
    with tokstream.Client(base_url=server.url) as api:
        answer = api.chat.completions.create(messages="x", stream=True)
        next(answer)
        reading = threading.Event()

        def read():
            reading.set()
            try:
                ended.append(list(answer))
            except tokstream.TokstreamError as closed:
                ended.append(closed)

        reader = threading.Thread(target=read)
        reader.start()
        reading.wait()
        answer.close()
        reader.join(AT_ONCE)
        assert not reader.is_alive()
        assert len(ended) == 1
        assert freed(server)


# ── clients ───────────────────────────────────────────────────────────────────────────────────


def test_a_closed_client_refuses(surface, client):
    api, server = client(OK)
    assert not api.is_closed()
    surface.create(api)
    surface.run(api.close())
    assert api.is_closed()
    # The connection that was kept for the next request is gone too.
    assert freed(server)
    for streamed in (False, True):
        with pytest.raises(tokstream.ClientClosedError):
            surface.create(api, stream=streamed)
    with pytest.raises(tokstream.ClientClosedError):
        surface.run(api.models.list())
    surface.run(api.close())
    assert len(server.requests) == 1


def test_a_client_is_a_context_manager(surface, client):
    api, server = client(OK)
    with surface.using(api) as entered:
        assert entered is api
        surface.create(api)
    assert api.is_closed()
    assert freed(server)


def test_an_error_closes_the_client_and_passes_through(surface, client):
    api, _ = client()
    with pytest.raises(ZeroDivisionError), surface.using(api):
        _ = 1 / 0
    assert api.is_closed()


def test_a_client_that_nobody_has_any_more_frees_its_connections(surface, serve):
    server = serve(OK)
    api = surface.client_class(base_url=server.url, api_key="k")
    surface.create(api)
    del api
    gc.collect()
    assert freed(server)


def test_a_stream_outlives_the_name_of_its_client(surface, serve):
    server = serve(stream(said("A", "B")))
    answer = surface.run(
        surface.client_class(base_url=server.url, api_key="k").chat.completions.create(messages=HELLO, stream=True)
    )
    gc.collect()
    assert surface.list(answer.text_stream) == ["A", "B"]


def test_a_client_that_is_dropped_frees_its_connections(surface, client):
    server = client(OK, OK)[1]
    api = surface.client_class(base_url=server.url)
    gc.disable()  # no cycle may be what keeps it alive
    try:
        surface.run(api.chat.completions.create(messages="x"))
        del api
        assert freed(server)
    finally:
        gc.enable()


class Keeper:
    """Has a client that asks it for its key: a cycle."""

    def __init__(self, client_class, url):
        self.client = client_class(base_url=url, api_key=self.key)

    def key(self):
        return "the key"


def test_a_client_that_its_owner_gives_the_key_is_collected(surface, serve):
    server = serve(OK)
    keeper = Keeper(surface.client_class, server.url)
    surface.create(keeper.client)
    assert server.request.header("authorization") == "Bearer the key"
    gone = weakref.ref(keeper)
    del keeper
    gc.collect()
    assert gone() is None
    assert freed(server)

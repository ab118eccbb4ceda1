"""The four clocks of a call: connect, first token, read and total."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import threading
import time

import pytest

import tokstream
from replies import completion, error, event, said, text
from server import PATIENCE, RESET, STALL, Gate, Pause, Reached, frame, head, reply, stream

# On whichever thread a call is driven.
ALL_SURFACES = True

TIME = 0.3
# A timeout comes within a tenth of a second of its time; the rest is for a busy machine.
SLACK = 0.7
ONE_TRY = {"max_retries": 0}
OK = reply(completion("ok"))


@contextlib.contextmanager
def times_out(phase):
    """The block begins where the clock of this phase does, and raises its timeout in its time."""
    begun = time.monotonic()
    with pytest.raises(tokstream.APITimeoutError) as caught:
        yield caught
    took = time.monotonic() - begun
    assert caught.value.phase == phase
    assert TIME * 0.95 <= took < TIME + SLACK
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, tokstream.APIConnectionError)
    assert caught.value.cause == "timeout"
    assert str(phase).replace("_", " ") in str(caught.value).replace("_", " ")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_connect(surface, unreachable, streamed):
    api = surface.client(unreachable, timeout=tokstream.Timeout(connect=TIME), **ONE_TRY)
    with times_out("connect"):
        surface.create(api, stream=streamed)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("sent", [[], [head(200, ("Content-Type", "text/event-stream"))]], ids=["silent", "head"])
def test_first_token(surface, client, streamed, sent):
    api, _ = client([*sent, STALL], timeout=tokstream.Timeout(first_token=TIME), **ONE_TRY)
    with times_out("first_token"):
        surface.ask(api, streamed)


def test_comments_and_empty_events_are_no_first_token(surface, client):
    pings = [step for _ in range(40) for step in (b": ping\n\n", Pause(0.05))]
    api, _ = client(stream(*pings, STALL), timeout=tokstream.Timeout(first_token=TIME), **ONE_TRY)
    with times_out("first_token"):
        surface.ask(api, True)


def test_read(surface, client):
    api, _ = client(stream(event(text("A")), STALL), timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with times_out("read") as caught:
        surface.next(answer)
    assert caught.value.partial.choices[0].message.content == "A"


def test_comments_do_not_reset_the_read_clock(surface, client):
    pings = [step for _ in range(40) for step in (b": ping\n\n", Pause(0.05))]
    api, _ = client(stream(event(text("A")), *pings, STALL), timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    answer = surface.stream(api)
    surface.next(answer)
    with times_out("read"):
        surface.next(answer)


def test_the_read_clock_of_a_whole_reply(surface, client):
    first, *_ = reply(completion())
    api, _ = client([first, b"{", STALL], timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    # The first byte, which comes at once, ends the clock of the first token and begins that of reading.
    with times_out("read"):
        surface.create(api)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_total(surface, client, streamed):
    api, _ = client([STALL], timeout=tokstream.Timeout(total=TIME), **ONE_TRY)
    with times_out("total"):
        surface.ask(api, streamed)


def test_total_of_a_stream_that_goes_on(surface, client):
    steps = [step for _ in range(100) for step in (event(text("A")), Pause(0.05))]
    api, _ = client(stream(*steps), timeout=tokstream.Timeout(total=TIME), **ONE_TRY)
    with times_out("total") as caught:
        surface.list(surface.stream(api))
    assert caught.value.partial.choices[0].message.content.startswith("AA")


def test_total_covers_all_retries(surface, client):
    policy = tokstream.RetryPolicy(max_retries=100, initial_delay=0.05, max_delay=0.05)
    api, server = client(then=reply(error(), 503), timeout=tokstream.Timeout(total=TIME), retry=policy)
    with times_out("total"):
        surface.create(api)
    assert len(server.requests) > 1


def test_timeouts_are_tried_again(surface, client):
    policy = tokstream.RetryPolicy(initial_delay=0.01)
    api, server = client(
        [STALL], reply(completion("ok")), timeout=tokstream.Timeout(first_token=TIME), max_retries=1, retry=policy
    )
    assert surface.create(api).choices[0].message.content == "ok"
    assert len(server.requests) == 2


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("where", ["client", "call", "options", "attribute"])
def test_where_a_timeout_is_given(surface, client, where, streamed):
    options = {"timeout": TIME} if where == "client" else {}
    api, _ = client([STALL], **options, **ONE_TRY)
    if where == "options":
        api = api.with_options(timeout=TIME)
    if where == "attribute":
        api.timeout = TIME
    call = {"timeout": TIME} if where == "call" else {}
    with times_out("first_token"):
        surface.ask(api, streamed, **call)


VIEWS = {
    "bytes": lambda surface, response: response.iter_bytes(),
    "lines": lambda surface, response: response.iter_lines(),
    "chunks": lambda surface, response: surface.run(response.parse()),
    "text": lambda surface, response: surface.run(response.parse()).text_stream,
}
PINGS = [step for _ in range(60) for step in (b": ping\n\n", Pause(0.05))]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("phase", ["first_token", "read"])
def test_comments_keep_no_streaming_response_alive(surface, client, phase, view):
    begun = [event(text("A"))] if phase == "read" else []
    api, _ = client(stream(*begun, *PINGS, STALL), timeout=tokstream.Timeout(**{phase: TIME}), **ONE_TRY)
    with (
        times_out(phase),
        surface.using(api.chat.completions.with_streaming_response.create(messages="x", stream=True)) as response,
    ):
        surface.list(VIEWS[view](surface, response))


def test_what_has_arrived_comes_before_the_total(surface, client):
    arrived = Reached()
    pieces = [event(text(str(n))) for n in range(50)]
    api, _ = client(stream(*pieces, arrived, STALL), timeout=tokstream.Timeout(total=1.0), **ONE_TRY)
    begun = time.monotonic()
    answer = surface.stream(api)
    assert surface.meanwhile(lambda: arrived.wait(PATIENCE))
    # The caller is busy until the time is over; this wait is the case itself.
    surface.meanwhile(lambda: time.sleep(begun + 1.2 - time.monotonic()))
    assert [chunk.choices[0].delta.content for chunk in surface.take(answer, 50)] == [str(n) for n in range(50)]
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.next(answer)
    assert caught.value.phase == "total"


@pytest.mark.parametrize("count", [1, 8, 20])
def test_what_came_while_the_loop_was_busy_came_in_time(serve, count):
    go_on, arrived = Gate(), [Reached() for _ in range(count)]
    server = serve(*[stream(event(text("A")), go_on, event(text("B")), one, STALL) for one in arrived])

    async def main():
        timeout = tokstream.Timeout(read=TIME)
        async with tokstream.AsyncClient(base_url=server.url, timeout=timeout, **ONE_TRY) as api:
            answers = [await api.chat.completions.create(messages="x", stream=True) for _ in arrived]
            words = [answer.text_stream for answer in answers]
            assert [await one.__anext__() for one in words] == ["A"] * count
            waiting = [asyncio.ensure_future(one.__anext__()) for one in words]
            await asyncio.sleep(0)
            go_on.set()
            assert all(one.wait(PATIENCE) for one in arrived)
            # Nobody looks at a clock meanwhile.
            time.sleep(TIME * 2)  # noqa: ASYNC251 - this wait is the case itself
            return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == ["B"] * count


ENDLESS = {
    "chunk size": ([head(200, ("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked"))], b"0" * 65536),
    "interim replies": ([], b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ENDLESS)
def test_bytes_that_amount_to_nothing_starve_no_clock(surface, client, kind, streamed):
    first, endless = ENDLESS[kind]
    timeout = tokstream.Timeout(first_token=TIME)
    api, _ = client(lambda _: itertools.chain(first, itertools.repeat(endless)), timeout=timeout, **ONE_TRY)
    begun = time.monotonic()
    if kind == "chunk size" and streamed:
        call = surface.begin(surface.next_of, surface.stream(api))
    else:
        call = surface.begin(api.chat.completions.create, messages="x", stream=streamed)
    got = surface.outcome(call)
    assert isinstance(got, tokstream.APITimeoutError)
    assert got.phase == "first_token"
    # Without a look at the clock the bytes would never end; a busy machine has other things to do.
    assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_loop_goes_on_after_a_flood_of_nothing(serve, kind):
    """A helper thread has what would hold the loop up, until there is nothing more of that kind."""
    first, endless = ENDLESS[kind]
    server = serve(lambda _: itertools.chain(first, itertools.repeat(endless)), then=OK)

    async def main():
        timeout = tokstream.Timeout(first_token=TIME)
        async with tokstream.AsyncClient(base_url=server.url, timeout=timeout, **ONE_TRY) as api:
            with pytest.raises(tokstream.APITimeoutError):
                await api.chat.completions.create(messages="x")
            calm = api.with_options(timeout=PATIENCE)
            # While the helper looks whether it is calm, and after that.
            for pause in (0, 0.3, 0.6):
                await asyncio.sleep(pause)
                assert (await calm.chat.completions.create(messages="x")).choices[0].message.content == "ok"

    asyncio.run(main())


@pytest.mark.parametrize("phase", ["first_token", "read", "total"])
def test_comments_without_a_pause_starve_neither_clock_nor_loop(serve, phase):
    """Each is a piece of its own: however many lie there, others have their turn in between."""
    begin = stream(event(text("A")) if phase == "read" else b": x\n\n")[:-1]
    server = serve(lambda _: itertools.chain(begin, itertools.repeat(frame(b": x\n\n") * 10_000)))

    async def main():
        clock = tokstream.Timeout(None, **{phase: TIME})
        async with tokstream.AsyncClient(base_url=server.url, timeout=clock, **ONE_TRY) as api:
            reading = asyncio.ensure_future(read(api))
            lags = []
            while not reading.done():
                at = time.monotonic()
                await asyncio.sleep(0)
                lags.append(time.monotonic() - at)
            with pytest.raises(tokstream.APITimeoutError) as caught:
                await reading
            assert caught.value.phase == phase
            return max(lags)

    async def read(api):
        async for _ in await api.chat.completions.create(messages="x", stream=True):
            pass

    # Where it has none before all is read it stands for as long as the server goes on.
    assert asyncio.run(main()) < 2


def test_a_number_bounds_the_connecting(surface, unreachable):
    api = surface.client(unreachable, timeout=TIME, **ONE_TRY)
    with times_out("connect"):
        surface.create(api)


def test_a_number_bounds_each_silence(surface, client):
    api, _ = client(stream(event(text("A")), STALL), timeout=TIME, **ONE_TRY)
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with times_out("read"):
        surface.next(answer)


@pytest.mark.slow
def test_a_number_bounds_silences_and_not_the_stream(surface, client):
    steps = [step for _ in range(6) for step in (event(text("A")), Pause(0.25))]
    api, _ = client(stream(*steps, said("B")), timeout=1.0, **ONE_TRY)
    begun = time.monotonic()
    assert surface.ask(api, True) == "AAAAAAB"
    assert time.monotonic() - begun > 1.4


def test_the_read_clock_stands_while_the_caller_is_busy(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, said("B")), timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    answer = surface.stream(api)
    surface.next(answer)
    # The caller takes longer than the server may be silent; this wait is the case itself.
    time.sleep(2 * TIME)
    gate.open()
    assert surface.next(answer).choices[0].delta.content == "B"


def test_what_has_arrived_comes_before_the_timeout(surface, client):
    api, _ = client(stream(event(text("A")) + event(text("B")), STALL), timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    answer = surface.stream(api)
    surface.next(answer)
    time.sleep(2 * TIME)
    assert surface.next(answer).choices[0].delta.content == "B"
    with times_out("read"):
        surface.next(answer)


def test_a_connection_that_is_no_longer_needed_times_nothing_out(serve, authority):
    """A request that waits for a new connection takes one that becomes free meanwhile."""
    stalled, held = threading.Event(), Gate()

    def on_accept(connection):
        if connection.number > 0:
            stalled.wait(PATIENCE)

    server = serve([held, *OK], [Pause(3 * TIME), *OK], tls=authority.server(), on_accept=on_accept)

    async def main():
        timeout = tokstream.Timeout(connect=2 * TIME)
        async with tokstream.AsyncClient(
            base_url=server.url, api_key="k", verify=authority.file, timeout=timeout, **ONE_TRY
        ) as api:
            first = asyncio.ensure_future(api.chat.completions.create(messages="x"))
            await asyncio.to_thread(server.wait_requests, 1)
            second = asyncio.ensure_future(api.chat.completions.create(messages="x"))
            await asyncio.to_thread(server.wait_connections, 2)
            held.open()
            await first
            assert (await second).choices[0].message.content == "ok"

    try:
        asyncio.run(main())
    finally:
        stalled.set()


def test_a_timeout_ends_the_connection(surface, client):
    api, server = client([STALL], reply(completion("usable")), timeout=tokstream.Timeout(first_token=TIME), **ONE_TRY)
    with times_out("first_token"):
        surface.create(api)
    assert server.connections[0].ended.wait(PATIENCE)
    assert surface.create(api).choices[0].message.content == "usable"


def test_the_defaults():
    timeout = tokstream.Timeout()
    assert (timeout.connect, timeout.first_token, timeout.read, timeout.total) == (5.0, 600.0, 600.0, None)


def test_a_number_sets_all_but_total():
    timeout = tokstream.Timeout(7)
    assert (timeout.connect, timeout.first_token, timeout.read, timeout.total) == (7.0, 7.0, 7.0, None)
    timeout = tokstream.Timeout(7, connect=1, total=9)
    assert (timeout.connect, timeout.first_token, timeout.read, timeout.total) == (1.0, 7.0, 7.0, 9.0)


def test_the_four_clocks_of_httpx():
    timeout = tokstream.Timeout(60, read=5, write=10, connect=2, pool=1)
    assert (timeout.connect, timeout.first_token, timeout.read, timeout.total) == (2.0, 60.0, 5.0, None)
    assert timeout == tokstream.Timeout(60, read=5, connect=2)


def test_none_is_no_limit(surface, client):
    timeout = tokstream.Timeout(None)
    assert (timeout.connect, timeout.first_token, timeout.read, timeout.total) == (None, None, None, None)
    api, _ = client(then=reply(completion("ok")), timeout=None)
    assert surface.create(api).choices[0].message.content == "ok"
    assert surface.create(api, timeout=tokstream.Timeout(None)).choices[0].message.content == "ok"


def test_a_timeout_is_a_value():
    timeout = tokstream.Timeout(3, total=9)
    assert timeout == tokstream.Timeout(connect=3, first_token=3, read=3, total=9)
    assert timeout != tokstream.Timeout(3)
    assert "total=9" in repr(timeout)


def test_the_clients_timeout_reads_as_it_was_given(surface):
    timeout = tokstream.Timeout(connect=1)
    assert surface.client("http://127.0.0.1:1/v1", timeout=timeout).timeout == timeout
    assert surface.client("http://127.0.0.1:1/v1", timeout=7).timeout == 7
    assert surface.client("http://127.0.0.1:1/v1", timeout=None).timeout is None
    assert surface.client("http://127.0.0.1:1/v1").timeout == tokstream.Timeout()


@pytest.mark.parametrize("value", [math.inf, 1e300, 1e18, 10**400], ids=["inf", "1e300", "1e18", "integer"])
def test_immense_times_are_no_limit(surface, client, value):
    api, _ = client(then=reply(completion("ok")))
    try:
        surface.create(api, timeout=value)
    except (OverflowError, ValueError):
        assert value == 10**400
    assert surface.create(api).choices[0].message.content == "ok"


@pytest.mark.parametrize("value", [math.nan, -1, -math.inf, "5", b"5", object, [5]], ids=repr)
def test_odd_times_are_refused(surface, client, value):
    api, server = client(reply(completion("usable")))
    with pytest.raises((ValueError, TypeError)):
        surface.create(api, timeout=value)
    with pytest.raises((ValueError, TypeError)):
        surface.client(server, timeout=value)
    with pytest.raises((ValueError, TypeError)):
        tokstream.Timeout(value)
    with pytest.raises((ValueError, TypeError)):
        tokstream.Timeout(read=value)
    assert surface.create(api).choices[0].message.content == "usable"
    assert len(server.requests) == 1


BIG = event(text("x" * 1000)) * 1000


def test_the_read_clock_stands_while_the_caller_is_busy_and_its_loop_goes_on(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, said("B")), timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    answer = surface.stream(api)
    surface.next(answer)
    # What drives the connection goes on meanwhile; this wait is the case itself.
    surface.meanwhile(lambda: time.sleep(2 * TIME))
    gate.open()
    assert surface.next(answer).choices[0].delta.content == "B"


@pytest.mark.parametrize("view", ["chunks", "text_stream", "bytes"])
def test_the_read_clock_stands_while_a_full_buffer_holds_back(surface, client, view):
    api, _ = client(stream(*[BIG] * 20, said("B")), timeout=tokstream.Timeout(read=TIME), **ONE_TRY)
    with contextlib.ExitStack() as stack:
        if view == "bytes":
            create = api.chat.completions.with_streaming_response.create
            items = stack.enter_context(surface.using(create(messages="x", stream=True))).iter_bytes()
        else:
            answer = surface.stream(api)
            items = answer.text_stream if view == "text_stream" else answer
        surface.next(items)
        # More has been sent than is read ahead; this wait is the case itself.
        surface.meanwhile(lambda: time.sleep(2 * TIME))
        rest = surface.list(items)
    if view == "bytes":
        assert rest[-1].endswith(b"data: [DONE]\n\n")
    else:
        assert len(rest) == 20_000 + (view == "chunks")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_total_ends_the_wait_before_a_retry(surface, client, streamed):
    busy = stream(b": ping\n\n", RESET) if streamed else reply(error(), 503, headers=[("Retry-After", "50")])
    policy = tokstream.RetryPolicy(initial_delay=50, max_delay=50)
    api, server = client(busy, timeout=tokstream.Timeout(total=TIME), retry=policy)
    with times_out("total"):
        surface.ask(api, streamed)
    assert len(server.requests) == 1


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_total_covers_the_connection(surface, unreachable, streamed):
    api = surface.client(unreachable, timeout=tokstream.Timeout(None, total=TIME), **ONE_TRY)
    with times_out("total"):
        surface.create(api, stream=streamed)

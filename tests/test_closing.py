"""Closing a stream, or its client, while another thread or task waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading

import pytest

import tokstream
from http2_server import JSON, Gone, Http2Server
from replies import completion, error, event, said, text
from server import PATIENCE, STALL, Reached, reply, stream

# "At once", with room for a busy machine.
AT_ONCE = 1.0
# More than fits between a server and a client that does not read.
UNREAD = [b": " + b"x" * (1 << 20) + b"\n\n"] * 32


def silent(read):
    """A stream that says A and then nothing; `read` is reached when somebody has waited for more."""
    return stream(event(text("A")), *UNREAD, read, STALL)


def streaming(surface, api):
    return surface.using(api.chat.completions.with_streaming_response.create(messages="x", stream=True))


@pytest.mark.parametrize("by_aclose", [False, True], ids=["close", "aclose"])
@pytest.mark.parametrize("view", ["chunks", "text_stream", "events", "parse"])
def test_closing_a_stream_wakes_who_waits_for_it(surface, client, view, by_aclose):
    # The sync surface has one name for it.
    close = "aclose" if by_aclose and surface.name == "async" else "close"
    read = Reached()
    api, server = client(silent(read))
    with contextlib.ExitStack() as stack:
        if view == "events":
            answer = stack.enter_context(surface.using(api.chat.completions.stream(messages="x")))
        elif view == "parse":
            answer = surface.run(stack.enter_context(streaming(surface, api)).parse())
        else:
            answer = surface.stream(api)
        items = answer.text_stream if view == "text_stream" else answer
        surface.take(items, 2 if view == "events" else 1)
        waiting = surface.begin(surface.next_of, items)
        assert surface.meanwhile(lambda: read.wait(PATIENCE))
        surface.run(getattr(answer, close)())
        ended = (tokstream.StreamTruncatedError,)
        if view == "parse":
            # It reads the comments itself, and may be at them when it is closed: it then finds nothing more.
            ended += (StopIteration, StopAsyncIteration)
        assert isinstance(surface.outcome(waiting, AT_ONCE), ended)
        assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))


@pytest.mark.parametrize("view", ["iter_bytes", "iter_lines", "iter_text"])
def test_closing_a_streaming_response_wakes_who_waits_for_it(surface, client, view):
    api, server = client(stream(event(text("A")), STALL))
    with streaming(surface, api) as response:
        items = getattr(response, view)()
        # A line, and the empty one that ends the event.
        surface.take(items, 2 if view == "iter_lines" else 1)
        waiting = surface.begin(surface.next_of, items)
        surface.run(response.close())
        # A thread that came too late to wait finds the response closed, which is its end.
        late = () if surface.name == "async" else (StopIteration,)
        assert isinstance(surface.outcome(waiting, AT_ONCE), (tokstream.TokstreamError, *late))
        assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))


WHOLE = reply(completion("never"))
# Where a call is when its client is closed; each script tells when the client has got there.
PLACES = {
    "head": lambda there: [there, STALL],
    "retry": lambda there: [*reply(error(), 429, headers=[("Retry-After", "30")]), there],
    "body": lambda there: [WHOLE[0], WHOLE[1][:50], there, STALL],
}


@pytest.mark.parametrize(
    ("place", "streamed"),
    # A stream has no whole body to wait for.
    [("head", False), ("head", True), ("retry", False), ("retry", True), ("body", False)],
)
def test_closing_a_client_ends_the_calls_in_flight(surface, client, place, streamed):
    there = Reached()
    api, server = client(PLACES[place](there))
    call = surface.begin(api.chat.completions.create, messages="x", stream=streamed)
    assert surface.meanwhile(lambda: there.wait(PATIENCE))
    surface.run(api.close())
    assert isinstance(surface.outcome(call, AT_ONCE), tokstream.ClientClosedError)
    assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))
    assert len(server.requests) == 1


@pytest.mark.parametrize("place", ["head", "body"])
def test_closing_a_client_of_http2_ends_the_calls_in_flight(surface, place):
    there = threading.Event()

    def respond(h2_stream):
        if place == "body":
            h2_stream.head(JSON)
            h2_stream.send(json.dumps(completion("never")).encode()[:50])
        there.set()
        h2_stream.was_reset.wait(PATIENCE)
        raise Gone

    with Http2Server(respond) as server:
        api = surface.client(server.url, http2="prior-knowledge")
        call = surface.begin(api.chat.completions.create, messages="x")
        assert surface.meanwhile(lambda: there.wait(PATIENCE))
        surface.run(api.close())
        assert isinstance(surface.outcome(call, AT_ONCE), tokstream.ClientClosedError)
        assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))
        assert len(server.streams) == 1


def test_a_task_that_gives_up_reading_wakes_the_others(serve):
    server = serve(stream(event(text("A")), STALL))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            answer = await api.chat.completions.create(messages="x", stream=True)
            assert (await answer.__anext__()).choices[0].delta.content == "A"
            waiting = [asyncio.ensure_future(answer.get_final_text()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            for other in waiting[1:]:
                with pytest.raises(tokstream.StreamTruncatedError):
                    await asyncio.wait_for(other, AT_ONCE)
            await answer.close()
            assert answer.is_closed
            assert api.usage.requests == 1

    asyncio.run(main())


def test_a_task_that_is_cancelled_in_the_loops_turn_gives_the_stream_up(serve):
    """A stream that always has more lets the loop have a turn now and then."""
    server = serve(stream(said(*["A"] * 1000, done=False), STALL))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            answer = await api.chat.completions.create(messages="x", stream=True)
            begun = asyncio.Event()

            async def read():
                async for _ in answer:
                    begun.set()

            reading = asyncio.ensure_future(read())
            await begun.wait()
            assert not reading.done()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert await asyncio.to_thread(server.connections[0].ended.wait, AT_ONCE)

    asyncio.run(main())

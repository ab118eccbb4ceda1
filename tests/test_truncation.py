"""Streams that end before their answer does: a cut answer never passes for a whole one."""

from __future__ import annotations

import gzip

import pytest

import tokstream
from replies import DONE, USAGE, choice, chunk, completion, error, event, finish, said, sse, text
from server import CLOSE, PATIENCE, RESET, STALL, Pause, Reached, frame, head, reply, stream

# On whichever thread a call is driven.
ALL_SURFACES = True

BEGUN = sse(text("A"), text("B"), done=False)
PACKED = gzip.compress(said("A", "B"))
EVENTS = ("Content-Type", "text/event-stream")
CHUNKED = ("Transfer-Encoding", "chunked")

# What is sent, and what of it can be read.
CUTS = {
    "in order, chunked": (stream(BEGUN), "AB"),
    "in order, by length": (stream(BEGUN, framing="length"), "AB"),
    "in order, by close": (stream(BEGUN, framing="close"), "AB"),
    "between frames": (stream(BEGUN, CLOSE), "AB"),
    "inside a frame": ([head(200, EVENTS, CHUNKED), frame(BEGUN), frame(event(text("C")))[:-20], CLOSE], "AB"),
    "inside an event": (stream(BEGUN, event(text("C"))[:-9]), "AB"),
    "short of its length": ([head(200, EVENTS, ("Content-Length", str(len(BEGUN) + 9))), BEGUN, CLOSE], "AB"),
    "reset": (stream(BEGUN, RESET), "AB"),
    "inside gzip": (stream(PACKED[:-30], headers=[("Content-Encoding", "gzip")]), None),
    "empty, chunked": (stream(b""), ""),
    "empty, by length": (stream(b"", framing="length"), ""),
    "empty, by close": (stream(framing="close"), ""),
    "comments alone": (stream(b": ping\n\n: ping\n\n"), ""),
    "one choice of two": (
        stream(sse(chunk(choice(content="A"), choice(index=1, content="B")), finish(), done=False)),
        "A",
    ),
}


@pytest.fixture(params=CUTS)
def cut(request):
    return CUTS[request.param]


def test_a_cut_is_an_error_after_all_that_arrived(surface, client, cut):
    steps, readable = cut
    api, server = client(steps, max_retries=0)
    read = ""
    try:
        answer = surface.stream(api)
        while True:
            read += surface.next(answer).choices[0].delta.content or ""
    except tokstream.StreamTruncatedError as error:
        partial = error.partial
    assert readable is None or read == readable
    if read:
        assert partial.choices[0].message.content == read
    else:
        assert partial is None or not partial.choices
    assert len(server.requests) == 1


READERS = {
    "text_stream": lambda surface, answer: surface.list(answer.text_stream),
    "final text": lambda surface, answer: surface.run(answer.get_final_text()),
    "final completion": lambda surface, answer: surface.run(answer.get_final_completion()),
}


@pytest.mark.parametrize("how", READERS)
def test_a_cut_shows_however_the_stream_is_read(surface, client, cut, how):
    api, _ = client(cut[0], max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError):
        READERS[how](surface, surface.stream(api))


ENDS = {
    "done": (sse(text("A")), []),
    "done, then reset": (sse(text("A")), [RESET]),
    "done, then close": (sse(text("A")), [CLOSE]),
    "done, then anything": (sse(text("A")) + b"data: {not json}\n\nevent: error\ndata: x\n\n", []),
    "finished": (said("A", done=False), []),
    "finished, with usage": (sse(text("A"), finish(), chunk(usage=USAGE), done=False), []),
    "finished in one": (sse(chunk(choice("stop", content="A")), done=False), []),
    "two finished": (
        sse(chunk(choice(content="A")), chunk(choice("stop", index=1)), chunk(choice("length", index=0)), done=False),
        [],
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_that_are_whole(surface, client, name):
    body, rest = ENDS[name]
    api, _ = client(stream(body, *rest), max_retries=0)
    assert surface.run(surface.stream(api).get_final_text()) == "A"


@pytest.mark.parametrize("rest", [[CLOSE], [RESET]], ids=["close", "reset"])
def test_a_finished_answer_whose_transport_broke_was_cut(surface, client, rest):
    # Whether usage or another choice was still to come nobody knows.
    api, _ = client(stream(said("A", done=False), *rest), max_retries=0)
    answer = surface.stream(api)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(answer)
    assert caught.value.partial.choices[0].message.content == "A"


@pytest.mark.parametrize("reason", [False, 0, [], {}], ids=repr)
def test_what_is_no_reason_finishes_no_choice(surface, client, reason):
    api, _ = client(stream(sse(chunk({**choice(content="A"), "finish_reason": reason}), done=False)), max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api))


def test_the_error_comes_again(surface, client):
    api, _ = client(stream(BEGUN, CLOSE), max_retries=0)
    answer = surface.stream(api)
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(answer)
    # A stream that failed does not look like one that ended well when it is asked again.
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.run(answer.get_final_completion())


def test_a_cut_before_the_first_chunk_is_tried_again(surface, client):
    policy = tokstream.RetryPolicy(initial_delay=0.01)
    api, server = client(stream(b": ping\n\n", RESET), stream(said("A")), retry=policy)
    assert surface.run(surface.stream(api).get_final_text()) == "A"
    assert len(server.requests) == 2


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("when", ["at once", "later"])
def test_surplus_bytes_are_no_reply(surface, client, when, streamed):
    """What a server sends after a reply never becomes the answer of the next request."""

    def answer(content):
        return b"".join(stream(said(content)) if streamed else reply(completion(content)))

    sent = Reached()
    surplus = [answer("A") + answer("evil")] if when == "at once" else [answer("A"), answer("evil")]
    api, server = client([*surplus, sent], [answer("B")], [answer("C")])
    assert surface.ask(api, streamed) == "A"
    assert sent.wait(10)
    assert surface.ask(api, streamed) == "B"
    assert surface.ask(api, streamed) == "C"
    assert len(server.requests) == 3


EVIL = b"".join(reply(completion("evil")))
EVIL_STREAM = b"".join(stream(said("evil")))
SAID = said("A")
# Replies with another one behind them in the same packet, and whether a stream was asked for.
FOLLOWED = {
    "an error": (b"".join(reply(error(), 400)) + EVIL, False),
    "an error for a stream": (b"".join(reply(error(), 400)) + EVIL_STREAM, True),
    "204": (head(204) + EVIL, False),
    "304": (head(304) + EVIL, False),
    "101": (head(101, ("Upgrade", "x"), ("Connection", "upgrade")) + EVIL, False),
    "after an interim one": (head(100) + b"".join(reply(completion("A"))) + EVIL, False),
    "by its length": (b"".join(stream(SAID, framing="length")) + EVIL_STREAM, True),
    "longer than it says": (head(200, EVENTS, ("Content-Length", str(len(SAID) - 4))) + SAID + EVIL_STREAM, True),
    "without its last frame": (head(200, EVENTS, CHUNKED) + frame(SAID) + EVIL_STREAM, True),
    "empty lines": (b"".join(reply(completion("A"))) + b"\r\n\r\n", False),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_follows_a_reply_of_any_kind_is_none(surface, client, name):
    sent, streamed = FOLLOWED[name]
    good = stream(said("B")) if streamed else reply(completion("B"))
    api, server = client([sent], then=good, max_retries=0)
    try:
        assert surface.ask(api, streamed) == "A"
    except tokstream.APIError:
        assert name not in ("after an interim one", "by its length", "without its last frame", "empty lines")
    assert [surface.ask(api, streamed) for _ in range(2)] == ["B", "B"]
    assert len(server.requests) == 3


def test_done_with_nothing_after_it_needs_no_finish_reason(surface, client):
    api, _ = client(stream(BEGUN, DONE))
    assert surface.run(surface.stream(api).get_final_completion()).choices[0].finish_reason is None


WITH_USAGE = sse({**text("A"), "usage": USAGE}, done=False)
ENDINGS = {
    "closed in order": [],
    "closed": [CLOSE],
    "reset": [RESET],
    "silent": [STALL],
    "an error": [sse(error())],
    "an error event": [b"event: error\ndata: It went wrong\n\n"],
    "no json": [sse("{oops}")],
    "a large event": [event(text("x" * 50_000))],
}
VIEWS = {
    "chunks": lambda surface, api: surface.list(surface.stream(api)),
    "text_stream": lambda surface, api: surface.list(surface.stream(api).text_stream),
    "final": lambda surface, api: surface.run(surface.stream(api).get_final_completion()),
    "events": lambda surface, api: read_in_block(surface, api.chat.completions.stream(messages="x")),
    "parse": lambda surface, api: read_in_block(
        surface, api.chat.completions.with_streaming_response.create(messages="x", stream=True), parsed=True
    ),
}


def read_in_block(surface, manager, *, parsed=False):
    with surface.using(manager) as answer:
        surface.list(surface.run(answer.parse()) if parsed else answer)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_error_keeps_what_came_and_its_usage(surface, client, ending, view):
    limits = tokstream.Limits(event_bytes=10_000)
    timeout = tokstream.Timeout(read=0.1)
    api, _ = client(stream(WITH_USAGE, *ENDINGS[ending]), limits=limits, timeout=timeout, max_retries=0)
    with pytest.raises(tokstream.APIError) as caught:
        VIEWS[view](surface, api)
    partial = caught.value.partial
    assert partial.choices[0].message.content == "A"
    assert partial.usage.total_tokens == USAGE["total_tokens"]


def test_a_server_that_floods_after_done_is_left(surface, client):
    def flood(_):
        yield from stream(said("A"))[:-1]
        while True:
            yield frame(b": " + b"x" * 65536 + b"\n\n")

    api, server = client(flood)
    answer = surface.stream(api)
    assert surface.list(answer.text_stream) == ["A"]
    # No call is made meanwhile, and neither the stream nor the client is gone.
    assert surface.meanwhile(lambda: server.connections[0].ended.wait(5))
    assert answer.is_closed


def test_what_follows_done_is_read_within_a_bound(surface, client):
    """A server that goes on for ever after [DONE] is left, and the next call does not wait for it."""
    sent = []

    def flood(_):
        yield from stream(said("A"))[:-1]
        while len(sent) < 10_000:
            sent.append(None)
            yield frame(b": " + b"x" * 65536 + b"\n\n")

    api, server = client(flood, stream(said("B")))
    assert surface.ask(api, True) == "A"
    assert surface.ask(api, True) == "B"
    assert surface.meanwhile(lambda: server.connections[0].ended.wait(PATIENCE))
    assert [request.connection for request in server.requests] == [0, 1]
    # What lies in the buffers of both systems, far below what there is.
    assert len(sent) < 1000


@pytest.mark.parametrize("rest", [[], [b": one more comment\n\n"]], ids=["the end alone", "a comment"])
def test_a_body_that_ends_a_little_after_done_gives_its_connection_back(surface, client, rest):
    api, server = client(then=stream(said("A"), Pause(0.02), *rest))
    for _ in range(3):
        assert surface.ask(api, True) == "A"
        # Only the client knows when it has read the rest; this wait is far longer than that takes.
        surface.meanwhile(lambda: Reached().wait(0.3))
    assert [request.connection for request in server.requests] == [0] * 3

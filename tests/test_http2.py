"""HTTP/2: streams share connections, which live on while nobody waits, and none holds up another."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import h2.errors
import pytest

import tokstream
from http2_server import JSON, Gone, Http2Server
from replies import completion, event, said, sse, text

WHOLE = json.dumps(completion("ok")).encode()
# How long something that must come may take on a busy machine.
PATIENCE = 10


@pytest.fixture
def serve2():
    """Starts HTTP/2 servers, which stop when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda respond, **options: stack.enter_context(Http2Server(respond, **options))


def answer(stream):
    """Answers as it is asked."""
    if json.loads(stream.body or b"{}").get("stream"):
        stream.answer(said("o", "k"))
    else:
        stream.answer(WHOLE, JSON)


def halves(gate):
    """Answers with A, and with B when the gate is open."""

    def respond(stream):
        stream.head()
        stream.send(event(text("A")))
        assert gate.wait(PATIENCE)
        stream.send(said("B"))
        stream.end()

    return respond


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_requests_one_after_another_use_one_connection(surface, serve2, authority, streamed, tls):
    server = serve2(answer, tls=authority.server(protocols=["h2", "http/1.1"]) if tls else None)
    api = surface.client(server.url, verify=authority.file, http2=True if tls else "prior-knowledge")
    for _ in range(5):
        assert surface.ask(api, streamed) == "ok"
    if streamed:
        assert surface.stream(api).response.http_version == "HTTP/2"
    assert len(server.connections) == 1


def test_streams_share_a_connection(surface, serve2):
    gate = threading.Event()

    server = serve2(halves(gate))
    api = surface.client(server.url, http2="prior-knowledge")
    answers = [surface.stream(api).text_stream for _ in range(20)]
    assert [surface.next(answer) for answer in answers] == ["A"] * 20
    gate.set()
    assert [surface.list(answer) for answer in answers] == [["B"]] * 20
    (connection,) = server.connections
    assert connection.most_at_once == 20


def test_the_first_calls_share_a_connection(surface, serve2, authority):
    gate = threading.Event()

    server = serve2(halves(gate), tls=authority.server(protocols=["h2", "http/1.1"]))
    api = surface.client(server.url, verify=authority.file, http2=True)
    asked = [surface.begin(api.chat.completions.create, messages="x", stream=True) for _ in range(20)]
    answers = [surface.outcome(one).text_stream for one in asked]
    assert [surface.next(answer) for answer in answers] == ["A"] * 20
    gate.set()
    assert [surface.list(answer) for answer in answers] == [["B"]] * 20
    assert [connection.most_at_once for connection in server.connections] == [20]


@pytest.mark.parametrize("code", ["NO_ERROR", "INTERNAL_ERROR"])
@pytest.mark.parametrize("sent", [WHOLE[:20], WHOLE + b" "], ids=["begun", "all but a space"])
def test_a_reply_that_is_reset_short_of_its_length_is_an_error(surface, serve2, sent, code):
    def respond(stream):
        if b"short" in stream.body:
            stream.head(JSON, length=len(WHOLE) + 2)
            stream.send(sent)
            stream.reset(h2.errors.ErrorCodes[code])
        else:
            answer(stream)

    server = serve2(respond)
    api = surface.client(server.url, http2="prior-knowledge", max_retries=0)
    with pytest.raises(tokstream.APIConnectionError):
        surface.create(api, messages="short")
    assert surface.ask(api, False) == "ok"


def shut(stream):
    # A client that has left was faster.
    with contextlib.suppress(OSError):
        stream.connection.sock.shutdown(socket.SHUT_RDWR)


def go_away(stream):
    stream.connection.do(lambda link: link.close_connection(h2.errors.ErrorCodes.INTERNAL_ERROR, last_stream_id=0))
    shut(stream)


# How a stream ends, and whether it is a proper end.
ENDINGS = {
    "ended": (lambda stream: stream.end(), True),
    "reset": (lambda stream: stream.reset(h2.errors.ErrorCodes.INTERNAL_ERROR), False),
    # It ends no stream: that is said by END_STREAM alone.
    "reset without an error": (lambda stream: stream.reset(h2.errors.ErrorCodes.NO_ERROR), False),
    "cancelled": (lambda stream: stream.reset(h2.errors.ErrorCodes.CANCEL), False),
    "no frame": (lambda stream: stream.connection.sock.sendall(b"\x00garbage" * 100), False),
    "gone": (shut, False),
    "going": (go_away, False),
}
# What has been said until then, and whether it is whole where the end is proper, and in any case.
SAID = {
    "nothing": (b"", False, False),
    "begun": (sse(text("A"), done=False), False, False),
    "finished": (said("A", done=False), True, False),
    "done": (said("A"), True, True),
}


@pytest.mark.parametrize("begun", SAID)
@pytest.mark.parametrize("how", ENDINGS)
def test_how_a_stream_ends(surface, serve2, how, begun):
    end, is_proper = ENDINGS[how]
    body, whole_if_proper, whole_anyhow = SAID[begun]

    def respond(stream):
        if b"usable" in stream.body:
            return answer(stream)
        stream.head()
        stream.send(body)
        return end(stream)

    server = serve2(respond)
    api = surface.client(server.url, http2="prior-knowledge", max_retries=0)
    words = surface.stream(api).text_stream
    if body:
        assert surface.next(words) == "A"
    if whole_anyhow or (is_proper and whole_if_proper):
        assert surface.list(words) == []
    else:
        with pytest.raises(tokstream.StreamTruncatedError) as caught:
            surface.next(words)
        assert not body or caught.value.partial.choices[0].message.content == "A"
    assert surface.ask(api, False, messages="usable") == "ok"


def test_a_limit_of_streams_does_not_hold_calls_up(surface, serve2):
    gate = threading.Event()

    server = serve2(halves(gate), most_streams=100)
    api = surface.client(server.url, http2="prior-knowledge")
    answers = [surface.stream(api).text_stream for _ in range(250)]
    assert [surface.next(answer) for answer in answers] == ["A"] * 250
    gate.set()
    assert [surface.list(answer) for answer in answers] == [["B"]] * 250
    assert [connection.most_at_once for connection in server.connections] == [100, 100, 50]


def test_a_paused_stream_starves_no_other(surface, serve2):
    # More of them than would fit into a window that all streams of a connection share.
    flood = event(text("x" * 1000)) * 1000

    def respond(stream):
        if b"paused" in stream.body:
            stream.head()
            with contextlib.suppress(Gone):
                while True:
                    stream.send(flood)
        answer(stream)

    server = serve2(respond)
    api = surface.client(server.url, http2="prior-knowledge")
    paused = [surface.stream(api, messages="paused") for _ in range(20)]
    for one in paused:
        surface.next(one)
    for _ in range(3):
        assert surface.ask(api, True) == "ok"
    assert len(server.connections) == 1
    for one in paused:
        surface.run(one.close())


def test_an_idle_connection_answers_pings(surface, serve2):
    server = serve2(answer)
    api = surface.client(server.url, http2="prior-knowledge")
    assert surface.ask(api, False) == "ok"
    (connection,) = server.connections
    assert connection.ping()
    assert surface.ask(api, False) == "ok"
    assert len(server.connections) == 1


def test_an_idle_connection_notices_its_end(surface, serve2):
    server = serve2(answer)
    api = surface.client(server.url, http2="prior-knowledge", max_retries=0)
    assert surface.ask(api, True) == "ok"
    server.connections[0].go_away()
    # The client leaves by itself, with no call that would make it look.
    assert server.connections[0].ended.wait(PATIENCE)
    assert surface.ask(api, True) == "ok"
    assert len(server.connections) == 2


@pytest.mark.parametrize("how", ["close", "drop", "break"])
def test_a_stream_that_is_given_up_is_reset_and_its_connection_lives(surface, serve2, how):
    def respond(stream):
        if b"silent" in stream.body:
            stream.head()
            stream.send(event(text("A")))
            assert stream.was_reset.wait(PATIENCE)
            raise Gone
        answer(stream)

    server = serve2(respond)
    api = surface.client(server.url, http2="prior-knowledge")
    silent = surface.stream(api, messages="silent")
    if how == "break":
        assert surface.first(silent).choices[0].delta.content == "A"
    if how == "close":
        surface.run(silent.close())
    del silent
    assert surface.ask(api, False) == "ok"
    (connection,) = server.connections
    assert connection.streams[1].was_reset.wait(PATIENCE)


def test_closing_the_client_ends_its_streams(surface, serve2):
    def respond(stream):
        stream.head()
        stream.send(sse(text("A"), done=False))
        assert stream.was_reset.wait(PATIENCE) or stream.connection.ended.is_set()

    server = serve2(respond)
    api = surface.client(server.url, http2="prior-knowledge")
    silent = surface.stream(api)
    surface.next(silent)
    surface.run(api.close())
    assert server.connections[0].ended.wait(PATIENCE)


def test_calls_beyond_the_servers_limit_wait(surface, serve2):
    server = serve2(answer, most_streams=10)
    api = surface.client(server.url, http2="prior-knowledge", max_retries=0)
    assert surface.ask(api, False) == "ok"
    assert [answer.choices[0].message.content for answer in surface.at_once(api, 60)] == ["ok"] * 60
    (connection,) = server.connections
    assert connection.most_at_once <= 10


def test_the_clocks_of_a_silent_stream(surface, serve2):
    def respond(stream):
        stream.head()
        if b"silent" not in stream.body:
            stream.send(event(text("A")))
        assert stream.was_reset.wait(PATIENCE)

    server = serve2(respond)
    clocks = tokstream.Timeout(first_token=0.3, read=0.3)
    api = surface.client(server.url, http2="prior-knowledge", timeout=clocks, max_retries=0)
    for messages, phase in (("silent", "first_token"), ("A", "read")):
        begun = time.monotonic()
        with pytest.raises(tokstream.APITimeoutError) as caught:
            surface.list(surface.stream(api, messages=messages))
        assert caught.value.phase == phase
        assert 0.28 < time.monotonic() - begun < 1


@pytest.mark.parametrize(("size", "count"), [(1000, 20), (20_000, 24), (500, 800)], ids=["within", "long", "many"])
def test_a_head_beyond_its_bound(surface, serve2, size, count):
    def respond(stream):
        headers = [(":status", "200"), ("content-type", JSON), *((f"x-{n}", "y" * size) for n in range(count))]
        stream.connection.do(lambda h2: h2.send_headers(stream.number, headers))
        stream.send(WHOLE)
        stream.end()

    api = surface.client(serve2(respond).url, http2="prior-knowledge", max_retries=0, timeout=PATIENCE)
    if size * count < 100_000:
        assert surface.ask(api, False) == "ok"
        return
    with pytest.raises(tokstream.APIConnectionError, match="head of the reply may be larger"):
        surface.ask(api, False)

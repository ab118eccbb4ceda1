"""What a network, a proxy or a server that speaks no HTTP does wrong, as the caller sees it."""

from __future__ import annotations

import json

import pytest

import tokstream
from replies import completion, event, sse, text
from server import CLOSE, RESET, frame, head, reply, stream


def connection_error(surface, url, **options):
    api = surface.client(url, max_retries=0, **options)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    got = caught.value
    assert isinstance(got, ConnectionError)
    assert isinstance(got, tokstream.APIError)
    assert got.body is None
    assert got.request.method == "POST"
    return got


def test_refused(surface, closed_port):
    got = connection_error(surface, f"http://127.0.0.1:{closed_port}/v1")
    assert got.cause == "refused"
    assert "refused" in str(got).lower()
    assert str(closed_port) in str(got)


def test_a_name_without_an_address(surface):
    got = connection_error(surface, "http://no-such-host.invalid/v1")
    assert got.cause == "dns"
    assert "no-such-host.invalid" in str(got)


def test_tls_where_there_is_none(surface, serve):
    server = serve(on_accept=lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    got = connection_error(surface, f"https://127.0.0.1:{server.port}/v1")
    assert got.cause == "tls"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_reset_before_the_reply(surface, client, streamed):
    api, _ = client([RESET], reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api, stream=streamed)
    assert caught.value.cause == "reset"
    assert surface.create(api).choices[0].message.content == "usable"


def test_closed_before_the_reply(surface, client):
    api, _ = client([CLOSE], reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert caught.value.cause == "reset"
    assert surface.create(api).choices[0].message.content == "usable"


def test_reset_in_mid_stream(surface, client):
    api, server = client(stream(event(text("A")), RESET), reply(completion("usable")))
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.next(answer)
    assert caught.value.partial.choices[0].message.content == "A"
    # What was handed out is never asked for again.
    assert len(server.requests) == 1
    assert surface.create(api).choices[0].message.content == "usable"


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x00" * 64,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    ],
    ids=["ssh", "zeros", "status", "header"],
)
def test_a_server_that_does_not_speak_http(surface, client, garbage):
    api, _ = client([garbage, CLOSE], max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert caught.value.cause == "protocol"


def test_headers_without_end(surface, client):
    api, _ = client([b"HTTP/1.1 200 OK\r\n", *([b"X-Long: " + b"y" * 65536 + b"\r\n"] * 64), CLOSE], max_retries=0)
    with pytest.raises(tokstream.APIError):
        surface.create(api)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("headers", [[("X-Long", "y" * 60_000)], [("X-More", "y" * 250)] * 200], ids=["one", "many"])
def test_a_long_head_is_read(surface, client, headers, streamed):
    whole, said = reply(completion("usable"), headers=headers), stream(sse(text("usable")), headers=headers)
    api, _ = client(said if streamed else whole, max_retries=0)
    assert surface.ask(api, streamed) == "usable"


HEADS = {
    "one of 200 KB": reply(completion("unread"), headers=[("X-Long", "y" * 200_000)]),
    "one header": [b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"y" * 65536] * 64, b"\r\n\r\n", CLOSE],
    "many": [b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n" * 10_000, b"\r\n", CLOSE],
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", HEADS)
def test_a_head_over_its_bounds_is_named(surface, client, kind, streamed):
    api, _ = client(HEADS[kind], reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError, match="head is too large") as caught:
        surface.ask(api, streamed)
    assert caught.value.cause == "protocol"
    assert surface.ask(api, False) == "usable"


def test_trailers_are_bounded(surface, client):
    sent = [head(200, ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"))]
    sent += [frame(json.dumps(completion()).encode()), b"0\r\n", *[b"X-Trailer: " + b"y" * 1000 + b"\r\n"] * 3000]
    api, _ = client([*sent, b"\r\n"], max_retries=0)
    with pytest.raises(tokstream.APIConnectionError, match="trailers"):
        surface.create(api)


def test_the_partial_of_a_cut_stream_keeps_its_usage(surface, client):
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    api, _ = client(stream(event({**text("A"), "usage": usage}), CLOSE), max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(surface.stream(api))
    assert caught.value.partial.usage.total_tokens == 3

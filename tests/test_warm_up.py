"""`warm_up()`: a connection that is there before it is needed."""

from __future__ import annotations

import pytest

import tokstream
from replies import completion, said
from server import STALL, Gate, reply, stream

ALL_SURFACES = True
OK = reply(completion("ok"))


def answered(status=200):
    """A reply to HEAD, which has no body."""
    return reply(b"", status=status)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [200, 401, 404, 405])
def test_the_next_request_finds_a_connection(surface, client, status, streamed):
    api, server = client(answered(status), stream(said("ok")) if streamed else OK, max_retries=0)
    assert surface.run(api.warm_up()) is None
    assert surface.ask(api, streamed) == "ok"
    warming, request = server.requests
    assert (warming.method, warming.path, warming.body) == ("HEAD", "/v1/openai/", b"")
    assert warming.header("authorization") is None
    assert request.header("authorization") is not None
    assert len(server.connections) == 1
    # It is no request of anybody's.
    assert api.usage.requests == 1


def test_a_connection_over_tls(surface, serve, authority):
    server = serve(answered(), stream(said("ok")), tls=authority.server())
    api = surface.client(server, verify=authority.file)
    surface.run(api.warm_up())
    answer = surface.stream(api)
    assert surface.list(answer.text_stream) == ["ok"]
    assert answer.timings.connect == 0
    assert len(server.connections) == 1


def test_no_key_is_asked_for(surface, client):
    asked = []
    api, _ = client(answered(), api_key=lambda: asked.append(1) or "k")
    asked.clear()
    surface.run(api.warm_up())
    assert asked == []


def test_a_server_that_is_not_there(surface):
    api = surface.client("http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.run(api.warm_up())
    assert caught.value.cause == "refused"


def test_a_server_that_says_nothing(surface, client):
    gate = Gate()
    api, _ = client([STALL], [gate, *answered()], max_retries=0)
    with pytest.raises(tokstream.APITimeoutError):
        surface.run(api.warm_up(timeout=0.1))
    gate.open()
    surface.run(api.warm_up())


def test_a_closed_client(surface, client):
    api, _ = client()
    surface.run(api.close())
    with pytest.raises(tokstream.ClientClosedError):
        surface.run(api.warm_up())

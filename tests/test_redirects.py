"""Redirects: followed to the same origin with method and body kept, and nowhere else."""

from __future__ import annotations

import pytest

import tokstream
from replies import HELLO, completion, said
from server import STALL, head, reply, stream

OK = reply(completion("ok"))
ELSEWHERE = [301, 302, 303, 307, 308]


def moved(status, location):
    return [head(status, ("Location", location), ("Content-Length", "0"))]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_to_the_same_origin(surface, serve, status, absolute, streamed):
    server = serve(
        lambda request: moved(status, (server.origin if absolute else "") + "/v2/chat?x=1"),
        stream(said("ok")) if streamed else OK,
    )
    api = surface.client(server)
    assert surface.ask(api, streamed, messages=HELLO) == "ok"
    first, second = server.requests
    assert second.target == "/v2/chat?x=1"
    assert (second.method, second.body) == (first.method, first.body)
    assert second.all("authorization") == first.all("authorization")


def test_the_connection_is_used_again(surface, client):
    api, server = client(moved(307, "/v2/chat"), OK)
    assert surface.ask(api, False) == "ok"
    assert len(server.connections) == 1


def test_a_body_that_does_not_end_is_not_waited_for(surface, client):
    endless = reply("x", 307, headers=[("Location", "/v2/chat")])
    endless[0] = endless[0].replace(b"Content-Length: 1", b"Content-Length: 1000000")
    api, server = client([*endless, STALL], OK)
    assert surface.ask(api, False) == "ok"
    assert len(server.connections) == 2


@pytest.mark.parametrize("status", ELSEWHERE)
def test_the_key_goes_to_no_other_origin(surface, serve, status):
    other = serve()
    server = serve(moved(status, other.url + "/chat/completions"), OK)
    api = surface.client(server, max_retries=0)
    with pytest.raises(tokstream.APIError) as caught:
        surface.create(api)
    assert caught.value.status_code == status
    assert other.requests == []
    assert surface.create(api).choices[0].message.content == "ok"


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://[::1", "//"])
def test_locations_that_lead_nowhere(surface, client, location):
    api, server = client(moved(307, location), max_retries=0)
    with pytest.raises(tokstream.APIError):
        surface.create(api)
    assert len(server.requests) == 1


def test_down_to_http_is_refused(surface, serve, authority):
    plain = serve()
    server = serve(moved(307, plain.url), tls=authority.server())
    with pytest.raises(tokstream.APIError):
        surface.create(surface.client(server, verify=authority.file, max_retries=0))
    assert plain.requests == []


def test_circles_end(surface, client):
    api, server = client(then=moved(307, "/v1/openai/chat/completions"), max_retries=0)
    with pytest.raises(tokstream.APIError):
        surface.create(api)
    assert len(server.requests) < 50


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [300, 301, 302, 303])
def test_what_would_change_the_method_is_not_followed(surface, serve, status, streamed):
    server = serve(lambda request: moved(status, server.origin + "/v2/chat"))
    with pytest.raises(tokstream.APIStatusError, match="redirect") as caught:
        surface.ask(surface.client(server, max_retries=0), streamed)
    assert caught.value.status_code == status
    assert len(server.requests) == 1


OTHER_ORIGINS = {
    "another port": lambda origin: origin.rpartition(":")[0] + ":9/v1",
    "another name": lambda origin: origin.replace("127.0.0.1", "localhost") + "/v1",
    "up to https": lambda origin: origin.replace("http:", "https:") + "/v1",
    "no scheme": lambda origin: "//localhost:9/v1",
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("where", OTHER_ORIGINS)
def test_an_origin_is_scheme_name_and_port(surface, serve, where, streamed):
    server = serve(lambda request: moved(308, OTHER_ORIGINS[where](server.origin)))
    with pytest.raises(tokstream.APIStatusError) as caught:
        surface.ask(surface.client(server, max_retries=0), streamed)
    assert caught.value.status_code == 308
    assert len(server.connections) == len(server.requests) == 1

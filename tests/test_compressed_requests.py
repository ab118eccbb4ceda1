"""Bodies of requests in gzip, when asked."""

from __future__ import annotations

import gzip
import json
import pickle

import pytest

import tokstream
from replies import completion, error, said
from server import reply, stream

OK = reply(completion("ok"))
LONG = "Grüß Gott! " * 5000


def body_of(request):
    packed = request.header("content-encoding") == "gzip"
    return json.loads(gzip.decompress(request.body) if packed else request.body), packed


SENT = {
    "off": (False, LONG, False),
    "on": (True, LONG, True),
    "on, short": (True, "short", False),
    "always": (0, "short", True),
    "below": (1000, "x" * 800, False),
    "above": (1000, "x" * 1001, True),
}


@pytest.mark.parametrize("case", SENT)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_is_sent(surface, client, case, streamed):
    setting, text, packed = SENT[case]
    api, server = client(stream(said("ok")) if streamed else OK, compress_requests=setting)
    assert surface.ask(api, streamed, messages=text) == "ok"
    sent, is_packed = body_of(server.request)
    assert sent["messages"] == [{"role": "user", "content": text}]
    assert is_packed is packed
    assert server.request.header("content-type") == "application/json"
    if text is LONG and packed:
        assert len(server.request.body) < len(text) / 10


def test_it_is_off_by_default(surface, client):
    api, server = client(OK)
    surface.create(api, messages=LONG)
    assert server.request.header("content-encoding") is None


def test_a_retry_sends_the_same(surface, client):
    api, server = client(reply(error("busy"), 503, headers=[("retry-after-ms", "1")]), OK, compress_requests=True)
    surface.create(api, messages=LONG)
    first, second = server.requests
    assert first.body == second.body
    assert body_of(second)[1]


def test_a_coding_of_ones_own_is_left_alone(surface, client):
    api, server = client(reply({"a": 1}), compress_requests=0)
    packed = gzip.compress(b'{"a": 1}')
    surface.run(api.post("/route", body=packed, extra_headers={"Content-Encoding": "gzip"}))
    assert server.request.body == packed


def test_other_clients_of_it(surface, client):
    api, server = client(then=OK, compress_requests=True)
    copied = pickle.loads(pickle.dumps(api))
    for other in (api.with_options(timeout=5), copied):
        surface.create(other, messages=LONG)
    surface.run(copied.close())
    surface.create(api.with_options(compress_requests=False), messages=LONG)
    assert [body_of(request)[1] for request in server.requests] == [True, True, False]


@pytest.mark.parametrize("setting", ["yes", -1, 1.5, None, [1]], ids=repr)
def test_odd_settings(surface, setting):
    with pytest.raises(tokstream.ConfigurationError, match="compress_requests"):
        surface.client(compress_requests=setting)

"""What a stream tells of its times, and how fast its tokens came."""

from __future__ import annotations

import pickle

import pytest

from replies import USAGE, chunk, event, finish, said, sse, text
from server import Gate, Pause, stream


def test_timings(surface, client):
    gate = Gate()
    api, _ = client(stream(said("A", "B", done=False), gate, sse(chunk(usage=USAGE))))
    answer = surface.stream(api)
    surface.take(answer, 1)
    assert answer.timings.first_token is not None
    gate.open()
    surface.list(answer)
    timings = answer.timings
    assert 0 <= timings.connect <= timings.first_token <= timings.total < 60
    assert timings.tokens_per_second > 0
    assert timings.retries == 0


def test_timings_are_a_value(surface, client):
    api, _ = client(stream(said("A")))
    answer = surface.stream(api)
    surface.list(answer)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(answer.timings, protocol)) == answer.timings


def test_timings_before_the_first_token(surface, client):
    gate = Gate()
    api, _ = client(stream(gate, said("A")))
    answer = surface.stream(api)
    begun = answer.timings
    assert (begun.first_token, begun.tokens_per_second, begun.retries) == (None, None, 0)
    assert 0 < begun.connect <= begun.total
    gate.open()
    surface.list(answer)
    # The clock stands once the stream has ended.
    assert answer.timings == answer.timings
    assert answer.timings.total > begun.total


def test_a_kept_connection_takes_no_time_to_connect(surface, client):
    api, server = client(then=stream(said("A")))
    first = surface.stream(api)
    surface.list(first)
    second = surface.stream(api)
    surface.list(second)
    assert len(server.connections) == 1
    assert first.timings.connect > 0
    assert second.timings.connect == 0


@pytest.mark.parametrize("usage", [USAGE, None], ids=["usage", "chunks"])
def test_tokens_per_second(surface, client, usage):
    pause = 0.2
    api, _ = client(stream(event(text("A")), Pause(pause), sse(text("B"), finish(usage=usage))))
    answer = surface.stream(api)
    surface.list(answer)
    timings = answer.timings
    tokens = USAGE["completion_tokens"] if usage else 3
    assert timings.total - timings.first_token >= pause * 0.9
    assert (tokens - 1) / (timings.total - timings.first_token) <= timings.tokens_per_second <= tokens / (pause * 0.9)

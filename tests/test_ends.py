"""Ends of streams that are read in other ways than by their chunks, and what is counted of them."""

from __future__ import annotations

import pytest

import tokstream
from replies import choice, chunk, event, finish, said, sse, text
from server import CLOSE, RESET, Gate, stream

BEGUN = {"choices": [{"index": 0, "delta": {"content": "A"}, "finish_reason": None}]}


@pytest.mark.parametrize("ending", [CLOSE, RESET], ids=["close", "reset"])
def test_what_follows_done_cuts_no_stream_that_is_parsed(surface, client, ending):
    gate = Gate()
    api, server = client(stream(said("A", "B"), gate, ending))
    with surface.using(api.chat.completions.with_streaming_response.create(messages="x", stream=True)) as response:
        answer = surface.run(response.parse())
        assert surface.next(answer.text_stream) == "A"
        # The connection ends while the caller is busy with what has come.
        gate.open()
        assert surface.meanwhile(lambda: server.connections[0].ended.wait(10))
        assert surface.list(answer.text_stream) == ["B"]


@pytest.mark.parametrize("sent", [event(BEGUN), b""], ids=["begun", "empty"])
def test_another_route_whose_stream_is_no_whole_answer(surface, client, sent):
    api, _ = client(stream(sent), max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.run(api.post("/route", body={}, cast_to=dict, stream=True)))


def test_another_route_may_end_its_stream_in_its_own_way(surface, client):
    api, _ = client(stream(event({"type": "a"}), event({"type": "b"})))
    items = surface.list(surface.run(api.post("/route", body={}, cast_to=dict, stream=True)))
    assert [item["type"] for item in items] == ["a", "b"]


def test_of_one_token_there_is_no_rate(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, sse(chunk(choice(content="B")), finish())))
    answer = surface.stream(api)
    surface.next(answer)
    assert answer.timings.tokens_per_second is None
    gate.open()
    surface.list(answer)
    assert answer.timings.tokens_per_second > 0

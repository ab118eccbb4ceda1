"""`client.usage`: running totals of what a client has asked for; and sums of the usages of several requests."""

from __future__ import annotations

import dataclasses
import gc
import threading

import pytest

import tokstream
from replies import USAGE, chunk, completion, error, event, finish, said, sse, text
from server import CLOSE, STALL, reply, stream
from tokstream._usage import added


def totals(api):
    usage = api.usage
    return (
        usage.requests,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        round(usage.estimated_cost, 12),
    )


ONE = (15, 16, 31, 0.0000268)


def times(count, requests=None):
    return (count if requests is None else requests, *(round(value * count, 12) for value in ONE))


def test_begins_at_nothing(surface, client):
    api, _ = client()
    assert totals(api) == (0, 0, 0, 0, 0.0)


def test_adds_up_whole_replies(surface, client):
    api, _ = client(then=reply(completion("ok")))
    for count in range(1, 4):
        surface.create(api)
        assert totals(api) == times(count)


@pytest.mark.parametrize(
    "chunks",
    [
        [finish(usage=USAGE)],
        [finish(), chunk(usage=USAGE)],
        [finish(usage=USAGE), chunk(usage=USAGE)],
        [chunk(usage={**USAGE, "total_tokens": 1}), finish(usage=USAGE)],
    ],
    ids=["finish", "extra", "both", "every"],
)
def test_adds_up_streams_once(surface, client, chunks):
    api, _ = client(then=stream(sse(text("A"), *chunks)))
    for count in range(1, 3):
        surface.list(surface.stream(api))
        assert totals(api) == times(count)


def test_a_reply_without_usage_is_a_request(surface, client):
    api, _ = client(reply(completion("ok", usage=None)), stream(said("ok")))
    surface.create(api)
    surface.list(surface.stream(api))
    assert totals(api) == (2, 0, 0, 0, 0.0)


def test_usage_without_cost(surface, client):
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    api, _ = client(reply(completion("ok", usage=usage)))
    surface.create(api)
    assert totals(api) == (1, 1, 2, 3, 0.0)


def test_usage_of_a_stream_that_was_cut_counts(surface, client):
    api, _ = client(stream(sse(chunk({"index": 0, "delta": {"content": "A"}}, usage=USAGE), done=False), CLOSE))
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api))
    assert totals(api)[1:] == times(1)[1:]


def test_a_stream_that_is_dropped_is_a_request_as_one_that_is_closed(surface, client):
    api, _ = client(then=stream(event(text("A")), STALL))
    for count, drop in enumerate((False, True), 1):
        answer = surface.stream(api)
        surface.take(answer, 1)
        if not drop:
            surface.run(answer.close())
        del answer
        gc.collect()
        assert totals(api)[0] == count


def test_failed_requests_cost_nothing(surface, client):
    api, _ = client(reply(error("no"), 400))
    with pytest.raises(tokstream.BadRequestError):
        surface.create(api)
    assert totals(api)[1:] == (0, 0, 0, 0.0)


def test_embeddings_and_completions_count(surface, client):
    api, _ = client(
        reply({"object": "list", "data": [], "usage": {"prompt_tokens": 4, "total_tokens": 4}}),
        reply({"id": "c", "choices": [], "usage": USAGE}),
    )
    surface.run(api.embeddings.create(model="m", input="a"))
    assert totals(api) == (1, 4, 0, 4, 0.0)
    surface.run(api.completions.create(prompt="p"))
    assert totals(api) == (2, 19, 16, 35, 0.0000268)


def test_copies_share_the_totals(surface, client):
    # They share the pool and the bill.
    api, _ = client(then=reply(completion("ok")))
    surface.create(api.with_options(max_retries=0))
    surface.create(api)
    assert totals(api) == times(2)


def test_odd_usage_does_no_harm(surface, client):
    odd = [
        {},
        {"prompt_tokens": None},
        {"prompt_tokens": "x"},
        {"total_tokens": -1},
        [],
        "text",
        {"estimated_cost": "x"},
    ]
    api, _ = client(*(reply(completion("ok", usage=usage)) for usage in odd))
    for _ in odd:
        assert surface.create(api).choices[0].message.content == "ok"
    assert api.usage.requests == len(odd)


def test_totals_from_many_threads(serve):
    server = serve(then=reply(completion("ok")))
    with tokstream.Client(base_url=server.url) as api:
        threads = [
            threading.Thread(target=lambda: [api.chat.completions.create(messages="x") for _ in range(10)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert totals(api) == times(80)


def test_shows_itself(surface, client):
    api, _ = client(reply(completion("ok")))
    surface.create(api)
    assert "31" in repr(api.usage)


@pytest.mark.parametrize(
    ("one", "other", "total"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": None, "c": 5}, {"a": 2.5, "b": 3, "c": None}, {"a": 3.5, "b": 3, "c": 5}),
        ({"a": {"x": 1}, "b": None}, {"a": {"x": 2, "y": 3}, "b": None}, {"a": {"x": 3, "y": 3}, "b": None}),
        ({"a": True, "b": "x"}, {"a": True, "b": "y"}, {"a": True, "b": "y"}),
    ],
)
def test_sums_of_usages(one, other, total):
    assert added(one, other) == total


@dataclasses.dataclass
class Answer:
    x: int


@pytest.mark.parametrize("odd", ["many", [1], 3, {"prompt_tokens": "x", "completion_tokens_details": "none"}], ids=str)
@pytest.mark.parametrize("work", ["parse", "run_tools", "auto_continue", "conversation"])
def test_odd_usage_does_no_harm_to_work_of_several_requests(surface, client, work, odd):
    asks = {"id": "c", "type": "function", "function": {"name": "found", "arguments": "{}"}}
    first = completion("{", usage=odd, message={"tool_calls": [asks]} if work == "run_tools" else {})
    if work == "auto_continue":
        first["choices"][0]["finish_reason"] = "length"
    api, server = client(reply(first), reply(completion('{"x": 1}')))
    completions, conversation = api.chat.completions, api.conversation()

    def found() -> str:
        return "it"

    if work == "parse":
        done = surface.run(completions.parse(messages="?", response_format=Answer, max_reasks=1))
    elif work == "run_tools":
        done = surface.run(completions.run_tools("?", tools=[found]))
    elif work == "auto_continue":
        done = surface.run(completions.create(messages="?", auto_continue=True))
    else:
        surface.run(conversation.send("?"))
        done = surface.run(conversation.send("?"))
    assert len(server.requests) == 2
    assert done.usage.completion_tokens == USAGE["completion_tokens"]
    assert done.usage.estimated_cost == USAGE["estimated_cost"]

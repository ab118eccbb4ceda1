"""`max_cost`: a request that would go past the limit is not sent; calls under way count with what they may cost."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle

import pytest

import tokstream
from replies import chunk, completion, error, event, finish, sse, text
from server import STALL, reply, stream

COST = 0.25


def usage(cost=COST, completion_tokens=10):
    return {
        "prompt_tokens": 5,
        "completion_tokens": completion_tokens,
        "total_tokens": 5 + completion_tokens,
        "estimated_cost": cost,
    }


ONE = reply(completion("ok", usage=usage()))
MODELS = {
    "object": "list",
    "data": [
        {"id": "m", "object": "model", "metadata": {"pricing": {"input_tokens": 0.0, "output_tokens": 1000.0}}},
        {"id": "odd", "object": "model", "metadata": {"pricing": None}},
    ],
}


def test_the_request_after_the_limit_is_not_sent(surface, serve):
    server = serve(then=ONE)
    api = surface.client(server, max_cost=3 * COST)
    for _ in range(3):
        surface.create(api)
    with pytest.raises(tokstream.BudgetExceededError, match=r"not sent. Raise max_cost$") as caught:
        surface.create(api)
    assert (caught.value.limit, caught.value.spent) == (3 * COST, 3 * COST)
    assert len(server.requests) == 3


def test_streams_and_other_routes_are_counted_and_refused(surface, serve):
    server = serve(
        stream(sse(text("A"), finish(usage=usage()))),
        reply({"object": "list", "data": [], "usage": {"prompt_tokens": 4, "total_tokens": 4, "estimated_cost": COST}}),
    )
    api = surface.client(server, max_cost=2 * COST)
    surface.list(surface.stream(api))
    surface.run(api.embeddings.create(model="m", input="a"))
    for refused in (
        lambda: surface.stream(api),
        lambda: surface.run(api.embeddings.create(model="m", input="a")),
        lambda: surface.run(api.completions.create(prompt="p")),
        lambda: surface.run(api.post("/other", body={})),
        lambda: surface.run(api.chat.completions.with_raw_response.create(messages="x")),
    ):
        with pytest.raises(tokstream.BudgetExceededError):
            refused()


def test_what_costs_nothing_is_still_sent(surface, serve):
    server = serve(ONE, then=reply(MODELS))
    api = surface.client(server, max_cost=COST)
    surface.create(api)
    assert surface.run(api.models.list()).data[0].id == "m"


def test_nothing_may_be_spent(surface, serve):
    api = surface.client(serve(), max_cost=0)
    with pytest.raises(tokstream.BudgetExceededError):
        surface.create(api)


def test_an_error_of_the_server_costs_nothing(surface, serve):
    server = serve(reply(error("no"), 400), ONE)
    api = surface.client(server, max_cost=COST)
    with pytest.raises(tokstream.BadRequestError):
        surface.create(api, max_tokens=10**9)
    surface.create(api)


def test_a_stream_under_way_counts_with_the_most_it_may_cost(surface, serve):
    # 1,000 USD per million tokens, of which 100 are allowed.
    server = serve(reply(MODELS), stream(event(text("A")), STALL), then=ONE)
    api = surface.client(server, max_cost=0.1)
    surface.run(api.models.list())
    answer = surface.stream(api, model="m", max_tokens=100)
    surface.take(answer, 1)
    with pytest.raises(tokstream.BudgetExceededError, match=r"not known yet; .*wait for the calls") as caught:
        surface.create(api, model="m", max_tokens=1)
    assert caught.value.spent == 0
    surface.run(answer.close())
    # It had brought one token, and no usage.
    surface.create(api, model="m", max_tokens=1)


def test_a_price_is_concluded_from_replies(surface, serve):
    server = serve(ONE, stream(event(text("A")), STALL), then=ONE)
    api = surface.client(server, max_cost=10 * COST)
    surface.create(api)
    answer = surface.stream(api, max_tokens=100)
    surface.take(answer, 1)
    with pytest.raises(tokstream.BudgetExceededError):
        surface.create(api)
    surface.run(answer.close())
    api.max_cost = 100
    surface.create(api)


def test_calls_that_begin_at_once_are_held_to_the_limit(surface, serve):
    server = serve(reply(MODELS), then=reply(completion("ok", usage=usage(0.001, 1))))
    api = surface.client(server, max_cost=0.0035)
    surface.run(api.models.list())
    quick = api.with_options(model="m")
    ends = surface.at_once(quick, 20)
    refused = [end for end in ends if isinstance(end, tokstream.BudgetExceededError)]
    assert refused
    assert len(refused) < 20
    assert api.usage.estimated_cost < 2 * 0.0035


def test_an_awaitable_is_asked_when_it_begins_and_not_when_it_is_made(serve):
    async def main() -> str:
        async with tokstream.AsyncClient(base_url=serve(then=ONE).url, max_cost=COST) as api:
            calls = [api.chat.completions.create(messages="x") for _ in range(2)]
            first = await calls[0]
            with pytest.raises(tokstream.BudgetExceededError):
                await calls[1]
            return first.choices[0].message.content

    assert asyncio.run(main()) == "ok"


def test_a_call_that_was_cancelled_is_no_longer_under_way(serve):
    server = serve(reply(MODELS), [STALL], then=ONE)

    async def main() -> str:
        async with tokstream.AsyncClient(base_url=server.url, model="m", max_cost=1) as api:
            await api.models.list()
            task = asyncio.ensure_future(api.chat.completions.create(messages="x", max_tokens=10**6))
            await asyncio.to_thread(server.wait_requests, 2)
            with pytest.raises(tokstream.BudgetExceededError):
                await api.chat.completions.create(messages="x")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The task is still there, and what it awaited.
            answer = await api.chat.completions.create(messages="x")
            assert task.cancelled()
            return answer.choices[0].message.content

    assert asyncio.run(main()) == "ok"


@pytest.mark.parametrize("cost", ["-5.0", "1e999", "-1e999", "NaN", "true", '"x"', "null"])
def test_what_is_no_cost_costs_nothing(surface, serve, cost):
    said = json.dumps(completion("ok", usage=usage(cost="COST"))).replace('"COST"', cost)
    api = surface.client(serve(then=reply(said)), max_cost=1)
    for _ in range(2):
        surface.create(api)
    assert api.usage == tokstream.Usage(2, 10, 20, 30, 0.0)


def test_it_can_be_set_and_lifted_and_goes_with_copies(surface, serve):
    api = surface.client(serve(then=ONE), max_cost=COST)
    assert api.max_cost == COST
    surface.create(api)
    for other in (api.with_options(timeout=5), copy.copy(api), copy.deepcopy(api)):
        assert other.max_cost == COST
        with pytest.raises(tokstream.BudgetExceededError):
            surface.create(other)
    surface.create(api.with_options(max_cost=None))
    surface.create(api.with_options(max_cost=10))
    api.max_cost = None
    surface.create(api)
    api.max_cost = 1
    with pytest.raises(tokstream.BudgetExceededError):
        surface.create(api)
    assert pickle.loads(pickle.dumps(api)).max_cost == 1


@pytest.mark.parametrize("odd", [-1, float("nan"), True, "1", [], object()])
def test_odd_limits_are_refused(surface, odd):
    with pytest.raises(tokstream.ConfigurationError, match="max_cost"):
        surface.client("http://127.0.0.1:1", max_cost=odd)


def test_usage_of_each_model(surface, serve):
    def said(model, cost):
        return reply({**completion("ok", usage=usage(cost)), "model": model})

    deltas = [{**chunk({"index": 0, "delta": {"content": "A"}}), "model": "b"}, {**finish(usage=usage()), "model": "b"}]
    api = surface.client(serve(said("a", 0.5), said("b", 0.25), stream(sse(*deltas))))
    surface.create(api)
    surface.create(api)
    surface.list(surface.stream(api))
    totals = {model: (one.requests, one.estimated_cost) for model, one in api.usage.by_model.items()}
    assert totals == {"a": (1, 0.5), "b": (2, 0.5)}
    assert api.usage.requests == 3

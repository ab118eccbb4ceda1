"""Methods of the async client raise nothing when they are called: a bad argument is found when they are awaited."""

from __future__ import annotations

import asyncio
import gc
import inspect

import pytest

import tokstream
from replies import HELLO, completion
from server import reply

OK = reply(completion("ok"))

pytestmark = pytest.mark.parametrize("surface", ["async"], indirect=True)

BAD = {
    "messages": lambda api: api.chat.completions.create(messages=5),
    "a-message": lambda api: api.chat.completions.create(messages=[None]),
    "streamed": lambda api: api.chat.completions.create(messages=5, stream=True),
    "raw": lambda api: api.chat.completions.with_raw_response.create(messages=5),
    "raw-client": lambda api: api.with_raw_response.chat.completions.create(messages=5),
    "raw-body": lambda api: api.chat.completions.with_raw_response.create(messages=HELLO, seed={1}),
    "prompt": lambda api: api.completions.create(),
    "embeddings": lambda api: api.embeddings.create(input="a"),
    "model": lambda api: api.models.retrieve(""),
    "models": lambda api: api.models.list(no_such_option=1),
    "raw-models": lambda api: api.models.with_raw_response.list(no_such_option=1),
    "route": lambda api: api.post("/x", options={"no_such_option": 1}),
    "cast": lambda api: api.with_raw_response.post("/x", no_such_option=1),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_one_bad_call_among_good_ones(surface, client, call):
    api, server = client(then=OK)

    async def ask():
        good = (api.chat.completions.create(messages=HELLO) for _ in range(2))
        return await asyncio.gather(next(good), call(api), next(good), return_exceptions=True)

    first, error, last = surface.run(ask())
    assert isinstance(error, (TypeError, ValueError))
    assert [answer.choices[0].message.content for answer in (first, last)] == ["ok", "ok"]
    assert len(server.requests) == 2


@pytest.mark.parametrize("form", ["", "with_raw_response", "with_streaming_response"])
@pytest.mark.parametrize("positional", [(), ("Hello!",)], ids=["nothing", "by-position"])
def test_what_python_refuses_is_an_error_of_the_call_as_with_a_coroutine(surface, client, form, positional):
    api, _ = client()
    completions = api.chat.completions
    with pytest.raises(TypeError, match=r"Completions\.create\(\) (missing|takes)"):
        (getattr(completions, form) if form else completions).create(*positional)


@pytest.mark.parametrize("params", [{"messages": 5}, {"messages": HELLO, "seed": {1}}], ids=["messages", "seed"])
def test_of_a_streaming_response(surface, client, params):
    api, server = client()
    manager = api.chat.completions.with_streaming_response.create(**params)
    with pytest.raises(TypeError), surface.using(manager):
        pytest.fail("the block was entered")
    assert server.requests == []


def test_an_error_is_in_no_cycle(surface, client):
    api, _ = client()

    def fail():
        try:
            api.chat.completions.create(messages=5).send(None)
        except TypeError as error:
            assert "messages must" in str(error)  # noqa: PT017 - `pytest.raises` and asyncio make cycles of their own

    gc.collect()
    gc.disable()
    try:
        fail()
        assert not [one for one in gc.get_objects() if isinstance(one, TypeError) and "messages must" in str(one)]
    finally:
        gc.enable()


def test_arguments_are_named_as_the_sync_client_has_them(surface, client):
    api, _ = client()
    with tokstream.Client() as other:
        assert inspect.signature(api.chat.completions.create) == inspect.signature(other.chat.completions.create)

"""Every way in which asyncio waits, with every method of the async client."""

from __future__ import annotations

import asyncio
import math
import sys

import pytest

import tokstream
from replies import completion, said
from server import Gate, reply, stream
from surface import first_of

OK = reply(completion("ok"))


def test_every_async_method_makes_a_coroutine(serve):
    """create_task, wait_for and gather take coroutines, and not everything that can be awaited."""
    server = serve(OK, reply({"object": "list", "data": []}), reply({"id": "m"}), stream(said("A")), stream(said("B")))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            loop = asyncio.get_running_loop()
            answer = await asyncio.create_task(api.chat.completions.create(messages="x"))
            assert answer.choices[0].message.content == "ok"
            assert (await asyncio.wait_for(api.models.list(), 30)).data == []
            (model,) = await asyncio.gather(api.models.retrieve("m"))
            assert model.id == "m"
            answer = await loop.create_task(api.chat.completions.create(messages="x", stream=True))
            chunk = await asyncio.create_task(answer.__anext__())
            assert chunk.choices[0].delta.content == "A"
            assert await asyncio.wait_for(answer.get_final_text(), 30) == "A"
            await asyncio.create_task(answer.close())
            await asyncio.create_task(answer.aclose())
            answer = await api.chat.completions.create(messages="x", stream=True)
            assert await asyncio.create_task(answer.text_stream.__anext__()) == "B"
            final = await asyncio.create_task(answer.get_final_completion())
            assert final.choices[0].message.content == "B"
            await asyncio.create_task(api.close())

    asyncio.run(main())


METHODS = {
    "create": lambda api: api.chat.completions.create(messages="x"),
    "create, streamed": lambda api: api.chat.completions.create(messages="x", stream=True),
    "completions": lambda api: api.completions.create(model="m", prompt="x"),
    "embeddings": lambda api: api.embeddings.create(model="m", input="x"),
    "models": lambda api: api.models.list(),
    "retrieve": lambda api: api.models.retrieve("m"),
    "get": lambda api: api.get("/x", cast_to=dict),
    "post": lambda api: api.post("/x", body={}, cast_to=dict),
    "put": lambda api: api.put("/x", body={}, cast_to=dict),
    "patch": lambda api: api.patch("/x", body={}, cast_to=dict),
    "delete": lambda api: api.delete("/x", cast_to=dict),
}


async def by_task_group(coroutine):
    if sys.version_info < (3, 11):
        return await coroutine
    async with asyncio.TaskGroup() as group:
        task = group.create_task(coroutine)
    return task.result()


async def by_gather(coroutine):
    return (await asyncio.gather(coroutine))[0]


WAITS = {
    "create_task": asyncio.create_task,
    "wait_for": lambda coroutine: asyncio.wait_for(coroutine, 30),
    "gather": by_gather,
    "TaskGroup": by_task_group,
}


def answer_all(request):
    body = request.json if request.body else {}
    if body.get("stream"):
        return stream(said("A", "B"))
    if request.path.endswith("/embeddings"):
        vector = {"object": "embedding", "index": 0, "embedding": [1.0]}
        return reply({"object": "list", "data": [vector], "model": "m"})
    return OK if request.method != "GET" else reply({"object": "list", "data": [], "id": "m"})


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_request_can_be_awaited_in_every_way(serve, method, wait):
    server = serve(then=answer_all)

    async def main():
        async with tokstream.AsyncClient(base_url=server.url) as api:
            for form in (api, api.with_raw_response):
                assert await wait(method(form)) is not None
            manager = method(api.with_streaming_response)
            response = await wait(manager.__aenter__())
            assert response.status_code == 200
            await wait(manager.__aexit__(None, None, None))

    asyncio.run(main(), debug=True)
    assert len(server.requests) == 3


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_every_method_of_what_is_opened_can_be_awaited_in_every_way(serve, wait):
    server = serve(then=answer_all)

    async def main():
        api = await wait(tokstream.AsyncClient(base_url=server.url).__aenter__())
        completions = api.chat.completions
        for name in ("__aenter__", "__anext__", "get_final_completion", "get_final_text", "close", "aclose"):
            answer = await completions.create(messages="x", stream=True)
            await wait(getattr(answer, name)())
            await wait(answer.__aexit__(None, None, None))
        answer = await completions.create(messages="x", stream=True)
        assert await wait(answer.text_stream.__anext__()) == "A"
        await wait(answer.response.aclose())
        for name in ("__aenter__", "__anext__", "until_done", "get_final_completion", "get_final_text", "close"):
            manager = completions.stream(messages="x")
            events = await wait(manager.__aenter__())
            await wait(getattr(events, name)())
            await wait(manager.__aexit__(None, None, None))
        async with completions.stream(messages="x") as events:
            assert await wait(events.text_stream.__anext__()) == "A"
        for name in ("read", "text", "json", "parse", "close"):
            async with completions.with_streaming_response.create(messages="x") as response:
                await wait(getattr(response, name)())
        for name in ("iter_bytes", "iter_text", "iter_lines"):
            async with completions.with_streaming_response.create(messages="x") as response:
                assert await wait(first_of(getattr(response, name)()))
        await wait(api.close())
        await wait(api.aclose())
        await wait(api.__aexit__(None, None, None))

    asyncio.run(main(), debug=True)


def test_what_is_being_awaited_is_awaited_once(serve):
    gate = Gate()
    server = serve([gate, *OK])

    async def main():
        async def wait_for(awaitable):
            return await awaitable

        async with tokstream.AsyncClient(base_url=server.url) as api:
            call = api.chat.completions.create(messages="x")
            first = asyncio.create_task(wait_for(call))
            await asyncio.to_thread(server.wait_requests, 1)
            with pytest.raises(RuntimeError, match="being awaited already"):
                await asyncio.wait_for(wait_for(call), 5)
            gate.open()
            return (await asyncio.wait_for(first, 5)).choices[0].message.content

    assert asyncio.run(main()) == "ok"


BAD_CALLS = {
    "timeout": ({"timeout": "soon"}, (TypeError, ValueError)),
    "nan": ({"temperature": math.nan}, ValueError),
    "surrogate": ({"messages": "a\ud800b"}, ValueError),
    "header": ({"extra_headers": {"X-A": "a\nb"}}, ValueError),
    "key": ({}, tokstream.ConfigurationError),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_among_others_fails_in_its_place(serve, name):
    server = serve(OK, OK)
    params, error = BAD_CALLS[name]

    async def main():
        async with tokstream.AsyncClient(base_url=server.url, api_key="key") as api:
            keyless = tokstream.AsyncClient(base_url="http://api.example.test/v1")
            clients = [api, keyless if name == "key" else api, api]
            calls = [
                one.chat.completions.create(**{"messages": "x", **(params if at == 1 else {})})
                for at, one in enumerate(clients)
            ]
            return await asyncio.gather(*calls, return_exceptions=True)

    first, bad, last = asyncio.run(main())
    assert isinstance(bad, error)
    assert [one.choices[0].message.content for one in (first, last)] == ["ok", "ok"]

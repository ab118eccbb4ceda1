"""What the other resources and the client itself return, on both clients."""

from typing import Any

from typing_extensions import assert_type

from tokstream import AsyncClient, AsyncStream, Client, Stream, Timeout
from tokstream.types import Completion, CreateEmbeddingResponse, Embedding, Model, ModelList
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk


def models(client: Client) -> None:
    assert_type(client.models.list(), ModelList)
    for model in client.models.list():
        assert_type(model, Model)
        assert_type(model.id, str)
        if model.metadata and model.metadata.pricing:
            assert_type(model.metadata.context_length, int | None)
            assert_type(model.metadata.pricing.input_tokens, float | None)
    assert_type(client.models.list().data, list[Model])
    assert_type(client.models.retrieve("a/b"), Model)


async def models_async(client: AsyncClient) -> None:
    async for model in client.models.list():
        assert_type(model, Model)
    assert_type((await client.models.list()).data, list[Model])
    assert_type(await client.models.retrieve("a/b"), Model)


def embeddings(client: Client) -> None:
    assert_type(client.embeddings.create(input="Hello!", model="a/b"), CreateEmbeddingResponse)
    response = client.embeddings.create(input=["Hello!", "Bye!"], model="a/b", dimensions=64, encoding_format="float")
    assert_type(response.data, list[Embedding])
    assert_type(response.data[0].embedding, list[float])
    client.embeddings.create(input=[1, 2, 3])
    client.embeddings.create(input=[[1, 2], [3]], model="a/b")


async def embeddings_async(client: AsyncClient) -> None:
    assert_type(await client.embeddings.create(input="Hello!", model="a/b"), CreateEmbeddingResponse)


def completions(client: Client, stream: bool) -> None:
    assert_type(client.completions.create(prompt="Once"), Completion)
    assert_type(client.completions.create(prompt=["Once", "Twice"], stream=False), Completion)
    assert_type(client.completions.create(prompt=[1, 2], stream=True), Stream[Completion])
    assert_type(client.completions.create(prompt="Once", stream=stream), Completion | Stream[Completion])


async def completions_async(client: AsyncClient, stream: bool) -> None:
    assert_type(await client.completions.create(prompt="Once", suffix="end", echo=True), Completion)
    assert_type(await client.completions.create(prompt="Once", stream=True), AsyncStream[Completion])
    assert_type(await client.completions.create(prompt="Once", stream=stream), Completion | AsyncStream[Completion])


def any_route(client: Client) -> None:
    assert_type(client.get("/models"), Any)
    assert_type(client.get("/models", cast_to=ModelList), ModelList)
    assert_type(client.post("/tokenize", body={"text": "Hello!"}), Any)
    assert_type(client.post("/chat/completions", cast_to=ChatCompletion, body={"messages": []}), ChatCompletion)
    assert_type(
        client.post(
            "/chat/completions",
            cast_to=ChatCompletionChunk,
            body={"stream": True},
            stream=True,
            stream_cls=Stream[ChatCompletionChunk],
        ),
        Stream[ChatCompletionChunk],
    )
    assert_type(client.put("/thing", body=b"bytes"), Any)
    assert_type(client.patch("/thing", cast_to=dict), dict[Any, Any])
    assert_type(client.delete("/thing", cast_to=str), str)


async def any_route_async(client: AsyncClient) -> None:
    assert_type(await client.get("/models", cast_to=ModelList), ModelList)
    assert_type(await client.post("/tokenize", body={"text": "Hello!"}), Any)
    assert_type(await client.delete("/thing", cast_to=str), str)


def whole_client(client: Client) -> None:
    with client as same:
        assert_type(same, Client)
    assert_type(client.with_options(timeout=5, max_retries=0), Client)
    assert_type(client.copy(api_key="other"), Client)
    assert_type(client.is_closed(), bool)
    assert_type(client.max_retries, int)
    assert_type(client.timeout, float | Timeout | None)
    assert_type(client.usage.requests, int)
    assert_type(client.usage.total_tokens, int)
    assert_type(client.usage.estimated_cost, float)
    client.api_key = "other"
    client.timeout = 3
    client.max_retries = 0


async def whole_client_async(client: AsyncClient) -> None:
    async with client as same:
        assert_type(same, AsyncClient)
    assert_type(client.with_options(timeout=5), AsyncClient)
    assert_type(client.is_closed(), bool)
    await client.close()
    await client.aclose()


def any_stream(client: Client) -> None:
    assert_type(client.post("/events", body={"stream": True}, stream=True), Stream[Any])


async def any_stream_async(client: AsyncClient) -> None:
    assert_type(await client.post("/events", body={"stream": True}, stream=True), AsyncStream[Any])

"""What `with_raw_response` and `with_streaming_response` return, on both clients."""

from typing import Any

from typing_extensions import assert_type

from tokstream import AsyncClient, AsyncStream, Client, Stream
from tokstream._response import RawResponse
from tokstream.types import CreateEmbeddingResponse, ModelList
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk


def raw(client: Client) -> None:
    response = client.chat.completions.with_raw_response.create(messages="Hello!", temperature=0)
    assert_type(response, RawResponse[ChatCompletion])
    assert_type(response.parse(), ChatCompletion)
    assert_type(response.parse(to=ModelList), ModelList)
    assert_type(response.status_code, int)
    assert_type(response.headers["x-request-id"], str)
    assert_type(response.request_id, str | None)
    assert_type(response.retries_taken, int)
    assert_type(response.http_request.url, str)
    assert_type(response.content, bytes)
    assert_type(response.text, str)
    assert_type(response.json(), Any)
    stream = client.with_raw_response.chat.completions.create(messages="Hello!", stream=True)
    assert_type(stream.parse(), Stream[ChatCompletionChunk])
    assert_type(client.chat.with_raw_response.completions.create(messages="Hello!").parse(), ChatCompletion)
    assert_type(client.models.with_raw_response.list().parse(), ModelList)
    assert_type(
        client.embeddings.with_raw_response.create(input="Hello!", model="a/b").parse(), CreateEmbeddingResponse
    )


async def raw_async(client: AsyncClient) -> None:
    response = await client.chat.completions.with_raw_response.create(messages="Hello!")
    assert_type(response, RawResponse[ChatCompletion])
    assert_type(response.parse(), ChatCompletion)
    stream = await client.chat.completions.with_raw_response.create(messages="Hello!", stream=True)
    assert_type(stream.parse(), AsyncStream[ChatCompletionChunk])
    assert_type((await client.models.with_raw_response.list()).parse(), ModelList)


def streaming(client: Client) -> None:
    with client.chat.completions.with_streaming_response.create(messages="Hello!", stream=True) as response:
        assert_type(list(response.iter_bytes()), list[bytes])
        assert_type(list(response.iter_lines()), list[str])
        assert_type(response.read(), bytes)
        assert_type(response.text(), str)
        assert_type(response.json(), Any)
        assert_type(response.is_closed, bool)
        assert_type(response.parse(), Stream[ChatCompletionChunk])


async def streaming_async(client: AsyncClient) -> None:
    async with client.chat.completions.with_streaming_response.create(messages="Hello!") as response:
        assert_type([line async for line in response.iter_lines()], list[str])
        assert_type(await response.read(), bytes)
        assert_type(await response.text(), str)
        assert_type(await response.json(), Any)
        assert_type(await response.parse(), ChatCompletion)
        await response.close()

"""What a stream gives, on both clients."""

from typing_extensions import assert_type

from tokstream import AsyncClient, AsyncStream, Client, Stream
from tokstream._long_answers.stream import AsyncContinuedStream, ContinuedStream
from tokstream.types import Completion, CompletionUsage
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk
from tokstream.types.chat.chat_completion_chunk import Choice, ChoiceDelta, ChoiceDeltaToolCall


def chunks(client: Client) -> None:
    stream = client.chat.completions.create(messages="Hello!", stream=True)
    for chunk in stream:
        assert_type(chunk, ChatCompletionChunk)
        assert_type(chunk.choices[0], Choice)
        assert_type(chunk.choices[0].delta, ChoiceDelta)
        assert_type(chunk.choices[0].delta.content, str | None)
        assert_type(chunk.choices[0].delta.tool_calls, list[ChoiceDeltaToolCall] | None)
        assert_type(chunk.usage, CompletionUsage | None)
    assert_type(next(stream), ChatCompletionChunk)
    assert_type(list(stream), list[ChatCompletionChunk])


def text(client: Client) -> None:
    for token in client.chat.completions.create(messages="Hello!", stream=True).text_stream:
        assert_type(token, str)
    assert_type("".join(client.chat.completions.create(messages="Hello!", stream=True).text_stream), str)


def whole(stream: Stream[ChatCompletionChunk]) -> None:
    with stream as same:
        assert_type(same, Stream[ChatCompletionChunk])
        assert_type(same.current_completion_snapshot, ChatCompletion | None)
        assert_type(same.get_final_completion(), ChatCompletion)
        assert_type(same.get_final_text(), str)
        assert_type(same.usage, CompletionUsage | None)
        assert_type(same.timings.connect, float)
        assert_type(same.timings.first_token, float | None)
        assert_type(same.timings.tokens_per_second, float | None)
        assert_type(same.timings.retries, int)
        assert_type(same.response.status_code, int)
        assert_type(same.response.headers["content-type"], str)
        assert_type(same.response.request_id, str | None)
    same.close()


def completions(client: Client) -> None:
    stream = client.completions.create(prompt="Once", stream=True)
    assert_type(stream, Stream[Completion])
    assert_type(next(stream).choices[0].text, str)
    assert_type(stream.get_final_completion(), Completion)


async def chunks_async(client: AsyncClient) -> None:
    stream = await client.chat.completions.create(messages="Hello!", stream=True)
    async for chunk in stream:
        assert_type(chunk, ChatCompletionChunk)
    assert_type(await stream.__anext__(), ChatCompletionChunk)
    assert_type([chunk async for chunk in stream], list[ChatCompletionChunk])


async def text_async(client: AsyncClient) -> None:
    stream = await client.chat.completions.create(messages="Hello!", stream=True)
    async for token in stream.text_stream:
        assert_type(token, str)


async def whole_async(stream: AsyncStream[ChatCompletionChunk]) -> None:
    async with stream as same:
        assert_type(same, AsyncStream[ChatCompletionChunk])
        assert_type(same.current_completion_snapshot, ChatCompletion | None)
        assert_type(await same.get_final_completion(), ChatCompletion)
        assert_type(await same.get_final_text(), str)
        assert_type(same.usage, CompletionUsage | None)
        assert_type(same.timings.total, float)
        assert_type(same.response.status_code, int)
    await same.close()
    await same.aclose()


async def completions_async(client: AsyncClient) -> None:
    stream = await client.completions.create(prompt="Once", stream=True)
    assert_type(stream, AsyncStream[Completion])
    assert_type(await stream.get_final_completion(), Completion)


def going_on(client: Client, streamed: bool) -> None:
    create = client.chat.completions.create
    stream = create(messages="Hello!", stream=True, resume=True)
    assert_type(stream, ContinuedStream)
    assert_type(stream.resumed, int)
    assert_type(stream.continued, int)
    with stream as same:
        assert_type(same, ContinuedStream)
    assert_type(stream.until_done(), ContinuedStream)
    whole(stream)
    for token in stream.text_stream:
        assert_type(token, str)
    assert_type(next(stream), ChatCompletionChunk)
    assert_type(create(messages="Hello!", stream=True, auto_continue=2), ContinuedStream)
    assert_type(create(messages="Hello!", stream=True, resume=False), Stream[ChatCompletionChunk])
    assert_type(create(messages="Hello!", stream=True, stream_under=True), Stream[ChatCompletionChunk])
    assert_type(create(messages="Hello!", resume=True, auto_continue=True), ChatCompletion)
    assert_type(
        create(messages="Hello!", stream=streamed, resume=True),
        ChatCompletion | Stream[ChatCompletionChunk],
    )
    with client.chat.completions.stream(messages="Hello!", auto_continue=True, resume=2) as events:
        assert_type(events.resumed, int)


async def going_on_async(client: AsyncClient) -> None:
    stream = await client.chat.completions.create(messages="Hello!", stream=True, resume=True)
    assert_type(stream, AsyncContinuedStream)
    assert_type(stream.resumed, int)
    async with stream as same:
        assert_type(same, AsyncContinuedStream)
    assert_type(await stream.until_done(), AsyncContinuedStream)
    await whole_async(stream)
    async for token in stream.text_stream:
        assert_type(token, str)
    async for chunk in stream:
        assert_type(chunk, ChatCompletionChunk)
    assert_type(await client.chat.completions.create(messages="Hello!", stream_under=True), ChatCompletion)

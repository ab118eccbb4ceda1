"""What `client.chat.completions.stream` gives, on both clients."""

from typing_extensions import assert_type

from tokstream import AsyncClient, Client
from tokstream.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionStreamEvent,
    ContentDeltaEvent,
)


def events(client: Client) -> None:
    with client.chat.completions.stream(messages="Hello!", temperature=0, unknown=1) as stream:
        for event in stream:
            assert_type(event, ChatCompletionStreamEvent)
            if event.type == "content.delta":
                assert_type(event, ContentDeltaEvent)
                assert_type(event.delta, str)
                assert_type(event.snapshot, str)
            elif event.type == "content.done":
                assert_type(event.content, str)
            elif event.type == "tool_calls.function.arguments.delta":
                assert_type(event.arguments_delta, str)
                assert_type(event.index, int)
            elif event.type == "chunk":
                assert_type(event.chunk, ChatCompletionChunk)
                assert_type(event.snapshot, ChatCompletion)
        assert_type(stream.get_final_completion(), ChatCompletion)


async def events_async(client: AsyncClient) -> None:
    async with client.chat.completions.stream(messages=[{"role": "user", "content": "Hello!"}]) as stream:
        async for event in stream:
            if event.type == "content.delta":
                assert_type(event.delta, str)
        assert_type(await stream.get_final_completion(), ChatCompletion)

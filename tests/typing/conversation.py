"""What conversations give, on both clients."""

from dataclasses import dataclass
from typing import Any

from typing_extensions import assert_type

from tokstream import AsyncClient, AsyncConversation, Client, Conversation, Usage
from tokstream._conversation.stream import AsyncConversationStream, ConversationStream
from tokstream.types import CompletionUsage
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, ParsedChatCompletion


@dataclass
class City:
    name: str


def weather(city: str) -> str:
    return city


async def shorten(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return messages[-1:]


def conversation(client: Client) -> None:
    conversation = client.conversation(system="Be brief.", tools=[weather], temperature=0.5, on_overflow="drop_oldest")
    assert_type(conversation, Conversation)
    assert_type(conversation.send("Hello!", max_tokens=5), ChatCompletion)
    assert_type(conversation.send("Where?", response_format=City, temperature=0), ParsedChatCompletion[City])
    assert_type(conversation.send("Where?", response_format=list[City]).parsed, list[City])
    assert_type(conversation.send("Where?", response_format={"type": "json_object"}), ChatCompletion)
    assert_type(conversation.messages, list[dict[str, Any]])
    assert_type(conversation.client, Client)
    assert_type(conversation.undo(), list[dict[str, Any]])
    assert_type(conversation.fork(), Conversation)
    assert_type(conversation.usage, Usage)
    assert_type(conversation.usage.by_model, dict[str, Usage])
    assert_type(conversation.cost, float)
    conversation.messages.append({"role": "user", "content": "Hello!"})
    conversation.send()
    client.conversation(max_cost=1, on_overflow=lambda messages: messages[-1:], messages="Hello!")
    Conversation(client, model="a/b", keep_partial=True, context_length=8192)


def messages(conversation: Conversation, message: ChatCompletionMessage) -> None:
    conversation.send(message)
    conversation.send({"role": "user", "content": "Hello!"})
    conversation.send([{"role": "tool", "tool_call_id": "call-1", "content": "42"}])
    conversation.send(["Look:", {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}])


def streams(conversation: Conversation) -> None:
    for token in conversation.stream("Hello!").text_stream:
        assert_type(token, str)
    with conversation.stream("Hello!") as stream:
        assert_type(stream, ConversationStream)
        for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(stream.get_final_completion(), ChatCompletion)
        assert_type(stream.get_final_text(), str)
        assert_type(stream.usage, CompletionUsage | None)
        assert_type(stream.current_completion_snapshot, ChatCompletion | None)
        assert_type(stream.response.request_id, str | None)


def files(client: Client, conversation: Conversation) -> None:
    conversation.save("chat.jsonl")
    assert_type(Conversation.load("chat.jsonl", client), Conversation)
    assert_type(Conversation.load("chat.jsonl"), Conversation)
    assert_type(client.load_conversation("chat.jsonl", tools=[weather]), Conversation)


async def conversation_async(client: AsyncClient) -> None:
    conversation = client.conversation(system="Be brief.", on_overflow=shorten)
    assert_type(conversation, AsyncConversation)
    assert_type(await conversation.send("Hello!"), ChatCompletion)
    assert_type(await conversation.send("Where?", response_format=City), ParsedChatCompletion[City])
    assert_type(conversation.client, AsyncClient)
    stream = await conversation.stream("Hello!")
    assert_type(stream, AsyncConversationStream)
    async for token in stream.text_stream:
        assert_type(token, str)
    async with conversation.stream("Hello!") as entered:
        async for chunk in entered:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(await entered.get_final_completion(), ChatCompletion)
        assert_type(await entered.get_final_text(), str)
    assert_type(AsyncConversation.load("chat.jsonl", client), AsyncConversation)
    assert_type(client.load_conversation("chat.jsonl"), AsyncConversation)


def misuse(client: Client, other: AsyncClient) -> None:
    client.conversation(on_overflow="drop_newest")  # type: ignore[arg-type]
    client.conversation(max_cost="much")  # type: ignore[arg-type]
    client.conversation().send(5)  # type: ignore[call-overload]
    Conversation.load("chat.jsonl", other)  # type: ignore[arg-type]
    Conversation(other)  # type: ignore[arg-type]

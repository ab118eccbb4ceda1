"""What `client.chat.completions.parse` and `stream` make of a type, on both clients."""

import dataclasses
import enum
from typing import Any, Literal, TypedDict

import msgspec
import pydantic
from typing_extensions import assert_type

from tokstream import AsyncClient, Client, RawResponse
from tokstream.types.chat import ChatCompletion, ContentDoneEvent, ParsedChatCompletion


class City(pydantic.BaseModel):
    name: str


@dataclasses.dataclass
class Town:
    name: str


class Village(TypedDict):
    name: str


class Color(enum.Enum):
    RED = "red"


class Hamlet(msgspec.Struct):
    name: str


def parse(client: Client) -> None:
    completion = client.chat.completions.parse(messages="Where?", response_format=City, temperature=0, unknown=1)
    assert_type(completion, ParsedChatCompletion[City])
    assert_type(completion.choices[0].message.parsed, City | None)
    assert_type(completion.choices[0].message.content, str | None)
    assert_type(completion.parsed, City)
    assert_type(completion.id, str)
    takes(completion)
    assert_type(client.chat.completions.parse(messages="x", response_format=Town).parsed, Town)
    assert_type(client.chat.completions.parse(messages="x", response_format=Village).parsed, Village)
    assert_type(client.chat.completions.parse(messages="x", response_format=Hamlet).parsed, Hamlet)
    assert_type(client.chat.completions.parse(messages="x", response_format=list[City]).parsed, list[City])
    assert_type(client.chat.completions.parse(messages="x", response_format=dict[str, Town]).parsed, dict[str, Town])
    assert_type(client.beta.chat.completions.parse(messages="x", response_format=City).parsed, City)
    assert_type(client.chat.completions.parse(messages="x", response_format=Color).parsed, Color)
    assert_type(client.chat.completions.parse(messages="x", response_format=Literal["a"]), ParsedChatCompletion[Any])
    assert_type(client.chat.completions.parse(messages="x", response_format=City | None), ParsedChatCompletion[Any])
    schema = client.chat.completions.parse(messages="x", response_format={"type": "object"}, max_reasks=2)
    assert_type(schema, ParsedChatCompletion[Any])
    plain = client.chat.completions.parse(messages="x", tools=[City, {"type": "function"}])
    assert_type(plain, ParsedChatCompletion[None])
    calls = plain.choices[0].message.tool_calls
    if calls is not None:
        assert_type(calls[0].function.parsed_arguments, Any)
        assert_type(calls[0].function.arguments, str)


def takes(completion: ChatCompletion) -> None:
    completion.to_json()


def raw(client: Client) -> None:
    raw = client.chat.completions.with_raw_response.parse(messages="x", response_format=City)
    assert_type(raw, RawResponse[ParsedChatCompletion[City]])
    assert_type(raw.parse().parsed, City)


def stream(client: Client) -> None:
    with client.chat.completions.stream(messages="Where?", response_format=City) as stream:
        for event in stream:
            if event.type == "content.done":
                assert_type(event, ContentDoneEvent[City])
                assert_type(event.parsed, City | None)
        assert_type(stream.get_final_completion(), ParsedChatCompletion[City])
    with client.chat.completions.stream(messages="Which?", response_format=Literal["a", "b"]) as choice:
        for one in choice:
            if one.type == "content.done":
                assert_type(one, ContentDoneEvent[Any])
        assert_type(choice.get_final_completion(), ParsedChatCompletion[Any])


async def asynchronous(client: AsyncClient) -> None:
    completion = await client.chat.completions.parse(messages="Where?", response_format=list[City])
    assert_type(completion.parsed, list[City])
    raw = await client.chat.completions.with_raw_response.parse(messages="x", response_format=City)
    assert_type(raw, RawResponse[ParsedChatCompletion[City]])
    async with client.chat.completions.stream(messages="Where?", response_format=Town) as stream:
        async for event in stream:
            if event.type == "content.done":
                assert_type(event.parsed, Town | None)
        final = await stream.get_final_completion()
        assert_type(final, ParsedChatCompletion[Town])
    async with client.chat.completions.stream(messages="Where?", response_format={"type": "object"}) as given:
        assert_type(await given.get_final_completion(), ParsedChatCompletion[Any])

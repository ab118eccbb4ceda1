"""The forms in which `messages` can be given."""

from collections.abc import Iterator
from typing import Any

import openai.types.chat
import pydantic

from tokstream import Client
from tokstream.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionMessage,
    ChatCompletionMessageParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionUserMessageParam,
    MessageLike,
    Messages,
)


class Note(pydantic.BaseModel):
    role: str = "user"
    content: str


def strings(client: Client) -> None:
    client.chat.completions.create(messages="Hello!")


def dicts(client: Client) -> None:
    plain: list[dict[str, str]] = [{"role": "user", "content": "Hello!"}]
    client.chat.completions.create(messages=plain)
    inferred = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]
    client.chat.completions.create(messages=inferred)
    loose: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}]
    client.chat.completions.create(messages=loose)
    client.chat.completions.create(messages=({"role": "user", "content": "Hello!"},))
    client.chat.completions.create(messages=[{"role": "user", "content": "Hello!"}], stream=True)
    client.chat.completions.stream(messages=plain)


def parts(client: Client) -> None:
    client.chat.completions.create(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
                    {"type": "video_url", "video_url": {"url": "https://example.com/film.mp4"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                ],
            },
            {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": []},
            {"role": "tool", "tool_call_id": "call-1", "content": "Sunny."},
        ]
    )


def typed(client: Client) -> None:
    system: ChatCompletionSystemMessageParam = {"role": "system", "content": "Be brief."}
    user: ChatCompletionUserMessageParam = {"role": "user", "content": "Hello!"}
    assistant: ChatCompletionAssistantMessageParam = {"role": "assistant", "content": "Hel"}
    client.chat.completions.create(messages=[system, user, assistant])
    conversation: list[ChatCompletionMessageParam] = [system, user]
    conversation.append(assistant)
    client.chat.completions.create(messages=conversation)
    users: list[ChatCompletionUserMessageParam] = [user]
    client.chat.completions.create(messages=users)


def responses(client: Client) -> None:
    reply = client.chat.completions.create(messages="Hello!").choices[0].message
    client.chat.completions.create(messages=[reply])
    client.chat.completions.create(messages=[{"role": "user", "content": "Hello!"}, reply])
    history: list[MessageLike] = [{"role": "user", "content": "Hello!"}]
    history.append(reply)
    client.chat.completions.create(messages=history)
    replies: list[ChatCompletionMessage] = [reply]
    client.chat.completions.create(messages=replies)


def objects(client: Client, theirs: openai.types.chat.ChatCompletionMessage) -> None:
    client.chat.completions.create(messages=[Note(content="Hello!")])
    client.chat.completions.create(messages=[theirs])
    client.chat.completions.create(messages=[{"role": "user", "content": "Hello!"}, theirs, Note(content="And?")])


def their_params(client: Client, theirs: list[openai.types.chat.ChatCompletionMessageParam]) -> None:
    client.chat.completions.create(messages=theirs)


def generated(client: Client) -> None:
    def conversation() -> Iterator[dict[str, str]]:
        yield {"role": "user", "content": "Hello!"}

    client.chat.completions.create(messages=conversation())


def passed_on(client: Client, messages: Messages) -> None:
    client.chat.completions.create(messages=messages)

"""What type checkers must refuse: each ignored error has to be one."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from tokstream import AsyncClient, Client, Limits, RetryPolicy, Timeout
from tokstream.types.chat import ChatCompletion, ChatCompletionUserMessageParam


def arguments(client: Client) -> None:
    create = client.chat.completions.create
    create()  # type: ignore[call-overload]
    create("Hello!")  # type: ignore[call-overload]
    create(messages=1)  # type: ignore[call-overload]
    create(messages={"role": "user", "content": "Hello!"})  # type: ignore[dict-item]
    create(messages=["Hello!"])  # type: ignore[list-item]
    create(messages="Hello!", stream="yes")  # type: ignore[call-overload]
    create(messages="Hello!", temperature="high")  # type: ignore[call-overload]
    create(messages="Hello!", max_tokens=1.5)  # type: ignore[call-overload]
    create(messages="Hello!", stop=1)  # type: ignore[call-overload]
    create(messages="Hello!", tool_choice="maybe")  # type: ignore[call-overload]
    create(messages="Hello!", reasoning_effort="enormous")  # type: ignore[call-overload]
    create(messages="Hello!", service_tier="first class")  # type: ignore[call-overload]
    create(messages="Hello!", timeout="long")  # type: ignore[call-overload]
    create(messages="Hello!", extra_headers={"x-number": 1})  # type: ignore[dict-item]


def results(client: Client) -> None:
    completion = client.chat.completions.create(messages="Hello!")
    assert completion.chioces  # type: ignore[attr-defined]
    completion.id = 7  # type: ignore[assignment]
    assert completion.choices[0].message.content.strip()  # type: ignore[union-attr]
    stream = client.chat.completions.create(messages="Hello!", stream=True)
    assert stream.choices  # type: ignore[attr-defined]
    assert stream.usage.total_tokens  # type: ignore[union-attr]


async def asynchronous(client: AsyncClient) -> None:
    stream = await client.chat.completions.create(messages="Hello!", stream=True)
    for _ in stream:  # type: ignore[attr-defined]
        pass
    with stream:  # type: ignore[attr-defined]
        pass
    assert client.chat.completions.create(messages="Hello!").choices  # type: ignore[attr-defined]


def settings() -> None:
    Client("key")  # type: ignore[call-arg]
    Client(api_key=1)  # type: ignore[arg-type]
    Client(timeout="long")  # type: ignore[arg-type]
    Timeout(connect="long")  # type: ignore[arg-type]
    Timeout(pool=1)  # type: ignore[call-arg]
    RetryPolicy(3)  # type: ignore[call-arg]
    RetryPolicy(max_retries=1.5)  # type: ignore[arg-type]
    Limits(event_bytes="1 MiB")  # type: ignore[arg-type]
    Timeout(1).connect = 2  # type: ignore[misc]


def final() -> None:
    class Mine(ChatCompletion):  # type: ignore[misc]
        pass

    Mine()


def parameters() -> None:
    missing: ChatCompletionUserMessageParam = {"role": "user"}  # type: ignore[typeddict-item]
    wrong: ChatCompletionUserMessageParam = {"role": "system", "content": "Hello!"}  # type: ignore[typeddict-item]
    assert missing != wrong


def parsing(client: Client) -> None:
    client.chat.completions.parse(messages=1, response_format=int)  # type: ignore[call-overload]
    client.chat.completions.parse(messages="x", response_format=int, max_reasks="1")  # type: ignore[call-overload]
    client.chat.completions.parse(messages="x", response_format=int, temperature="high")  # type: ignore[call-overload]
    parsed = client.chat.completions.parse(messages="x", response_format=str).choices[0].message.parsed
    assert parsed.strip()  # type: ignore[union-attr]

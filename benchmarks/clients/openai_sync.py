"""openai-python, blocking."""

import time

import measure
from measure import MESSAGES, MODEL, Contents, Times
from openai import OpenAI

client = OpenAI(base_url=measure.URL, api_key="key")
create = client.chat.completions.create


def stream() -> int:
    count = 0
    length = 0
    for chunk in create(model=MODEL, messages=MESSAGES, stream=True):
        content = chunk.choices[0].delta.content
        if content:
            length += len(content)
        count += 1
    return count


def paced(contents: Contents, times: Times) -> None:
    for chunk in create(model=MODEL, messages=MESSAGES, stream=True):
        content = chunk.choices[0].delta.content
        if content:
            contents.append(content)
            times.append(time.monotonic_ns())


def whole() -> object:
    completion = create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content
    return completion


def logprobs(completion) -> list[float]:
    return [token.logprob for token in completion.choices[0].logprobs.content]


def ask(messages: list) -> None:
    create(model=MODEL, messages=messages)


measure.blocking(
    stream=stream,
    paced=paced,
    whole=whole if measure.KIND != "dump" else lambda: create(model=MODEL, messages=MESSAGES),
    logprobs=logprobs,
    ask=ask,
    dump=lambda completion: completion.model_dump(),
    to_json=lambda completion: completion.to_json(),
)

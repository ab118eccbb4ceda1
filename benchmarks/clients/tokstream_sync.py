"""tokstream, blocking; `text=1` reads `text_stream` in place of the chunks, `final=N` the
completion put together from N of them."""

import contextlib
import time

import measure
from measure import MESSAGES, MODEL, Contents, Times

from tokstream import Client

client = Client(base_url=measure.URL, api_key="key")
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


def texts() -> int:
    count = 0
    length = 0
    for content in create(model=MODEL, messages=MESSAGES, stream=True).text_stream:
        length += len(content)
        count += 1
    return count


def final() -> int:
    """Put the completion together; its chunks are not seen, so their number is given."""
    completion = create(model=MODEL, messages=MESSAGES, stream=True).get_final_completion()
    assert completion.choices[0].message.content
    return measure.number("final", 0)


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


def bulk(completion) -> object:
    return getattr(completion.choices[0].logprobs, "token_logprobs", None)


class Encoded(Exception):
    """The body is made, and nothing sent yet."""


def refuse() -> str:
    raise Encoded


def encode(messages: list) -> None:
    with contextlib.suppress(Encoded):
        unsent(model=MODEL, messages=messages)


def ask(messages: list) -> None:
    create(model=MODEL, messages=messages)


if measure.KIND == "encode":
    # The function that gives the key is called when the body is made.
    unsent = Client(base_url=measure.URL, api_key=refuse).chat.completions.create
    # Were the key asked for first, nothing would be measured.
    with contextlib.suppress(TypeError):
        unsent(model=MODEL, messages=[{"role": "user", "content": object()}])
read = texts if measure.number("text", 0) else final if measure.number("final", 0) else stream
measure.blocking(
    stream=read,
    paced=paced,
    whole=whole if measure.KIND != "dump" else lambda: create(model=MODEL, messages=MESSAGES),
    logprobs=logprobs,
    bulk=bulk,
    encode=encode,
    ask=ask,
    dump=lambda completion: completion.model_dump(),
    to_json=lambda completion: completion.to_json(),
)

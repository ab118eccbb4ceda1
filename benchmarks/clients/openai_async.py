"""openai-python, awaited."""

import time

import measure
from measure import MESSAGES, MODEL, Contents, Times
from openai import AsyncOpenAI

client = AsyncOpenAI(base_url=measure.URL, api_key="key")
create = client.chat.completions.create


async def stream() -> int:
    count = 0
    length = 0
    async for chunk in await create(model=MODEL, messages=MESSAGES, stream=True):
        content = chunk.choices[0].delta.content
        if content:
            length += len(content)
        count += 1
    return count


async def paced(contents: Contents, times: Times) -> None:
    async for chunk in await create(model=MODEL, messages=MESSAGES, stream=True):
        content = chunk.choices[0].delta.content
        if content:
            contents.append(content)
            times.append(time.monotonic_ns())


async def whole() -> None:
    completion = await create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content


measure.awaiting(stream=stream, paced=paced, whole=whole)

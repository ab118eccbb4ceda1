"""tokstream, awaited; `text=1` reads `text_stream` in place of the chunks, `final=N` the
completion put together from N of them."""

import time

import measure
from measure import MESSAGES, MODEL, Contents, Times

from tokstream import AsyncClient

http2 = "prior-knowledge" if measure.number("http2", 0) else False
client = AsyncClient(base_url=measure.URL, api_key="key", http2=http2)
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


async def texts() -> int:
    count = 0
    length = 0
    async for content in (await create(model=MODEL, messages=MESSAGES, stream=True)).text_stream:
        length += len(content)
        count += 1
    return count


async def final() -> int:
    """Put the completion together; its chunks are not seen, so their number is given."""
    completion = await (await create(model=MODEL, messages=MESSAGES, stream=True)).get_final_completion()
    assert completion.choices[0].message.content
    return measure.number("final", 0)


async def paced(contents: Contents, times: Times) -> None:
    async for chunk in await create(model=MODEL, messages=MESSAGES, stream=True):
        content = chunk.choices[0].delta.content
        if content:
            contents.append(content)
            times.append(time.monotonic_ns())


async def whole() -> None:
    completion = await create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content


read = texts if measure.number("text", 0) else final if measure.number("final", 0) else stream
measure.awaiting(stream=read, paced=paced, whole=whole)

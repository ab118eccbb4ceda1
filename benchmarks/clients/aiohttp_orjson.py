"""aiohttp and orjson: the best that Python does by hand, awaited."""

import time
from collections.abc import AsyncIterator

import aiohttp
import measure
import orjson
from measure import BODY, HEADERS, Contents, Times

ADDRESS = f"{measure.URL}/chat/completions"
session: aiohttp.ClientSession


async def opened() -> None:
    global session  # noqa: PLW0603 - it belongs to the event loop
    # Neither limit may hold back what is measured.
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None))


async def pieces() -> AsyncIterator[bytes]:
    async with session.post(ADDRESS, data=BODY, headers=HEADERS) as response:
        async for data in response.content.iter_any():
            yield data


async def stream() -> int:
    count = 0
    length = 0
    pending = b""
    async for data in pieces():
        *whole, pending = (pending + data).split(b"\n\n")
        for event in whole:
            if event == b"data: [DONE]":
                continue
            content = orjson.loads(event[6:])["choices"][0]["delta"]["content"]
            if content:
                length += len(content)
            count += 1
    return count


async def paced(contents: Contents, times: Times) -> None:
    pending = b""
    async for data in pieces():
        *whole, pending = (pending + data).split(b"\n\n")
        for event in whole:
            if event == b"data: [DONE]":
                continue
            content = orjson.loads(event[6:])["choices"][0]["delta"]["content"]
            if content:
                contents.append(content)
                times.append(time.monotonic_ns())


async def whole() -> None:
    async with session.post(ADDRESS, data=BODY, headers=HEADERS) as response:
        completion = orjson.loads(await response.read())
    assert completion["choices"][0]["message"]["content"]


measure.awaiting(stream=stream, paced=paced, whole=whole, opened=opened)

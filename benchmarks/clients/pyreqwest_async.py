"""pyreqwest and orjson, awaited."""

import time
from collections.abc import AsyncIterator

import measure
import orjson
from measure import BODY, HEADERS, Contents, Times
from pyreqwest.client import Client, ClientBuilder

ADDRESS = f"{measure.URL}/chat/completions"
client: Client


async def opened() -> None:
    global client  # noqa: PLW0603 - it belongs to the event loop
    client = ClientBuilder().max_connections(None).build()


async def pieces() -> AsyncIterator[bytes]:
    request = client.post(ADDRESS).headers(HEADERS).body_bytes(BODY)
    # At its default, the first 64 kB of a reply are waited for.
    async with request.streamed_read_buffer_limit(0).build_streamed() as response:
        while data := await response.body_reader.read_chunk():
            yield bytes(data)


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
    response = await client.post(ADDRESS).headers(HEADERS).body_bytes(BODY).build().send()
    completion = orjson.loads(bytes(await response.bytes()))
    assert completion["choices"][0]["message"]["content"]


measure.awaiting(stream=stream, paced=paced, whole=whole, opened=opened)

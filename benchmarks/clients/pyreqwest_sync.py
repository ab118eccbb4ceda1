"""pyreqwest and orjson, blocking."""

import time
from collections.abc import Iterator

import measure
import orjson
from measure import BODY, HEADERS, Contents, Times
from pyreqwest.client import SyncClientBuilder

ADDRESS = f"{measure.URL}/chat/completions"
client = SyncClientBuilder().max_connections(None).build()


def events() -> Iterator[bytes]:
    request = client.post(ADDRESS).headers(HEADERS).body_bytes(BODY)
    # At its default, the first 64 kB of a reply are waited for.
    with request.streamed_read_buffer_limit(0).build_streamed() as response:
        pending = b""
        while data := response.body_reader.read_chunk():
            *whole, pending = (pending + bytes(data)).split(b"\n\n")
            yield from whole


def stream() -> int:
    count = 0
    length = 0
    for event in events():
        if event == b"data: [DONE]":
            continue
        content = orjson.loads(event[6:])["choices"][0]["delta"]["content"]
        if content:
            length += len(content)
        count += 1
    return count


def paced(contents: Contents, times: Times) -> None:
    for event in events():
        if event == b"data: [DONE]":
            continue
        content = orjson.loads(event[6:])["choices"][0]["delta"]["content"]
        if content:
            contents.append(content)
            times.append(time.monotonic_ns())


def whole() -> object:
    response = client.post(ADDRESS).headers(HEADERS).body_bytes(BODY).build().send()
    completion = orjson.loads(bytes(response.bytes()))
    assert completion["choices"][0]["message"]["content"]
    return completion


def logprobs(completion) -> list[float]:
    return [token["logprob"] for token in completion["choices"][0]["logprobs"]["content"]]


measure.blocking(stream=stream, paced=paced, whole=whole, logprobs=logprobs)

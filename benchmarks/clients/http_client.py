"""http.client and orjson: the best that Python does by hand, blocking."""

import http.client
import json
import threading
import time
from collections.abc import Iterator

import measure
import orjson
from measure import BODY, HEADERS, MODEL, Contents, Times

JSON = {"orjson": orjson.loads, "json": json.loads}[measure.ARGUMENTS.get("json", "orjson")]
local = threading.local()


def post(body: bytes = BODY) -> http.client.HTTPResponse:
    if not hasattr(local, "connection"):
        local.connection = http.client.HTTPConnection("127.0.0.1", int(measure.ARGUMENTS["port"]))
    local.connection.request("POST", "/v1/chat/completions", body, HEADERS)
    return local.connection.getresponse()


def events() -> Iterator[bytes]:
    response = post()
    pending = b""
    while data := response.read1(1 << 16):
        *whole, pending = (pending + data).split(b"\n\n")
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
    completion = JSON(post().read())
    assert completion["choices"][0]["message"]["content"]
    return completion


def logprobs(completion) -> list[float]:
    return [token["logprob"] for token in completion["choices"][0]["logprobs"]["content"]]


def ask(messages: list) -> None:
    JSON(post(orjson.dumps({"model": MODEL, "messages": messages})).read())


measure.blocking(stream=stream, paced=paced, whole=whole, logprobs=logprobs, ask=ask)

"""Python that only receives, and finds the text: what its own ways of waiting take, whatever is done with what came.

There are no objects, JSON, timeouts or bounds, and it relies on this server's writes coming whole. `loop=asyncio` or
`loop=uvloop` awaits.
"""

import asyncio
import socket
import time
from collections.abc import Iterator

import measure
from measure import BODY, HEADERS, Contents, Times

PLACE = ("127.0.0.1", int(measure.ARGUMENTS["port"]))
FIELDS = {"Host": "127.0.0.1", "Content-Length": len(BODY), **HEADERS}
HEAD = "".join(f"{name}: {value}\r\n" for name, value in FIELDS.items())
REQUEST = f"POST /v1/chat/completions HTTP/1.1\r\n{HEAD}\r\n".encode() + BODY


def texts(data: bytes) -> Iterator[str]:
    for rest in data.split(b'"content":"')[1:]:
        text = rest.partition(b'"')[0].decode()
        if text:
            yield text


def note(data: bytes, contents: Contents, times: Times) -> None:
    for text in texts(data):
        contents.append(text)
        times.append(time.monotonic_ns())


def paced(contents: Contents, times: Times) -> None:
    with socket.create_connection(PLACE) as connection:
        connection.sendall(REQUEST)
        data = b""
        while b"[DONE]" not in data:
            data = connection.recv(1 << 16)
            note(data, contents, times)


class Receiver(asyncio.Protocol):
    def __init__(self) -> None:
        self.data = b""
        self.waiter: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.waiter is not None:
            self.waiter.set_result(None)
            self.waiter = None

    async def next(self) -> bytes:
        if not self.data:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        data, self.data = self.data, b""
        return data


async def awaited(contents: Contents, times: Times) -> None:
    transport, receiver = await asyncio.get_running_loop().create_connection(Receiver, *PLACE)
    transport.write(REQUEST)
    data = b""
    while b"[DONE]" not in data:
        data = await receiver.next()
        note(data, contents, times)
    transport.close()


if "loop" in measure.ARGUMENTS:
    measure.awaiting(paced=awaited)
else:
    measure.blocking(paced=paced)

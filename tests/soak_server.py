"""The server of a soak: sends what the seed says, byte by byte, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import logging
import os
import random
import socket
import struct
import threading
from collections import Counter
from typing import TYPE_CHECKING

from replies import completion, error, finish, sse, text
from server import frame, head
from soak_plan import Plan, plan

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

EVENTS = ("Content-Type", "text/event-stream")
JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")
LAST = b"0\r\n\r\n"
# How long the server goes on with a comment now and then.
COMMENTS = 200
# How many bytes are sent in a packet each.
BYTES = 500
# What goes in one piece through every buffer.
PACKET = 8000


class Ended(Exception):
    """The connection serves no more requests."""


class SoakServer:
    """Answers each request as the seed says of its number."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.asked: Counter[int] = Counter()
        self.open = 0
        self.accepted = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.accepted += 1
        try:
            with contextlib.suppress(Ended, OSError, asyncio.IncompleteReadError):
                while True:
                    await self.answer(reader, writer)
        finally:
            self.open -= 1
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        asked = json.loads(await reader.readexactly(int(headers["content-length"])))
        number = int(asked["messages"][0]["content"])
        planned = plan(self.seed, number)
        kind = planned.attempts[min(self.asked[number], len(planned.attempts) - 1)]
        self.asked[number] += 1
        await Sender(planned, kind, random.Random(f"{self.seed}/{number}/{kind}"), reader, writer).send()


class Sender:
    """Sends one answer."""

    def __init__(
        self,
        planned: Plan,
        kind: str,
        dice: random.Random,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.planned, self.kind, self.dice = planned, kind, dice
        self.reader, self.writer = reader, writer
        self.type = EVENTS if planned.streamed else JSON
        usage = {"prompt_tokens": 1, "completion_tokens": planned.number, "total_tokens": planned.number + 1}
        if planned.streamed:
            self.pieces = [sse(text(piece), done=False) for piece in planned.pieces]
            self.body = b"".join(self.pieces) + sse(finish(usage=usage))
        else:
            self.body = json.dumps(completion(planned.text, usage=usage), ensure_ascii=False).encode()
            self.pieces = [self.body]

    async def send(self) -> None:
        kind = self.kind
        if kind in SENDERS:
            await SENDERS[kind](self)
        elif kind in {"400", "429", "503"}:
            body = json.dumps(error("As the seed says")).encode()
            wait = ("retry-after-ms", str(self.dice.randrange(50)))
            await self.write(head(int(kind), JSON, wait, ("Content-Length", str(len(body)))) + body)
        elif kind == "html":
            body = b"<html>As the seed says</html>"
            await self.write(head(200, ("Content-Type", "text/html"), ("Content-Length", str(len(body)))) + body)
        else:
            raise AssertionError(kind)

    # ── ways to send an answer ──

    async def chunked(self) -> None:
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.body) + LAST)

    async def length(self) -> None:
        await self.write(head(200, self.type, ("Content-Length", str(len(self.body)))) + self.body)

    async def close(self) -> None:
        await self.write(head(200, self.type, ("Connection", "close")) + self.body)
        await self.leave()

    async def gzip(self) -> None:
        body = gzip.compress(self.body, 1)
        await self.write(head(200, self.type, ("Content-Encoding", "gzip"), CHUNKED) + self.frames(body) + LAST)

    async def http10(self) -> None:
        await self.write(head(200, self.type).replace(b"HTTP/1.1", b"HTTP/1.0", 1) + self.body)
        await self.leave()

    async def bytewise(self) -> None:
        sent = head(200, self.type, CHUNKED) + self.frames(self.body) + LAST
        for at in range(min(len(sent), BYTES)):
            if self.writer.transport.is_closing():
                raise Ended
            self.writer.write(sent[at : at + 1])
        await self.write(sent[BYTES:])

    async def interim(self) -> None:
        await self.write(head(100) + head(103, ("Link", "</x>")))
        await self.chunked()

    async def surplus(self) -> None:
        if len(self.body) > PACKET:
            return await self.length()
        evil = sse(text("evil"), finish()) if self.planned.streamed else json.dumps(completion("evil")).encode()
        both = [head(200, self.type, ("Content-Length", str(len(body)))) + body for body in (self.body, evil)]
        # In one piece: what comes after the next request was sent could not be told from its reply.
        self.writer.write(b"".join(both))
        return await self.writer.drain()

    async def done_then_silence(self) -> None:
        if not self.planned.streamed:
            return await self.chunked()
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.body))
        return await self.silence()

    async def done_then_garbage(self) -> None:
        if not self.planned.streamed:
            return await self.chunked()
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.body) + b"\x00no frame\r\n")
        return await self.leave()

    # ── faults ──

    async def reset_before(self) -> None:
        await self.reset()

    async def closed_before(self) -> None:
        await self.leave()

    async def garbage(self) -> None:
        await self.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await self.leave()

    async def reset_in_the_middle(self) -> None:
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.part()))
        await self.reset()

    async def cut_frame(self) -> None:
        part = self.part()
        rest = self.body[len(part) :]
        await self.write(head(200, self.type, CHUNKED) + frame(part) + frame(rest)[: -len(rest) // 2])
        await self.leave()

    async def cut_length(self) -> None:
        await self.write(head(200, self.type, ("Content-Length", str(len(self.body)))) + self.part())
        await self.leave()

    async def cut_gzip(self) -> None:
        body = gzip.compress(self.part(), 1)[:-9]
        await self.write(head(200, self.type, ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))) + body)

    async def no_done(self) -> None:
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.part()) + LAST)

    async def silent_before(self) -> None:
        await self.silence()

    async def silent(self) -> None:
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.part()))
        await self.silence()

    async def comments(self) -> None:
        if not self.planned.streamed:
            return await self.silent()
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.part()))
        for _ in range(COMMENTS):
            await self.write(frame(b": ping\n\n"))
            await asyncio.sleep(0.05)
        return await self.silence()

    async def error(self) -> None:
        data = error("As the seed says")
        if not self.planned.streamed:
            self.body = json.dumps(data).encode()
            return await self.length()
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.part() + sse(data)) + LAST)
        return None

    async def no_json(self) -> None:
        if not self.planned.streamed:
            self.body = b"{oops}"
            return await self.length()
        await self.write(head(200, self.type, CHUNKED) + self.frames(self.part() + b"data: {oops}\n\n") + LAST)
        return None

    # ── what they are made of ──

    def part(self) -> bytes:
        """Some of the answer, but not all of it; whole events of a stream."""
        if self.planned.streamed:
            return b"".join(self.pieces[: self.dice.randrange(len(self.pieces))])
        return self.body[: self.dice.randrange(len(self.body) - 1)]

    def frames(self, body: bytes) -> bytes:
        """The body in chunks of any size."""
        cuts = sorted(self.dice.randrange(len(body) + 1) for _ in range(self.dice.randrange(8)))
        bounds = [0, *cuts, len(body)]
        return b"".join(frame(body[begin:end]) for begin, end in itertools.pairwise(bounds))

    async def write(self, data: bytes) -> None:
        """Send in pieces, some of them late."""
        while data:
            size = self.dice.randint(1, len(data)) if self.dice.random() < 0.3 else len(data)
            self.writer.write(data[:size])
            await self.writer.drain()
            data = data[size:]
            if self.dice.random() < 0.2:
                await asyncio.sleep(self.dice.random() * 0.02)

    async def silence(self) -> None:
        """Nothing more, until the client leaves."""
        await self.reader.read()
        raise Ended

    async def leave(self) -> None:
        raise Ended

    async def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Ended


SENDERS = {
    "chunked": Sender.chunked,
    "length": Sender.length,
    "close": Sender.close,
    "gzip": Sender.gzip,
    "http10": Sender.http10,
    "bytewise": Sender.bytewise,
    "interim": Sender.interim,
    "surplus": Sender.surplus,
    "done then silence": Sender.done_then_silence,
    "done then garbage": Sender.done_then_garbage,
    "reset before": Sender.reset_before,
    "closed before": Sender.closed_before,
    "garbage": Sender.garbage,
    "reset": Sender.reset_in_the_middle,
    "cut frame": Sender.cut_frame,
    "cut length": Sender.cut_length,
    "cut gzip": Sender.cut_gzip,
    "no done": Sender.no_done,
    "silent before": Sender.silent_before,
    "silent": Sender.silent,
    "comments": Sender.comments,
    "error": Sender.error,
    "no json": Sender.no_json,
}


def serve(seed: int, pipe: Connection) -> None:
    """Serve until the other end of the pipe is gone. Tells its port first, and then, when asked, what is connected."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # clients that leave are what this is about
    server = SoakServer(seed)

    def report() -> None:
        with contextlib.suppress(EOFError, OSError):
            while pipe.recv():
                pipe.send((server.open, server.accepted))
        os._exit(0)

    async def main() -> None:
        listening = await asyncio.start_server(server.connected, "127.0.0.1", 0, backlog=512)
        pipe.send(listening.sockets[0].getsockname()[1])
        threading.Thread(target=report, daemon=True).start()
        await listening.serve_forever()

    asyncio.run(main())

"""Memory and sockets: what is read ahead, what long streams leave behind, and connections whose other end is gone."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
import zlib
from pathlib import Path

import pytest

from replies import event, finish, said, sse, text
from server import Gate, frame, head, stream

EVENTS = ("Content-Type", "text/event-stream")
CHUNKED = ("Transfer-Encoding", "chunked")
PIECE = frame(event(text("x" * 1000)) * 50)
# What may lie in buffers of both systems and of the client; far below what the server has to say.
READ_AHEAD = 32 << 20


@pytest.mark.parametrize("view", ["chunks", "text_stream", "bytes"])
def test_a_slow_reader_holds_the_server_back(surface, client, view):
    sent = []

    def flood(_):
        yield head(200, EVENTS, CHUNKED)
        while len(sent) * len(PIECE) < 4 * READ_AHEAD:
            sent.append(None)
            yield PIECE

    api, _ = client(flood)
    if view == "bytes":
        streaming = surface.using(api.chat.completions.with_streaming_response.create(messages="x", stream=True))
        with streaming as response:
            surface.next(response.iter_bytes())
            stands_still(surface, sent)
        return
    answer = surface.stream(api)
    surface.next(answer.text_stream if view == "text_stream" else answer)
    stands_still(surface, sent)
    surface.run(answer.close())


def stands_still(surface, sent):
    """The server comes to no further piece for a while, long before it is done."""
    before = -1
    while before != len(sent):
        before = len(sent)
        surface.meanwhile(lambda: time.sleep(0.3))
    assert len(sent) * len(PIECE) < READ_AHEAD


def resident():
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_chunk_takes_no_more_memory_than_it_has_bytes(surface, client):
    """Of an encoded reply it lies in a buffer of its own."""
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(event(text("x"))) + packer.flush(zlib.Z_SYNC_FLUSH) for _ in range(2000)]
    pieces.append(packer.compress(sse(finish())) + packer.flush())
    api, _ = client(stream(*pieces, headers=[("Content-Encoding", "gzip")]))
    before = resident()
    chunks = surface.list(surface.stream(api))
    assert len(chunks) == 2001
    assert resident() - before < 32 << 20


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_million_chunks_leave_nothing_behind(surface, client):
    thousand = frame(event(text("x")) * 1000)
    last = sse(finish())

    def flood(_):
        yield head(200, EVENTS, CHUNKED)
        for _ in range(1000):
            yield thousand
        yield frame(last)
        yield b"0\r\n\r\n"

    api, _ = client(flood)
    answer = surface.stream(api).text_stream
    surface.take(answer, 100_000)
    before = resident()
    assert sum(map(len, surface.list(answer))) == 900_000
    # The text itself, the list of its pieces, and what the allocator keeps.
    assert resident() - before < 40 << 20


OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    *[
        (socket.IPPROTO_TCP, getattr(socket, name, 0))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    ],
]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the sockets of a process")
def test_a_dead_peer_is_looked_for(surface, client):
    gate = Gate()
    api, server = client(stream(event(text("A")), gate, said("B")))
    answer = surface.stream(api)
    surface.next(answer)
    peer = server.connections[0].sock.getpeername()
    ours = None
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found = socket.socket(fileno=os.dup(int(descriptor.name)))
        except OSError:
            continue
        with found:
            try:
                if found.getsockname() == peer:
                    ours = [found.getsockopt(*option) for option in OPTIONS]
            except OSError:
                pass
    # After a minute of silence three questions, and half a minute for what was sent to be acknowledged.
    assert ours == [1, 60, 15, 3, 30_000]
    gate.open()
    assert surface.list(answer.text_stream) == ["B"]

"""Just enough HTTP/2 to answer every request of a connection with the same reply."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server import Connection

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: str, value: str) -> bytes:
    """A header field that needs no table."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def answer(connection: Connection, body: bytes, content_type: str) -> None:
    """Speak HTTP/2 until the client leaves; each request gets this body."""
    assert connection.take(len(PREFACE)) == PREFACE
    connection.send(frame(SETTINGS, 0, 0))
    while True:
        head = connection.take(9)
        size = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = connection.take(size)
        if kind == SETTINGS and not flags & ACK:
            connection.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            connection.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            return
        elif kind in (DATA, HEADERS) and flags & END_STREAM:
            connection.requests += 1
            headers = literal(":status", "200") + literal("content-type", content_type)
            connection.send(frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, END_STREAM, stream, body))

"""A scripted HTTP/1.1 server on raw sockets: it sends exactly the bytes a test asks for, when it asks.

Each request that arrives is recorded and answered by the next entry of the script. An entry is a
sequence of steps (or a function of the request that returns one):

    bytes            sent as they are
    Gate()           wait until the test opens the gate
    Reached()        tell the test, which waits for it, that the script got here
    Pause(seconds)   wait that long
    STALL            keep the connection open and silent until the client leaves
    CLOSE, RESET     end the connection in order, or with a TCP reset
    StartTLS(ctx)    begin TLS on this connection (a CONNECT proxy does so after its reply)
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

# How long a script waits for a test before it gives up: a bound on a broken test, never a delay.
PATIENCE = 20.0
# How often a script that waits for a gate looks whether the client is still there.
POLL = 0.002


class Gate(threading.Event):
    """A place in a script that waits until the test opens it."""

    def open(self) -> None:
        self.set()


class Reached(threading.Event):
    """Tells the test that all before it has been sent."""


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class StartTLS:
    context: ssl.SSLContext


@dataclass(frozen=True)
class Marker:
    name: str


STALL, CLOSE, RESET = Marker("stall"), Marker("close"), Marker("reset")
Step = bytes | Gate | Reached | Pause | StartTLS | Marker
Entry = Sequence[Step] | Callable[["Request"], Sequence[Step]]


@dataclass
class Request:
    """One request as it came: header names keep their order and case."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Every value sent under this header name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The value of a header that may be sent once at most."""
        values = self.all(name)
        assert len(values) < 2, f"{name} was sent {len(values)} times: {values}"
        return values[0] if values else None


class Gone(Exception):
    """The connection has ended, by the client or by the script."""


class Connection:
    """One accepted connection: what was read of it, and when it ended."""

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        self.ended = threading.Event()
        self.ended_at = 0.0
        self.was_reset = False
        self.requests = 0
        self.peer_certificate: dict[str, Any] | None = None
        self._unread = b""

    def readable(self, timeout: float | None) -> bool:
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        return bool(select.select([self.sock], [], [], timeout)[0])

    def receive(self) -> bytes:
        """More bytes of the client, or Gone."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            self.was_reset = True
            raise Gone from error
        if not data:
            raise Gone
        self._unread += data
        return data

    def take(self, count: int) -> bytes:
        while len(self._unread) < count:
            self.receive()
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def take_until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self.receive()
        taken, _, self._unread = self._unread.partition(mark)
        return taken

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as error:
            raise Gone from error

    def start_tls(self, context: ssl.SSLContext) -> None:
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except OSError as error:
            raise Gone from error
        self.peer_certificate = self.sock.getpeercert()

    def end(self, *, reset: bool = False) -> None:
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.ended_at = time.monotonic()
        self.ended.set()


class Server:
    """A server on loopback, on a free port. Use as a context manager."""

    def __init__(
        self,
        *script: Entry,
        then: Entry | None = None,
        tls: ssl.SSLContext | None = None,
        on_accept: Callable[[Connection], None] | None = None,
    ) -> None:
        self.script = deque(script)
        self.then = then
        self.tls = tls
        self.on_accept = on_accept
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.unscripted: list[Request] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, name="scripted-server")]

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1/openai"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            # Wakes the accepting thread.
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._threads[0].join(PATIENCE)
        self._listener.close()
        for connection in list(self.connections):
            if not connection.ended.is_set():
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(PATIENCE)

    def wait_requests(self, count: int) -> list[Request]:
        """Wait until this many requests have arrived in all."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE)
        assert arrived, f"{len(self.requests)} of {count} requests arrived"
        return self.requests

    def wait_connections(self, count: int) -> list[Connection]:
        """Wait until this many connections have been accepted in all."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.connections) >= count, PATIENCE)
        assert arrived, f"{len(self.connections)} of {count} connections arrived"
        return self.connections

    @property
    def request(self) -> Request:
        """The one request that was made."""
        assert len(self.requests) == 1, self.requests
        return self.requests[0]

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._stopping.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(len(self.connections), sock)
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        reset = False
        try:
            if self.on_accept is not None:
                self.on_accept(connection)
            if self.tls is not None:
                connection.start_tls(self.tls)
            while True:
                request = read_request(connection)
                for step in self._record(connection, request):
                    self._do(connection, step)
        except ResetByScript:
            reset = True
        except (Gone, OSError):
            pass
        finally:
            connection.end(reset=reset)

    def _record(self, connection: Connection, request: Request) -> Sequence[Step]:
        with self._changed:
            self.requests.append(request)
            connection.requests += 1
            entry = self.script.popleft() if self.script else self.then
            if entry is None:
                self.unscripted.append(request)
                entry = reply({"error": "the script has no such entry"}, status=400)
            self._changed.notify_all()
        return entry(request) if callable(entry) else entry

    def _do(self, connection: Connection, step: Step) -> None:
        if isinstance(step, bytes):
            connection.send(step)
        elif isinstance(step, Gate):
            self._wait(connection, step)
        elif isinstance(step, Reached):
            step.set()
        elif isinstance(step, Pause):
            self._wait(connection, threading.Event(), step.seconds)
        elif isinstance(step, StartTLS):
            connection.start_tls(step.context)
        elif step is STALL:
            while True:
                connection.receive()
        else:
            raise ResetByScript if step is RESET else Gone

    def _wait(self, connection: Connection, event: threading.Event, seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not event.wait(POLL) and time.monotonic() < end:
            if self._stopping.is_set():
                raise Gone
            if connection.readable(0):
                connection.receive()


class ResetByScript(Exception):
    """The script asked for a TCP reset."""


def read_request(connection: Connection) -> Request:
    lines = connection.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    method, target, version = lines[0].split(" ")
    pairs = [line.partition(":") for line in lines[1:]]
    request = Request(method, target, version, [(n, v.strip()) for n, _, v in pairs], b"", connection.number)
    if request.header("transfer-encoding") == "chunked":
        while size := int(connection.take_until(b"\r\n"), 16):
            request.body += connection.take(size)
            connection.take(2)
        connection.take(2)
    else:
        request.body = connection.take(int(request.header("content-length") or 0))
    request.at = time.monotonic()
    return request


# ── what a script is made of ──────────────────────────────────────────────────────────────────

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


def head(status: int = 200, *headers: tuple[str, str]) -> bytes:
    """A status line and headers, with the blank line after them."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reply(
    data: Any,
    status: int = 200,
    *,
    headers: Iterable[tuple[str, str]] = (),
    content_type: str | None = "application/json",
    framing: str = "length",
) -> list[Step]:
    """A whole reply. Bytes and strings are sent as they are, anything else as JSON."""
    if isinstance(data, str):
        data = data.encode()
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return stream(body, status=status, headers=headers, content_type=content_type, framing=framing)


def stream(
    *steps: Step,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    content_type: str | None = "text/event-stream; charset=utf-8",
    framing: str = "chunked",
) -> list[Step]:
    """A reply whose body is these steps; each bytes step is one chunk of a chunked body."""
    sent = [("Content-Type", content_type)] if content_type else []
    sent += headers
    if framing == "chunked":
        sent.append(("Transfer-Encoding", "chunked"))
        body: list[Step] = [frame(step) if isinstance(step, bytes) else step for step in steps]
        body.append(b"0\r\n\r\n")
    elif framing == "length":
        size = sum(len(step) for step in steps if isinstance(step, bytes))
        sent.append(("Content-Length", str(size)))
        body = list(steps)
    else:
        sent.append(("Connection", "close"))
        body = [*steps, CLOSE]
    return [head(status, *sent), *body]


def frame(data: bytes) -> bytes:
    """One chunk of a chunked body; an empty one would end the body, so it is left out."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""

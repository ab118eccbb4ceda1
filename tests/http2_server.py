"""An HTTP/2 server on loopback, on h2: it sends what a test says on each stream, and minds the client's windows."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from server import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from typing_extensions import Self

EVENTS, JSON = "text/event-stream", "application/json"


class Gone(Exception):
    """The client has left, or has given up this stream."""


class Http2Stream:
    """One request and its reply."""

    def __init__(self, connection: Http2Connection, number: int) -> None:
        self.connection = connection
        self.number = number
        self.body = b""
        self.was_reset = threading.Event()

    def head(self, content_type: str = EVENTS, status: int = 200, length: int | None = None) -> None:
        headers = [(":status", str(status)), ("content-type", content_type)]
        if length is not None:
            headers.append(("content-length", str(length)))
        self.connection.do(lambda h2: h2.send_headers(self.number, headers))

    def send(self, data: bytes) -> None:
        """Sends as the client's windows allow; waits where they do not."""
        while data:
            room = self.connection.room(self)
            part, data = data[:room], data[room:]
            self.connection.do(lambda h2, part=part: h2.send_data(self.number, part))

    def end(self) -> None:
        self.connection.do(lambda h2: h2.end_stream(self.number))

    def reset(self, error_code: h2.errors.ErrorCodes) -> None:
        self.connection.do(lambda h2: h2.reset_stream(self.number, error_code))

    def answer(self, body: bytes, content_type: str = EVENTS) -> None:
        self.head(content_type)
        self.send(body)
        self.end()


class Http2Connection:
    """One connection: its streams, in the order in which they were opened."""

    def __init__(self, server: Http2Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.streams: dict[int, Http2Stream] = {}
        self.ponged = threading.Event()
        self.ended = threading.Event()
        self.most_at_once = 0
        self._changed = threading.Condition()
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))

    def do(self, action: Callable[[h2.connection.H2Connection], None]) -> None:
        with self._changed:
            try:
                action(self._h2)
                # One frame is one frame: it may cross no other thread's.
                self.sock.sendall(self._h2.data_to_send())
            except (OSError, h2.exceptions.ProtocolError) as error:
                raise Gone from error

    def room(self, stream: Http2Stream) -> int:
        """How many bytes may be sent now; waits until there is one."""

        def window() -> int:
            if stream.was_reset.is_set() or self.ended.is_set():
                raise Gone
            try:
                return min(self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size)
            except h2.exceptions.ProtocolError as error:
                raise Gone from error

        with self._changed:
            assert self._changed.wait_for(window, PATIENCE), "the client does not read"
            return window()

    def ping(self) -> bool:
        """Whether the client answers a ping."""
        self.ponged.clear()
        self.do(lambda h2: h2.ping(b"are you?"))
        return self.ponged.wait(PATIENCE)

    def go_away(self) -> None:
        self.do(lambda h2: h2.close_connection())

    def serve(self) -> None:
        def begin(h2: h2.connection.H2Connection) -> None:
            h2.initiate_connection()
            h2.update_settings(self.server.settings)

        with contextlib.suppress(Gone, OSError, h2.exceptions.ProtocolError):
            self.do(begin)
            while data := self.sock.recv(65536):
                with self._changed:
                    events = self._h2.receive_data(data)
                self.do(lambda _: None)
                for event in events:
                    self._handle(event)
        with self._changed:
            self.ended.set()
            # A client that has left has given up all its streams.
            for stream in self.streams.values():
                stream.was_reset.set()
            self._changed.notify_all()
        self.sock.close()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = Http2Stream(self, event.stream_id)
            self.most_at_once = max(self.most_at_once, self._h2.open_inbound_streams)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].body += event.data
            self.do(lambda h2: h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id))
        elif isinstance(event, h2.events.StreamEnded):
            self.server.start(self._respond, self.streams[event.stream_id])
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id].was_reset.set()
        elif isinstance(event, h2.events.PingAckReceived):
            self.ponged.set()
        with self._changed:
            self._changed.notify_all()

    def _respond(self, stream: Http2Stream) -> None:
        with contextlib.suppress(Gone):
            self.server.respond(stream)


class Http2Server:
    """Answers each request by `respond`, in a thread of its own. Use as a context manager."""

    def __init__(
        self,
        respond: Callable[[Http2Stream], None],
        *,
        tls: ssl.SSLContext | None = None,
        most_streams: int | None = None,
    ) -> None:
        self.respond = respond
        self.tls = tls
        self.settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: most_streams} if most_streams else {}
        self.connections: list[Http2Connection] = []
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def streams(self) -> list[Http2Stream]:
        return [stream for connection in self.connections for stream in connection.streams.values()]

    def start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Self:
        self.start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        # Wakes the accepting thread, which closes the listener.
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._stopping:
                sock.close()
                self._listener.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                try:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                except OSError:
                    continue
                assert sock.selected_alpn_protocol() == "h2"
            connection = Http2Connection(self, sock)
            self.connections.append(connection)
            self.start(connection.serve)

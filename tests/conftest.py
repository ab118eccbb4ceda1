"""Fixtures every test may use, above all `surface` (both clients in turn) and `serve` (scripted servers)."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest

import tokstream
from certificates import Authority
from children import running
from replies import HELLO, completion, sse
from resumes import POLICY
from server import Entry, Server, reply, stream
from surface import ALL_SURFACES, SURFACES, Surface
from tool_runs import failure, runner

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A client must not see the keys, addresses, proxies or certificates of whoever runs the tests.
HIDDEN = ("DEEPINFRA_", "OPENAI_", "SSL_CERT_", "TOKSTREAM_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# What a shell runs in the background ignores Ctrl-C, and so would the programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(HIDDEN) or name.lower() in PROXIES:
            monkeypatch.delenv(name)


def pytest_collection_finish() -> None:
    """Keeps the collector from looking at all modules and tests again and again: they stay."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test on both surfaces; a module with `ALL_SURFACES = True` on every one there is."""
    given = [mark for mark in metafunc.definition.iter_markers("parametrize") if "surface" in str(mark.args[0])]
    if "surface" in metafunc.fixturenames and not given:
        surfaces = ALL_SURFACES if getattr(metafunc.module, "ALL_SURFACES", False) else SURFACES
        metafunc.parametrize("surface", sorted(surfaces), indirect=True)


@pytest.fixture
def surface(request: pytest.FixtureRequest) -> Iterator[Surface]:
    """The sync client and the async one, behind one face; others where a test asks for them."""
    surface = ALL_SURFACES[request.param]()
    yield surface
    surface.shut()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts scripted servers; they stop when the test ends, which fails if a script ran out."""
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []

        def start(*script: Entry, **options: Any) -> Server:
            server = stack.enter_context(Server(*script, **options))
            servers.append(server)
            return server

        yield start
    for server in servers:
        assert not server.unscripted, f"unexpected requests: {server.unscripted}"


@pytest.fixture
def client(surface: Surface, serve: Callable[..., Server]) -> Callable[..., Any]:
    """A client and the server it talks to: `client, server = client(script…, option=…)`."""

    def start(*script: Entry, then: Entry | None = None, **options: Any) -> tuple[Any, Server]:
        server = serve(*script, then=then)
        return surface.client(server, **options), server

    return start


@pytest.fixture
def hasty(client: Callable[..., Any]) -> Callable[..., Any]:
    """The same, of a client that waits for nothing between attempts."""

    def start(*script: Entry, then: Entry | None = None, **options: Any) -> tuple[Any, Server]:
        return client(*script, then=then, **{"retry": POLICY, **options})

    return start


@pytest.fixture
def unreachable() -> Iterator[str]:
    """A base URL whose connections are never accepted: the queue of its listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}/v1"


@pytest.fixture
def run(surface: Surface, client: Callable[..., Any]) -> Callable[..., Any]:
    """A run of tools against a script: the run and its server."""
    return runner(surface, client)


@pytest.fixture
def tools_fail(surface: Surface, client: Callable[..., Any]) -> Callable[..., Any]:
    """The error that a run of tools against a script ends with, and its server."""
    return failure(surface, client)


@pytest.fixture
def fails(surface: Surface, client: Callable[..., Any]) -> Callable[..., tokstream.TokstreamError]:
    """The error that a call raises when this is the server's answer; the client stays usable."""

    def fails(*script: Entry, streamed: bool = False, **options: Any) -> tokstream.TokstreamError:
        api, _ = client(*script, reply(completion("usable")), max_retries=0, **options)
        with pytest.raises(tokstream.TokstreamError) as caught:
            surface.ask(api, streamed, messages=HELLO)
        assert surface.create(api).choices[0].message.content == "usable"
        return caught.value

    return fails


@pytest.fixture
def parse(surface: Surface, client: Callable[..., Any]) -> Callable[..., Any]:
    """Parses one reply, of which a text is the content; `parse.server` is the server it came from."""

    def parse(sent: Any, **params: Any) -> Any:
        api, parse.server = client(reply(sent if isinstance(sent, dict) else completion(sent)))
        params.setdefault("messages", HELLO)
        return surface.run(api.chat.completions.parse(**params))

    return parse


@pytest.fixture
def events(surface: Surface, client: Callable[..., Any]) -> Callable[..., list[Any]]:
    """All events of a stream of these chunks."""

    def events(*chunks: Any) -> list[Any]:
        api, _ = client(stream(sse(*chunks)))
        with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
            return surface.list(answer)

    return events


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nothing listens: bound, so that nobody else gets it, but never listened on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts programs in interpreters of their own, which do not outlive the test."""
    with contextlib.ExitStack() as stack:
        yield lambda program, **values: stack.enter_context(running(program, **values))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority of the test's own."""
    return Authority(tmp_path)

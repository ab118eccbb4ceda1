"""Ctrl-C, signal handlers and the end of the process, in child processes with a time limit."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import tokstream
from http2_server import Http2Server
from replies import completion, error, event, said, text
from server import STALL, Gate, Reached, reply, stream

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")

ROOT = str(Path(tokstream.__file__).parents[1])
OK = reply(completion("ok"))
LIMIT = 30
# Within 200 ms, with room for a busy machine.
PROMPT = 1.0

# What the children share: the call that blocks, and the news that it has been interrupted and goes on.
PRELUDE = """
import asyncio, sys, time
sys.path.insert(0, {root!r})
import tokstream
URL, GOOD = {url!r}, {good!r}
POLICY = tokstream.RetryPolicy(max_retries={retries})
def say(*words):
    print(*words, flush=True)
"""

SYNC = """
client = tokstream.Client(base_url=URL, retry=POLICY, timeout=60)
try:
    if {streamed}:
        for chunk in client.chat.completions.create(messages="x", stream=True):
            say("chunk")
    else:
        client.chat.completions.create(messages="x")
except KeyboardInterrupt:
    say("interrupted")
say(client.with_options(base_url=GOOD).chat.completions.create(messages="x").choices[0].message.content)
"""

ASYNC = """
async def main():
    async with tokstream.AsyncClient(base_url=URL, retry=POLICY, timeout=60) as client:
        if {streamed}:
            async for chunk in await client.chat.completions.create(messages="x", stream=True):
                say("chunk")
        else:
            await client.chat.completions.create(messages="x")
async def again():
    async with tokstream.AsyncClient(base_url=GOOD) as client:
        say((await client.chat.completions.create(messages="x")).choices[0].message.content)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    say("interrupted")
asyncio.run(again())
"""


@pytest.fixture
def child():
    """Starts programs in interpreters of their own, which do not outlive the test."""
    with contextlib.ExitStack() as stack:

        def start(program, **values):
            values = {"root": ROOT, "good": "", "url": "", "retries": 0, "streamed": False, **values}
            process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(PRELUDE + program).format(**values)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            # Leaving a Popen closes its pipes and waits for its end.
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def finish(process, code=0):
    """The child's output, when it ended in time, well and without complaint."""
    try:
        process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        pytest.fail(f"the child hangs:\n{process.stderr.read()}")
    # What little a child says fits into its pipes; communicate() would miss what readline() has read ahead.
    out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == code, err
    assert not err, err
    return out.split()


@pytest.fixture
def unreachable():
    """A base URL whose connections are never accepted: the queue of its listener is full."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    address = listener.getsockname()
    fillers = [socket.socket() for _ in range(8)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(address)
    yield f"http://127.0.0.1:{address[1]}/v1"
    for sock in (*fillers, listener):
        sock.close()


# More than fits between a server and a client that does not read.
UNREAD = [b": " + b"x" * (1 << 20) + b"\n\n"] * 32

SCRIPTS = {
    "head": [STALL],
    "body": [reply(completion())[0], STALL],
    "read": stream(event(text("A")), STALL),
    "retry": reply(error(), 503, headers=[("Retry-After", "50")]),
}


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("where", SCRIPTS)
def test_ctrl_c(serve, child, where, program):
    server, good = serve(SCRIPTS[where]), serve(OK)
    process = child(program, url=server.url, good=good.url, retries=where == "retry", streamed=where == "read")
    server.wait_requests(1)
    if where == "read":
        assert process.stdout.readline() == "chunk\n"
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < PROMPT
    assert finish(process) == ["ok"]
    if where != "retry":
        assert server.connections[0].ended.wait(PROMPT)
    assert len(server.requests) == 1


def connecting(url):
    """How many sockets of this machine wait for an answer of this server, as the kernel tells."""
    port = f":{urlsplit(url).port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    syn_sent = "02"
    return sum(row[2].endswith(port) and row[3] == syn_sent for row in rows)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells when a connection is being made")
@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_ctrl_c_while_connecting(serve, child, unreachable, program):
    good = serve(OK)
    before = connecting(unreachable)
    process = child(program, url=unreachable, good=good.url)
    deadline = time.monotonic() + LIMIT
    while connecting(unreachable) == before:
        assert time.monotonic() < deadline, "the child does not connect"
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < PROMPT
    assert finish(process) == ["ok"]


USES = {
    "final": """await_(answer().get_final_text())""",
    "text": """
        for _ in answer().text_stream: pass""",
    "events": """
        with client.chat.completions.stream(messages="x") as events:
            for _ in events: pass""",
    "lines": """
        with client.chat.completions.with_streaming_response.create(messages="x", stream=True) as response:
            for _ in response.iter_lines(): pass""",
}
SYNC_USE = """
client = tokstream.Client(base_url=URL, retry=POLICY, timeout=60)
def answer():
    return client.chat.completions.create(messages="x", stream=True)
def use():
    {use}
try:
    use()
except KeyboardInterrupt:
    say("interrupted")
say(client.with_options(base_url=GOOD).chat.completions.create(messages="x").choices[0].message.content)
"""
ASYNC_USE = """
async def main():
    async with tokstream.AsyncClient(base_url=URL, retry=POLICY, timeout=60) as client:
        async def answer():
            return await client.chat.completions.create(messages="x", stream=True)
        async def use():
            {use}
        await use()
async def again():
    async with tokstream.AsyncClient(base_url=GOOD) as client:
        say((await client.chat.completions.create(messages="x")).choices[0].message.content)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    say("interrupted")
asyncio.run(again())
"""


def using(how, *, asynchronous):
    """The program that reads a stream in this way."""
    use = textwrap.dedent(USES[how])
    if asynchronous:
        use = use.replace("for ", "async for ").replace("with ", "async with ")
        use = use.replace("await_(answer()", "await ((await answer())")
        use = use.replace("answer().text", "(await answer()).text")
    else:
        use = use.replace("await_", "")
    program = ASYNC_USE if asynchronous else SYNC_USE
    indent = " " * (12 if asynchronous else 4)
    return program.replace("{use}", use.replace("\n", "\n" + indent))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("how", USES)
def test_ctrl_c_however_a_stream_is_read(serve, child, how, asynchronous):
    read = Reached()
    server, good = serve(stream(event(text("A")), *UNREAD, read, STALL)), serve(OK)
    process = child(using(how, asynchronous=asynchronous), url=server.url, good=good.url)
    assert read.wait(LIMIT)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < PROMPT
    assert finish(process) == ["ok"]
    assert server.connections[0].ended.wait(PROMPT)


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_ctrl_c_while_tls_is_begun(serve, child, program):
    greeted = Reached()

    def say_nothing(connection):
        connection.receive()
        greeted.set()
        while True:
            connection.receive()

    server, good = serve(on_accept=say_nothing), serve(OK)
    process = child(program, url=server.url.replace("http:", "https:"), good=good.url)
    assert greeted.wait(LIMIT)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < PROMPT
    assert finish(process) == ["ok"]
    assert server.connections[0].ended.wait(PROMPT)


HANDLER = """
import signal
handled = []
signal.signal(signal.SIGUSR1, lambda *_: (handled.append(1), say("handled")))
client = tokstream.Client(base_url=URL)
say(client.chat.completions.create(messages="x").choices[0].message.content, len(handled))
"""


def test_a_users_signal_handler_runs_while_a_call_waits(serve, child):
    gate = Gate()
    server = serve([gate, *OK])
    process = child(HANDLER, url=server.url)
    server.wait_requests(1)
    process.send_signal(signal.SIGUSR1)
    # The answer is held back until the handler has run.
    assert process.stdout.readline() == "handled\n"
    gate.open()
    assert finish(process) == ["ok", "1"]


RAISING_HANDLER = """
import signal
class Enough(Exception):
    pass
def enough(*_):
    raise Enough
signal.signal(signal.SIGUSR1, enough)
""" + SYNC.replace("KeyboardInterrupt", "Enough")

COUNTING_HANDLER = """
import signal
signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
if {asynchronous}:
    async def main():
        async with tokstream.AsyncClient(base_url=URL, retry=POLICY, timeout=60) as client:
            answer = await client.chat.completions.create(messages="x", stream={streamed})
            if {streamed}:
                async for _ in answer:
                    say("chunk")
    asyncio.run(main())
else:
    client = tokstream.Client(base_url=URL, retry=POLICY, timeout=60)
    answer = client.chat.completions.create(messages="x", stream={streamed})
    if {streamed}:
        for _ in answer:
            say("chunk")
say("end")
"""


@pytest.mark.parametrize("where", SCRIPTS)
def test_what_a_users_signal_handler_raises_ends_the_wait(serve, child, where):
    """As a time limit made of SIGALRM does."""
    server, good = serve(SCRIPTS[where]), serve(OK)
    process = child(RAISING_HANDLER, url=server.url, good=good.url, retries=where == "retry", streamed=where == "read")
    server.wait_requests(1)
    if where == "read":
        assert process.stdout.readline() == "chunk\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "interrupted\n"
    assert finish(process) == ["ok"]
    if where != "retry":
        assert server.connections[0].ended.wait(PROMPT)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("where", ["head", "body", "read", "retry"])
def test_users_signal_handlers_run_wherever_a_call_waits(serve, child, where, asynchronous):
    gate = Gate()
    head_of_whole, body = reply(completion())
    server = serve(
        {
            "head": [gate, head_of_whole, body],
            "body": [head_of_whole, gate, body],
            "read": stream(event(text("A")), gate, said()),
            "retry": reply(error(), 503, headers=[("Retry-After", "2")]),
        }[where],
        *([OK] if where == "retry" else []),
    )
    process = child(
        COUNTING_HANDLER,
        url=server.url,
        retries=where == "retry",
        streamed=where == "read",
        asynchronous=asynchronous,
    )
    server.wait_requests(1)
    if where == "read":
        assert process.stdout.readline() == "chunk\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "handled\n"
    # It ran while the call waited, which then goes on.
    assert len(server.requests) == 1
    gate.open()
    assert finish(process)[-1] == "end"


AGAIN = """
client = tokstream.Client(base_url=URL, retry=POLICY, timeout=60)
for _ in range(5):
    try:
        if {streamed}:
            for chunk in client.chat.completions.create(messages="x", stream=True):
                say("chunk")
        else:
            client.chat.completions.create(messages="x")
    except KeyboardInterrupt:
        say("interrupted")
"""


@pytest.mark.parametrize("where", SCRIPTS)
def test_ctrl_c_takes_a_fifth_of_a_second(serve, child, where):
    """The best of five tries on one client, since the machine may be busy."""
    server = serve(then=SCRIPTS[where])
    process = child(AGAIN, url=server.url, retries=where == "retry", streamed=where == "read")
    took = []
    for number in range(5):
        server.wait_requests(number + 1)
        if where == "read":
            assert process.stdout.readline() == "chunk\n"
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        took.append(time.monotonic() - sent)
    assert finish(process) == []
    assert min(took) < 0.2


READING_HANDLER = """
import signal
def read_on(*_):
    try:
        next(stream)
    except RuntimeError as error:
        say("refused", "by this thread already" in str(error))
signal.signal(signal.SIGUSR1, read_on)
client = tokstream.Client(base_url=URL)
stream = client.chat.completions.create(messages="x", stream=True)
say(*(chunk.choices[0].delta.content for chunk in stream))
"""


def test_a_signal_handler_that_reads_the_stream_that_is_waited_for(serve, child):
    read, gate = Reached(), Gate()
    # When all of the comments have been taken, the child waits in `next`.
    server = serve(stream(*UNREAD, read, gate, said("A", "B")))
    process = child(READING_HANDLER, url=server.url)
    assert read.wait(LIMIT)
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "refused True\n"
    gate.open()
    assert finish(process) == ["A", "B", "None"]


LOOKING_HANDLER = """
import signal
def look(*_):
    seen.append((stream.timings.retries, stream.usage, stream.is_closed, repr(stream)))
    seen.append(stream.current_completion_snapshot)
seen = []
signal.signal(signal.SIGALRM, look)
client = tokstream.Client(base_url=URL, max_retries=0)
for _ in range(300):
    stream = client.chat.completions.create(messages="x", stream=True)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    for _ in range(20):
        assert stream.response.status_code == 200
    try:
        list(stream)
    except tokstream.StreamTruncatedError as error:
        assert error.partial
    signal.setitimer(signal.ITIMER_REAL, 0)
say("seen", bool(seen))
"""


def test_a_signal_handler_that_looks_at_the_stream_that_is_worked_on(serve, child):
    server = serve(then=stream(said("A", done=False), framing="close"))
    assert finish(child(LOOKING_HANDLER, url=server.url)) == ["seen", "True"]


FLOODED = """
client = tokstream.Client(base_url=URL, timeout=60)
manager = client.chat.completions.with_streaming_response.create(messages="x", stream=True)
with manager as response:
    stream = response if {how!r} == "bytes" else response.parse()
    try:
        {read}
    except KeyboardInterrupt:
        say("interrupted")
say(client.with_options(base_url=GOOD).chat.completions.create(messages="x").choices[0].message.content)
"""
# Loops in C: no bytecode runs between one item and the next.
READS = {
    "chunks": "list(stream)",
    "text": '"".join(stream.text_stream)',
    "final": "stream.get_final_text()",
    "bytes": 'b"".join(stream.iter_bytes())',
}


@pytest.mark.parametrize("how", READS)
def test_ctrl_c_while_a_server_floods(serve, child, how):
    sent = [Reached() for _ in range(64)]

    def flood(request):
        begun, *rest = stream(event(text("x" * 1000)) * 1000)
        return itertools.chain([begun], *([rest[0], news] for news in sent), itertools.repeat(rest[0]))

    server, good = serve(flood), serve(OK)
    process = child(FLOODED, url=server.url, good=good.url, how=how, read=READS[how])
    # So much is sent only if it is read.
    assert sent[-1].wait(LIMIT)
    process.send_signal(signal.SIGINT)
    at = time.monotonic()
    # What goes on reading is ended before it has filled the memory.
    end = threading.Timer(5 * PROMPT, process.kill)
    end.start()
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - at < PROMPT
    end.cancel()
    assert finish(process) == ["ok"]
    assert server.connections[0].ended.wait(PROMPT)


ENDINGS = {
    "a stream in a global": """
        client = tokstream.Client(base_url=URL)
        stream = client.chat.completions.create(messages="x", stream=True)
        next(stream)
        say("end")
    """,
    "an async stream in a global": """
        async def main():
            global client, stream
            client = tokstream.AsyncClient(base_url=URL)
            stream = await client.chat.completions.create(messages="x", stream=True)
            await stream.__anext__()
        asyncio.run(main())
        say("end")
    """,
    "a task that waits": """
        async def main():
            global client, task
            client = tokstream.AsyncClient(base_url=URL)
            stream = await client.chat.completions.create(messages="x", stream=True)
            async def read():
                async for _ in stream:
                    pass
            task = asyncio.create_task(read())
            await asyncio.sleep(0.05)
        asyncio.run(main())
        say("end")
    """,
    "a daemon thread that waits": """
        import threading
        client = tokstream.Client(base_url=URL)
        begun = threading.Event()
        def read():
            for _ in client.chat.completions.create(messages="x", stream=True):
                begun.set()
        threading.Thread(target=read, daemon=True).start()
        begun.wait()
        say("end")
    """,
    "a daemon thread whose loop waits": """
        import threading
        begun = threading.Event()
        async def read():
            client = tokstream.AsyncClient(base_url=URL)
            async for _ in await client.chat.completions.create(messages="x", stream=True):
                begun.set()
        threading.Thread(target=lambda: asyncio.run(read()), daemon=True).start()
        begun.wait()
        say("end")
    """,
    "a streaming response half read": """
        client = tokstream.Client(base_url=URL)
        manager = client.chat.completions.with_streaming_response.create(messages="x", stream=True)
        lines = manager.__enter__().iter_lines()
        next(lines)
        say("end")
    """,
    "a client that was used": """
        client = tokstream.Client(base_url=URL)
        client.models.list()
        say("end")
    """,
    "a client that was not": """
        client, other = tokstream.Client(base_url=URL), tokstream.AsyncClient(base_url=URL)
        say("end")
    """,
    "sys.exit amid a stream": """
        client = tokstream.Client(base_url=URL)
        for _ in client.chat.completions.create(messages="x", stream=True):
            say("end")
            sys.exit()
    """,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_whatever_is_open(serve, child, ending):
    def answer(request):
        return reply({"object": "list", "data": []}) if request.method == "GET" else SCRIPTS["read"]

    server = serve(then=answer)
    begun = time.monotonic()
    assert finish(child(textwrap.dedent(ENDINGS[ending]), url=server.url)) == ["end"]
    assert time.monotonic() - begun < LIMIT / 2


OVER_HTTP2 = {
    "a stream in a global": """
        client = tokstream.Client(base_url=URL, http2="prior-knowledge")
        stream = client.chat.completions.create(messages="x", stream=True)
        next(stream)
        say("end")
    """,
    "an async stream in a global": """
        async def main():
            global client, stream
            client = tokstream.AsyncClient(base_url=URL, http2="prior-knowledge")
            stream = await client.chat.completions.create(messages="x", stream=True)
            await stream.__anext__()
        asyncio.run(main())
        say("end")
    """,
    "a daemon thread that waits": """
        import threading
        client = tokstream.Client(base_url=URL, http2="prior-knowledge")
        begun = threading.Event()
        def read():
            for _ in client.chat.completions.create(messages="x", stream=True):
                begun.set()
        threading.Thread(target=read, daemon=True).start()
        begun.wait()
        say("end")
    """,
}


@pytest.mark.parametrize("ending", OVER_HTTP2)
def test_the_interpreter_ends_whatever_is_open_over_http2(child, ending):
    def respond(answer):
        answer.head()
        answer.send(event(text("A")))
        answer.was_reset.wait(LIMIT)

    with Http2Server(respond) as server:
        begun = time.monotonic()
        assert finish(child(textwrap.dedent(OVER_HTTP2[ending]), url=server.url)) == ["end"]
        assert time.monotonic() - begun < LIMIT / 2


def test_text_reaches_a_pipe_as_it_arrives(serve, child):
    program = """
        client = tokstream.Client(base_url=URL)
        for piece in client.chat.completions.create(messages="x", stream=True).text_stream:
            print(piece, end="", flush=True)
    """
    server = serve(stream(said("one ", "two")))
    assert finish(child(textwrap.dedent(program), url=server.url)) == ["one", "two"]

"""Ctrl-C and signal handlers, in child processes with a time limit."""

from __future__ import annotations

import itertools
import os
import signal
import textwrap
import threading
import time
from pathlib import Path

import pytest

from children import LIMIT, finish
from replies import completion, error, event, said, text
from server import STALL, Gate, Reached, reply, stream
from sockets import SYN_SENT, sockets_in

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")

OK = reply(completion("ok"))
# Within 200 ms, with room for a busy machine.
PROMPT = 1.0

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


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells when a connection is being made")
@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_ctrl_c_while_connecting(serve, child, unreachable, program):
    good = serve(OK)
    process = child(program, url=unreachable, good=good.url)
    deadline = time.monotonic() + LIMIT
    while not sockets_in(SYN_SENT, process.pid):
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

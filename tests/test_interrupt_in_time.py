"""Ctrl-C within a fifth of a second, wherever a call waits: the best of a few tries, since the machine may be busy."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from children import finish
from replies import completion, error, event, finish as last, sse, text
from server import PATIENCE, STALL, reply, stream
from tool_runs import call, calls

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")

TRIES = 5
PROMPT = 0.2
# As soon as a connection is gone however else a call is given up.
GONE = 0.1

PROGRAM = """
import asyncio
def weather(city: str) -> str:
    return city
def once(use):
    try:
        use()
    except KeyboardInterrupt:
        say("interrupted")
{program}
"""
SYNC = """
client = tokstream.Client(base_url=URL, retry=POLICY, timeout=60)
completions = client.chat.completions
for _ in range({tries}):
    once(lambda: {use})
"""
ASYNC = """
async def main():
    async with tokstream.AsyncClient(base_url=URL, retry=POLICY, timeout=60) as client:
        completions = client.chat.completions
        {use}
for _ in range({tries}):
    once(lambda: asyncio.run(main()))
"""
HALF = stream(event(text("A")), STALL)
# What is called on either client, what its server does, and how many requests that takes.
WAITS: dict[str, tuple[str, list[Any]]] = {
    "head": ('completions.create(messages="x")', [[STALL]]),
    "body": ('completions.create(messages="x")', [[reply(completion())[0], STALL]]),
    "retry": ('completions.create(messages="x")', [reply(error(), 503, headers=[("Retry-After", "50")])]),
    "stream under": ('completions.create(messages="x", stream_under=True)', [HALF]),
    "continued": (
        'completions.create(messages="x", auto_continue=True)',
        [reply(completion(choices=[{"index": 0, "message": {"content": "A"}, "finish_reason": "length"}])), [STALL]],
    ),
    "parse": ('completions.parse(messages="x", response_format=int)', [[STALL]]),
    "parse, asked again": (
        'completions.parse(messages="x", response_format=int, max_reasks=1)',
        [reply(completion("?")), [STALL]],
    ),
    "run of tools": (
        'completions.run_tools("x", tools=[weather])',
        [calls(call("weather", '{"city": "Rome"}')), [STALL]],
    ),
    "conversation": ('client.conversation().send("x")', [[STALL]]),
    "models": ("client.models.list()", [[STALL]]),
}
STREAMS: dict[str, tuple[str, list[Any]]] = {
    "stream": ('completions.create(messages="x", stream=True)', [HALF]),
    "resumed": (
        'completions.create(messages="x", stream=True, resume=True)',
        [stream(sse(text("A"), done=False)), HALF],
    ),
    "past the cap": (
        'completions.create(messages="x", stream=True, auto_continue=True)',
        [stream(sse(text("A"), last("length"))), HALF],
    ),
    "conversation's stream": ('client.conversation().stream("x")', [HALF]),
    "streamed run of tools": ('completions.run_tools("x", tools=[weather], stream=True)', [HALF]),
}


def interrupted(process: Any, server: Any, requests: int, *, waits_on_connection: bool) -> None:
    took, gone = [], []
    for number in range(TRIES):
        server.wait_requests((number + 1) * requests)
        time.sleep(0.05)  # until it waits again; earlier is no harm
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        took.append(time.monotonic() - sent)
        if waits_on_connection:
            connection = server.connections[server.requests[(number + 1) * requests - 1].connection]
            assert connection.ended.wait(PATIENCE)
            gone.append(connection.ended_at - sent)
    assert finish(process) == []
    assert min(took) < PROMPT
    assert not gone or min(gone) < GONE
    assert all(connection.ended.wait(PATIENCE) for connection in server.connections)


def program(name: str, *, asynchronous: bool) -> str:
    use = (WAITS | STREAMS)[name][0]
    if name in WAITS:
        use = f"await {use}" if asynchronous else use
    elif not asynchronous:
        use = f"list({use})"
    else:
        use = f"async for _ in {use if 'run' in name else f'await {use}'}: pass"
    return PROGRAM.replace("{program}", (ASYNC if asynchronous else SYNC).replace("{use}", use))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", [*WAITS, *STREAMS])
def test_ctrl_c(serve, child, name, asynchronous):
    script = (WAITS | STREAMS)[name][1]
    server = serve(*script * TRIES)
    process = child(
        program(name, asynchronous=asynchronous),
        url=server.url,
        retries=1 if name in ("retry", "resumed") else 0,
        tries=TRIES,
    )
    interrupted(process, server, len(script), waits_on_connection=name != "retry")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_ctrl_c_while_connecting(child, unreachable, asynchronous):
    source = program("head", asynchronous=asynchronous).replace("        use()", '        say("begun")\n        use()')
    process = child(source, url=unreachable, tries=TRIES)
    took = []
    for _ in range(TRIES):
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.2)  # it connects meanwhile; nobody can tell
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        took.append(time.monotonic() - sent)
    assert finish(process) == []
    assert min(took) < PROMPT

"""A stream that goes on after a cut, and is closed, left or cancelled meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import tokstream
from replies import HELLO, said
from resumes import POLICY, begun, cut
from server import RESET, STALL, Gate, Reached, stream

# Seconds in which a connection that was given up must be gone: 0.1 and what a busy machine adds.
PROMPT = 1.0


def gone(server: Any, number: int, within: float = PROMPT) -> bool:
    return server.connections[number].ended.wait(within)


@pytest.mark.parametrize("leg", [0, 1])
def test_closing_ends_the_request_under_way(surface, hasty, leg):
    script = [cut("A"), stream(begun("B"), STALL)] if leg else [stream(begun("B"), STALL)]
    api, server = hasty(*script)
    answer = surface.stream(api, resume=True)
    surface.take(answer.text_stream, 1 + leg)
    surface.run(answer.close())
    assert gone(server, leg)
    assert answer.is_closed
    with pytest.raises(StopIteration):
        surface.next(answer)
    with pytest.raises(tokstream.StreamTruncatedError, match="closed here") as caught:
        surface.run(answer.get_final_text())
    assert caught.value.partial.choices[0].message.content == "AB"[1 - leg :]
    surface.run(answer.close())


def test_dropping_it_ends_the_request_under_way(surface, hasty):
    api, server = hasty(cut("A"), stream(begun("B"), STALL))
    answer = surface.stream(api, resume=True)
    surface.take(answer.text_stream, 2)
    gc.collect()
    gc.disable()
    try:
        del answer
        assert gone(server, 1)
    finally:
        gc.enable()


def test_closing_ends_the_wait_of_whoever_reads(surface, hasty):
    api, server = hasty(cut("A"), stream(begun("B"), STALL))
    answer = surface.stream(api, resume=True)
    surface.take(answer.text_stream, 2)
    reading = surface.begin(surface.next_of, answer)
    surface.meanwhile(lambda: time.sleep(0.05))
    surface.run(answer.close())
    assert isinstance(surface.outcome(reading), tokstream.StreamTruncatedError)
    assert gone(server, 1)


def test_closing_while_a_request_is_opened_is_no_proper_end(surface, hasty):
    opened, gate = Reached(), Gate()
    api, _ = hasty(cut("A"), [opened, gate, RESET], max_retries=0)
    answer = surface.stream(api, resume=True)
    assert surface.next(answer.text_stream) == "A"
    reading = surface.begin(surface.all_of, answer)
    surface.meanwhile(opened.wait)
    surface.run(answer.close())
    gate.open()
    assert isinstance(surface.outcome(reading), tokstream.StreamTruncatedError)


def test_closing_ends_the_wait_between_two_requests(surface, client):
    slow = tokstream.RetryPolicy(initial_delay=5)
    api, server = client(cut("A"), retry=slow)
    answer = surface.stream(api, resume=True)
    assert surface.next(answer.text_stream) == "A"
    reading = surface.begin(surface.next_of, answer)
    surface.meanwhile(lambda: time.sleep(0.1))
    began = time.monotonic()
    surface.run(answer.close())
    assert isinstance(surface.outcome(reading), tokstream.StreamTruncatedError)
    assert time.monotonic() - began < PROMPT
    assert len(server.requests) == 1


def test_a_cancelled_task_leaves_no_request(serve):
    """At each place where a task may wait: for a chunk, between two requests, for the next one's beginning."""

    async def main(policy: Any, *script: Any, number: int) -> None:
        server = serve(*script)
        async with tokstream.AsyncClient(api_key="k", base_url=server.url, retry=policy) as api:
            answer = await api.chat.completions.create(messages=HELLO, stream=True, resume=True)
            task = asyncio.ensure_future(answer.get_final_text())
            await asyncio.sleep(0.15)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(gone, server, number)
            assert answer.is_closed
            with pytest.raises(tokstream.StreamTruncatedError):
                await answer.get_final_text()

    asyncio.run(main(POLICY, cut("A"), stream(begun("B"), STALL), number=1))
    asyncio.run(main(POLICY, cut("A"), [STALL], number=1))
    asyncio.run(main(tokstream.RetryPolicy(initial_delay=9), cut("A"), number=0))


def test_closing_ends_the_wait_for_the_next_request_s_beginning(serve):
    async def main() -> None:
        server = serve(cut("A"), [STALL])
        async with tokstream.AsyncClient(api_key="k", base_url=server.url, retry=POLICY) as api:
            answer = await api.chat.completions.create(messages=HELLO, stream=True, resume=True)
            task = asyncio.ensure_future(answer.get_final_text())
            await asyncio.sleep(0.15)
            await answer.close()
            with pytest.raises(tokstream.StreamTruncatedError):
                await task
            assert await asyncio.to_thread(gone, server, 1)

    asyncio.run(main())


def test_several_tasks_read_one_stream(serve):
    pieces = [f"{number} " for number in range(40)]
    script = [cut(*pieces[at : at + 10]) for at in range(0, 30, 10)]
    server = serve(*script, stream(said(*pieces[30:])))

    async def main() -> None:
        async def read(answer: Any) -> list[str]:
            return [piece async for piece in answer.text_stream]

        async with tokstream.AsyncClient(api_key="k", base_url=server.url, retry=POLICY) as api:
            answer = await api.chat.completions.create(messages=HELLO, stream=True, resume=True)
            read_by_all = await asyncio.gather(*(read(answer) for _ in range(4)))
            assert sorted(piece for one in read_by_all for piece in one) == sorted(pieces)
            assert await answer.get_final_text() == "".join(pieces)

    asyncio.run(main())
    assert len(server.requests) == 4


def test_several_threads_read_one_stream(serve):
    """Each piece comes to one of them, and one of them goes on after each cut."""
    pieces = [f"{number} " for number in range(40)]
    script = [cut(*pieces[at : at + 10]) for at in range(0, 30, 10)]
    server = serve(*script, stream(said(*pieces[30:])))
    with tokstream.Client(api_key="k", base_url=server.url, retry=POLICY) as api:
        answer = api.chat.completions.create(messages=HELLO, stream=True, resume=True)
        with ThreadPoolExecutor(4) as pool:
            read = [pool.submit(list, answer.text_stream) for _ in range(4)]
        assert sorted(piece for one in read for piece in one.result()) == sorted(pieces)
        assert answer.resumed == 3
        assert answer.get_final_text() == "".join(pieces)
    assert len(server.requests) == 4


@pytest.mark.parametrize("script", ["wait", "open", "read"])
def test_an_interrupt_ends_it_wherever_it_is(serve, script):
    """Of the blocking client: between two requests, while the next one begins, and in its midst."""
    later = {"wait": [], "open": [[STALL]], "read": [stream(begun("B"), STALL)]}[script]
    server = serve(cut("A"), *later)
    delay = 9 if script == "wait" else 0.01
    program = (
        "import signal, sys, threading, tokstream\n"
        "client = tokstream.Client(api_key='k', retry=tokstream.RetryPolicy(initial_delay=float(sys.argv[1])))\n"
        "answer = client.chat.completions.create(messages='x', stream=True, resume=True)\n"
        "threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()\n"
        "try: answer.get_final_text()\n"
        "except KeyboardInterrupt: print(answer.is_closed, list(answer))\n"
        "sys.stdin.read()"
    )
    environment = {**os.environ, "DEEPINFRA_BASE_URL": server.url}
    command = [sys.executable, "-c", program, str(delay)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "True []\n"
        assert gone(server, len(server.requests) - 1)
        process.communicate("")
    assert len(server.requests) == 1 + bool(later)


def test_a_closed_client_is_no_cut(surface, hasty):
    api, server = hasty(stream(begun("A"), STALL))
    answer = surface.stream(api, resume=True)
    assert surface.next(answer.text_stream) == "A"
    surface.run(api.close())
    with pytest.raises(tokstream.ClientClosedError):
        surface.next(answer)
    assert len(server.requests) == 1


def test_nothing_is_left_in_a_cycle(surface, hasty):
    def read(answer: Any) -> None:
        with contextlib.suppress(tokstream.StreamTruncatedError):
            list(answer)

    async def aread(answer: Any) -> None:
        # Here, since a loop keeps what is raised out of it.
        with contextlib.suppress(tokstream.StreamTruncatedError):
            [chunk async for chunk in answer]

    api, _ = hasty(cut("A"), cut("B"))
    gc.collect()
    gc.disable()
    try:
        answer = surface.stream(api, resume=1)
        surface.run({"sync": read, "async": aread}[surface.name](answer))
        assert answer.resumed == 1
        there = weakref.ref(answer)
        del answer
        assert there() is None
    finally:
        gc.enable()

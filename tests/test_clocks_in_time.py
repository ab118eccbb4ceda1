"""Timeouts come within a tenth of a second of their time, the best of a few tries: the machine may be busy."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest

import tokstream
from http2_server import Gone, Http2Server
from replies import event, text
from server import STALL, Pause, head, reply, stream

if TYPE_CHECKING:
    import asyncio

# On whichever thread a call is driven.
ALL_SURFACES = True

TIME = 0.2
LATE = 0.1
TRIES = 5
PINGS = [step for _ in range(40) for step in (b": ping\n\n", Pause(0.05))]


SCRIPTS = {
    "first_token, silent": [STALL],
    "first_token, after the head": [head(200, ("Content-Type", "text/event-stream")), STALL],
    "first_token, comments": stream(*PINGS, STALL),
    "read": stream(event(text("A")), STALL),
    "read, comments": stream(event(text("A")), *PINGS, STALL),
    "total, silent": [STALL],
    "total, in mid-stream": stream(*[step for _ in range(100) for step in (event(text("A")), Pause(0.02))]),
}


def in_time(call: Any, phase: str) -> None:
    late = []
    for _ in range(TRIES):
        begun = time.monotonic()
        with pytest.raises(tokstream.APITimeoutError) as caught:
            call()
        took = time.monotonic() - begun
        assert caught.value.phase == phase
        assert took >= TIME * 0.95
        late.append(took - TIME)
        if late[-1] < LATE:
            return
    pytest.fail(f"it came {min(late):.3f} seconds late")


WHOLE_SCRIPTS = {
    "first_token, silent": [STALL],
    "first_token, after the head": SCRIPTS["first_token, after the head"],
    "read": [reply({})[0], b"{", STALL],
    "total, silent": [STALL],
}
CASES = {
    **{f"streamed-{name}": (name, True, script) for name, script in SCRIPTS.items()},
    **{f"whole-{name}": (name, False, script) for name, script in WHOLE_SCRIPTS.items()},
}


@pytest.mark.parametrize(("name", "streamed", "script"), CASES.values(), ids=CASES)
def test_a_timeout_comes_in_its_time(surface, client, name, streamed, script):
    phase = name.partition(",")[0]
    api, _ = client(then=script, timeout=tokstream.Timeout(**{phase: TIME}), max_retries=0)
    in_time(lambda: surface.ask(api, streamed), phase)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("phase", ["connect", "total"])
def test_a_connection_that_does_not_come(surface, unreachable, phase, streamed):
    api = surface.client(unreachable, timeout=tokstream.Timeout(None, **{phase: TIME}), max_retries=0)
    in_time(lambda: surface.ask(api, streamed), phase)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("phase", ["connect", "total"])
def test_a_tls_that_does_not_come(surface, serve, phase, streamed):
    def say_nothing(connection: Any) -> None:
        while True:
            connection.receive()

    server = serve(on_accept=say_nothing)
    url = server.url.replace("http:", "https:")
    api = surface.client(url, timeout=tokstream.Timeout(None, **{phase: TIME}), max_retries=0)
    in_time(lambda: surface.ask(api, streamed), phase)


@pytest.mark.parametrize("surface", ["sync", "async"], indirect=True)
@pytest.mark.parametrize("phase", ["first_token", "read", "total"])
def test_over_http2(surface, phase):
    def respond(answer: Any) -> None:
        with contextlib.suppress(Gone):
            answer.head()
            if phase != "first_token":
                answer.send(event(text("A")))
            answer.was_reset.wait(10)

    with Http2Server(respond) as server:
        clock = tokstream.Timeout(None, **{phase: TIME})
        api = surface.client(server.url, http2="prior-knowledge", timeout=clock, max_retries=0)
        in_time(lambda: surface.ask(api, True), phase)


@pytest.mark.parametrize("script", SCRIPTS)
def test_in_another_loop(serve, script):
    uvloop = pytest.importorskip("uvloop")
    phase = script.partition(",")[0]
    server = serve(then=SCRIPTS[script])

    async def ask() -> None:
        clock = tokstream.Timeout(None, **{phase: TIME})
        async with tokstream.AsyncClient(base_url=server.url, timeout=clock, max_retries=0) as api:
            async for _ in await api.chat.completions.create(messages="x", stream=True):
                pass

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    try:
        in_time(lambda: loop.run_until_complete(ask()), phase)
    finally:
        loop.close()

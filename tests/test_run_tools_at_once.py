"""Calls of one turn: those that run at once, those that do not, and what ends them."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
from typing import Any

import pytest

import tokstream
from replies import HELLO
from server import PATIENCE
from tool_runs import ANSWER, call, calls, results


def meet(count: int) -> Any:
    """A barrier for as many calls: none of them ends before all have begun."""
    return threading.Barrier(count, timeout=PATIENCE)


ROME_AND_OSLO = (call("tool", '{"city": "Rome"}', "a"), call("tool", '{"city": "Oslo"}', "b"))
IN_ORDER = [("a", "Rome"), ("b", "Oslo")]


@pytest.mark.parametrize("how", ["run", "tool"])
def test_functions_run_at_once_where_they_may(run, how):
    barrier = meet(2)

    @tokstream.tool(parallel=True if how == "tool" else None)
    def tool(city: str) -> str:
        barrier.wait()
        return city

    _, server = run(calls(*ROME_AND_OSLO), ANSWER, tools=[tool], parallel=how == "run")
    assert results(server.requests[1]) == IN_ORDER


def test_functions_that_return_coroutines_at_once_share_an_event_loop(run):
    barrier = meet(2)
    loops: list[object] = []

    async def later(city: str) -> str:
        loops.append(asyncio.get_running_loop())
        return city

    def tool(city: str) -> Any:
        barrier.wait()
        return later(city)

    _, server = run(calls(*ROME_AND_OSLO), ANSWER, tools=[tool], parallel=True)
    assert results(server.requests[1]) == IN_ORDER
    assert loops[0] is loops[1]


def test_async_functions_run_at_once(run):
    begun: list[str] = []

    async def tool(city: str) -> str:
        begun.append(city)
        while len(begun) < 2:  # noqa: ASYNC110 - the calls may run in a loop of their own
            await asyncio.sleep(0)
        return city

    _, server = run(calls(*ROME_AND_OSLO), ANSWER, tools=[tool])
    assert results(server.requests[1]) == IN_ORDER


@pytest.mark.parametrize("how", ["plain", "async"])
def test_others_run_one_after_the_other(run, how):
    running: list[str] = []
    seen: list[int] = []

    def plain(city: str) -> str:
        running.append(city)
        seen.append(len(running))
        running.remove(city)
        return city

    async def later(city: str) -> str:
        running.append(city)
        await asyncio.sleep(0)
        seen.append(len(running))
        running.remove(city)
        return city

    given = tokstream.tool(plain, name="tool") if how == "plain" else tokstream.tool(later, name="tool", parallel=False)
    _, server = run(calls(*ROME_AND_OSLO), ANSWER, tools=[given])
    assert seen == [1, 1]
    assert results(server.requests[1]) == IN_ORDER


def test_kinds_can_be_mixed(run):
    met = threading.Event()

    async def later(x: int) -> int:
        # Ends only when the others do, on their threads.
        while not met.is_set():  # noqa: ASYNC110 - it is set on a thread
            await asyncio.sleep(0.001)
        return x

    def plain(x: int) -> int:
        assert met.wait(PATIENCE)
        return x

    @tokstream.tool(parallel=True)
    def beside(x: int) -> int:
        met.set()
        return x

    asked = [call(name, f'{{"x": {x}}}', f"c{x}") for x, name in enumerate(["plain", "later", "beside", "nothing"])]
    _, server = run(calls(*asked), ANSWER, tools=[later, plain, beside])
    assert results(server.requests[1])[:3] == [("c0", "0"), ("c1", "1"), ("c2", "2")]
    assert results(server.requests[1])[3][0] == "c3"


def test_functions_do_not_stop_the_event_loop(serve):
    async def main() -> str:
        loop = asyncio.get_running_loop()
        moved = threading.Event()

        def tool() -> str:
            loop.call_soon_threadsafe(moved.set)
            return f"moved: {moved.wait(PATIENCE)}"

        server = serve(calls(call("tool")), ANSWER)
        async with tokstream.AsyncClient(base_url=server.url, api_key="k") as api:
            got = await api.chat.completions.run_tools(HELLO, tools=[tool])
        return got.messages[2]["content"]

    assert asyncio.run(main()) == "moved: True"


def test_functions_run_on_the_thread_of_the_blocking_client(serve):
    def tool() -> int:
        return threading.get_ident()

    server = serve(calls(call("tool")), ANSWER)
    with tokstream.Client(base_url=server.url, api_key="k") as api:
        got = api.chat.completions.run_tools(HELLO, tools=[tool])
    assert got.messages[2]["content"] == str(threading.get_ident())


def test_the_blocking_client_runs_async_functions_inside_of_an_event_loop(serve):
    async def tool() -> str:
        await asyncio.sleep(0)
        return "ran"

    async def main() -> Any:
        with tokstream.Client(base_url=server.url, api_key="k") as api:
            return api.chat.completions.run_tools(HELLO, tools=[tool])

    server = serve(calls(call("tool")), ANSWER)
    assert asyncio.run(main()).messages[2]["content"] == "ran"
    assert not [one for one in threading.enumerate() if one.name == "tokstream-tools"]


def test_what_a_function_returned_is_awaited(run):
    async def inner() -> str:
        return "awaited"

    def tool() -> Any:
        return inner()

    _, server = run(calls(call("tool", id="a"), call("tool", id="b")), ANSWER, tools=[tool], parallel=True)
    assert results(server.requests[1]) == [("a", "awaited"), ("b", "awaited")]


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="lost")


@pytest.mark.parametrize("parallel", [False, True])
def test_context_variables_are_kept(run, parallel):
    def plain() -> str:
        return VARIABLE.get()

    async def later() -> str:
        return VARIABLE.get()

    token = VARIABLE.set("kept")
    try:
        _, server = run(calls(call("plain"), call("later")), ANSWER, tools=[plain, later], parallel=parallel)
    finally:
        VARIABLE.reset(token)
    assert [content for _, content in results(server.requests[1])] == ["kept", "kept"]


def test_the_first_failure_stops_the_others(tools_fail):
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append("endless")

    async def failing() -> None:
        await asyncio.sleep(0)
        raise KeyError

    error, _ = tools_fail(
        tokstream.ToolError,
        calls(call("endless", id="a"), call("failing", id="b")),
        tools=[endless, failing],
        on_tool_error="raise",
    )
    assert error.name == "failing"
    assert ended == ["endless"]
    assert [one["tool_call_id"] for one in error.run.messages if one["role"] == "tool"] == ["b"]


def test_cancelling_a_run_cancels_its_tools(serve):
    ended: list[int] = []

    async def endless(x: int) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append(x)

    async def main() -> None:
        async with tokstream.AsyncClient(base_url=server.url, api_key="k") as api:
            task = asyncio.create_task(api.chat.completions.run_tools(HELLO, tools=[endless]))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert sorted(ended) == [1, 2]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    begun = asyncio.Event()
    server = serve(calls(call("endless", '{"x": 1}'), call("endless", '{"x": 2}')))
    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_a_blocking_run_while_tools_run_in_threads(serve):
    over = threading.Event()

    @tokstream.tool(parallel=True)
    def endless(x: int) -> None:
        if x == 2:
            os.kill(os.getpid(), signal.SIGINT)
        over.wait(PATIENCE)

    server = serve(calls(call("endless", '{"x": 1}'), call("endless", '{"x": 2}')))
    with tokstream.Client(base_url=server.url, api_key="k") as api:
        try:
            with pytest.raises(KeyboardInterrupt):
                api.chat.completions.run_tools(HELLO, tools=[endless])
            assert not over.is_set()
        finally:
            over.set()


def test_many_calls_of_one_turn(run):
    @tokstream.tool(parallel=True)
    def double(x: int) -> int:
        return 2 * x

    asked = [call("double", f'{{"x": {x}}}', f"c{x}") for x in range(100)]
    _, server = run(calls(*asked), ANSWER, tools=[double])
    assert results(server.requests[1]) == [(f"c{x}", str(2 * x)) for x in range(100)]

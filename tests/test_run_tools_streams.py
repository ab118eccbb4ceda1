"""Runs of tools as streams of events."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
from typing import Any

import pytest

import tokstream
from replies import HELLO, USAGE, choice, chunk, finish, said, sse, text
from server import PATIENCE, STALL, stream
from tool_runs import ANSWER, EXTRA, broken, call, calls, results, streamed_calls, weather


def told_types(events: Any) -> list[str]:
    return [event.type for event in events if event.type not in ("chunk", "tool_calls.function.arguments.delta")]


def test_the_events_of_a_run(surface, client):
    api, server = client(streamed_calls(call("weather", '{"city": "Rome"}')), stream(said("It is", " warm.")))
    with surface.using(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True)) as run:
        events = surface.list(run)
    assert told_types(events) == [
        "turn.started",
        "tool_calls.function.arguments.done",
        "turn.done",
        "tool_call.started",
        "tool_call.result",
        "turn.started",
        "content.delta",
        "content.delta",
        "content.done",
        "turn.done",
    ]
    started, result = (next(one for one in events if one.type == f"tool_call.{kind}") for kind in ("started", "result"))
    assert (started.name, started.call_id, started.arguments) == ("weather", "call-1", '{"city": "Rome"}')
    assert started.parsed_arguments == {"city": "Rome"}
    assert (result.content, result.result, result.error) == ("warm in Rome for 1",) * 2 + (None,)
    turns = [one for one in events if one.type == "turn.done"]
    assert [one.turn for one in turns] == [1, 2]
    assert turns[1].completion == run.run.completion
    assert run.run.content == "It is warm."
    assert results(server.requests[1]) == [("call-1", "warm in Rome for 1")]
    assert [request.json["stream"] for request in server.requests] == [True, True]
    for event in events:
        assert pickle.loads(pickle.dumps(event)) == event


def test_a_streamed_run_is_the_same_as_a_whole_one(surface, client):
    asked = call("weather", '{"city": "Rome"}', extra_content=EXTRA)
    script = [streamed_calls(asked, reasoning_content="Hm."), stream(sse(text("It is warm."), finish(usage=USAGE)))]
    api, server = client(*script, calls(asked, reasoning_content="Hm."), ANSWER)
    streamed = surface.run(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True).get_final_run())
    whole = surface.run(api.chat.completions.run_tools(HELLO, tools=[weather]))
    assert streamed.messages == whole.messages
    assert (streamed.content, streamed.turns, streamed.usage) == (whole.content, whole.turns, whole.usage)
    assert server.requests[1].json["messages"] == server.requests[3].json["messages"]


def test_fragments_of_calls_keep_what_servers_add(surface, client):
    begun = {
        "index": 0,
        "id": "a",
        "type": "function",
        "extra_content": EXTRA,
        "function": {"name": "weather", "arguments": ""},
    }
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"city"', ': "Rome"}')]
    first = stream(sse(*[chunk(choice(tool_calls=[one])) for one in (begun, *pieces)], finish("tool_calls")))
    api, server = client(first, stream(said("ok")))
    surface.run(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True).until_done())
    (again,) = server.requests[1].json["messages"][1]["tool_calls"]
    assert again == call("weather", '{"city": "Rome"}', "a", extra_content=EXTRA)


def test_the_text_of_a_run(surface, client):
    script = (streamed_calls(call("weather", '{"city": "Rome"}')), stream(said("It is", "", " warm.")))
    api, _ = client(*script, *script)
    start = api.chat.completions.run_tools
    assert surface.list(start(HELLO, tools=[weather], stream=True).text_stream) == ["It is", " warm."]
    assert surface.run(start(HELLO, tools=[weather], stream=True).get_final_text()) == "It is warm."


def test_a_streamed_run_may_be_awaited_first(surface, client):
    api, _ = client(stream(said("Hi")))
    events = surface.run(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True))
    assert surface.run(events.get_final_completion()).choices[0].message.content == "Hi"
    assert surface.list(events) == []


def test_a_call_that_was_cut_is_not_run_in_a_stream(surface, client):
    api, _ = client(streamed_calls(call("weather", '{"city": "Ro'), finish_reason="length"))
    with pytest.raises(tokstream.LengthFinishReasonError):
        surface.run(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True).until_done())


def test_a_stream_that_is_cut_in_a_later_turn(surface, client):
    api, _ = client(
        streamed_calls(call("weather", '{"city": "Rome"}')), stream(sse(text("It is"), done=False), framing="close")
    )
    run = api.chat.completions.run_tools(HELLO, tools=[weather], stream=True)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(run)
    assert caught.value.partial.choices[0].message.content == "It is"
    assert caught.value.run is run.run
    assert [one["role"] for one in run.run.messages] == ["user", "assistant", "tool"]
    assert surface.list(run) == []


def test_a_failed_tool_is_an_event_also_where_it_is_raised(surface, client):
    api, _ = client(streamed_calls(call("broken")))
    run = api.chat.completions.run_tools(HELLO, tools=[broken], stream=True, on_tool_error="raise")
    event = surface.next(run)
    while event.type != "tool_call.result":
        event = surface.next(run)
    assert event.error.name == "broken"
    assert event.content == "Error: broken failed: KeyError: 0"
    with pytest.raises(tokstream.ToolError):
        surface.next(run)


def test_results_come_as_calls_end(surface, client):
    first = threading.Event()

    @tokstream.tool(parallel=True)
    def slow() -> str:
        assert first.wait(PATIENCE)
        return "slow"

    @tokstream.tool(parallel=True)
    def quick() -> str:
        return "quick"

    api, server = client(streamed_calls(call("slow", id="a"), call("quick", id="b")), stream(said("ok")))
    ended: list[str] = []
    with surface.using(api.chat.completions.run_tools(HELLO, tools=[slow, quick], stream=True)) as run:
        while len(ended) < 2:
            event = surface.next(run)
            if event.type == "tool_call.result":
                ended.append(event.content)
                first.set()
        surface.list(run)
    assert ended == ["quick", "slow"]
    assert results(server.requests[1]) == [("a", "slow"), ("b", "quick")]


def test_closing_a_run_in_mid_stream_ends_the_request(surface, client):
    api, server = client(stream(sse(text("A"), done=False), STALL))
    with surface.using(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True)) as run:
        while surface.next(run).type != "content.delta":
            pass
    (connection,) = server.connections
    assert connection.ended.wait(PATIENCE)
    assert surface.list(run) == []
    surface.run(run.close())


def test_closing_a_run_cancels_its_tools(surface, client):
    ended: list[str] = []
    begun = threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append("endless")

    @tokstream.tool(parallel=True)
    def quick() -> None:
        assert begun.wait(PATIENCE)

    api, _ = client(streamed_calls(call("endless", id="a"), call("quick", id="b")))
    with surface.using(api.chat.completions.run_tools(HELLO, tools=[endless, quick], stream=True)) as run:
        while surface.next(run).type != "tool_call.result":
            pass
        assert ended == []
    assert ended == ["endless"]


def test_closing_from_elsewhere_while_a_tool_runs(surface, client):
    begun, ended = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    api, _ = client(streamed_calls(call("endless")))
    run = api.chat.completions.run_tools(HELLO, tools=[endless], stream=True)
    reading = surface.begin(surface.all_of, run)
    surface.meanwhile(lambda: begun.wait(PATIENCE))
    surface.run(run.close())
    assert ended.is_set()
    assert [event.type for event in surface.outcome(reading)][-1:] == ["tool_call.started"]


def test_a_run_that_was_never_begun_can_be_closed_and_dropped(surface, client):
    api, server = client()
    surface.run(api.chat.completions.run_tools(HELLO, tools=[weather], stream=True).close())
    api.chat.completions.run_tools(HELLO, tools=[weather], stream=True)
    assert server.requests == []


def test_a_run_that_is_dropped_ends_its_request(surface, client):
    api, server = client(stream(sse(text("A"), done=False), STALL))
    run = api.chat.completions.run_tools(HELLO, tools=[weather], stream=True)
    while surface.next(run).type != "content.delta":
        pass
    (connection,) = server.connections
    assert not connection.ended.is_set()
    del run
    gc.collect()
    assert surface.meanwhile(lambda: connection.ended.wait(PATIENCE))


def test_a_run_that_is_dropped_cancels_its_tools(surface, client):
    begun, ended = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    @tokstream.tool(parallel=True)
    def quick() -> None:
        assert begun.wait(PATIENCE)

    api, _ = client(streamed_calls(call("endless", id="a"), call("quick", id="b")))
    run = api.chat.completions.run_tools(HELLO, tools=[endless, quick], stream=True)
    while surface.next(run).type != "tool_call.result":
        pass
    del run
    gc.collect()
    assert surface.meanwhile(lambda: ended.wait(PATIENCE))

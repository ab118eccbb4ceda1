"""Tools: what they are made of, and what a run of them gives, on both clients."""

from functools import partial
from typing import Any

from typing_extensions import assert_type

import tokstream
from tokstream import AsyncClient, AsyncToolRunStream, Client, ToolRun, ToolRunStream
from tokstream.types import CompletionUsage
from tokstream.types.chat import ChatCompletion, ToolRunEvent


@tokstream.tool
def weather(city: str, days: int = 1) -> str:
    return f"{city}: {days}"


@tokstream.tool(name="later", parallel=True, ends=True, strict=True, description="Later.")
async def later(city: str) -> int:
    return len(city)


class Report: ...


def functions() -> None:
    assert_type(weather("Rome", days=2), str)
    assert_type(tokstream.tool(weather, name="other")("Rome"), str)


async def coroutines() -> None:
    assert_type(await later("Rome"), int)


def whole(client: Client) -> None:
    plain = {"type": "function", "function": {"name": "plain"}}
    functions = [weather, later]
    client.chat.completions.create(messages="Hello!", tools=functions)
    client.chat.completions.create(messages="Hello!", tools=[partial(weather, "Rome"), *functions])
    client.chat.completions.create(messages="Hello!", tools=[weather, later, Report, plain], tool_choice=weather)
    client.chat.completions.create(messages="Hello!", tools=[tokstream.pydantic_function_tool(Report), weather])
    run = client.chat.completions.run_tools(
        "Hello!", tools=[later, plain], max_turns=None, max_cost=0.01, temperature=0
    )
    assert_type(run, ToolRun)
    assert_type(run.completion, ChatCompletion)
    assert_type(run.content, str | None)
    assert_type(run.turns, int)
    assert_type(run.usage, CompletionUsage | None)
    assert_type(run.cost, float)
    assert_type(run.result, object)
    assert_type(client.chat.completions.run_tools("Hello!", tools=[weather], response_format=Report).parsed, Any)
    client.chat.completions.run_tools(run.messages, tools=[weather], tool_choice="required", unknown=1)
    client.chat.completions.run_tools("Hello!", tools=[weather], on_tool_error="ignore")  # type: ignore[call-overload]
    client.chat.completions.run_tools("Hello!")  # type: ignore[call-overload]


def streamed(client: Client) -> None:
    with client.chat.completions.run_tools("Hello!", tools=[weather], stream=True) as events:
        assert_type(events, ToolRunStream)
        for event in events:
            assert_type(event, ToolRunEvent)
            if event.type == "tool_call.result":
                assert_type(event.content, str)
                assert_type(event.error, tokstream.ToolError | None)
            elif event.type == "content.delta":
                assert_type(event.delta, str)
            elif event.type == "turn.done":
                assert_type(event.completion, ChatCompletion)
        assert_type(events.get_final_run(), ToolRun)
        assert_type(events.get_final_text(), str)


async def asynchronous(client: AsyncClient) -> None:
    assert_type(await client.chat.completions.run_tools("Hello!", tools=[weather]), ToolRun)
    async with client.chat.completions.run_tools("Hello!", tools=[weather], stream=True) as events:
        async for event in events:
            if event.type == "tool_call.started":
                assert_type(event.arguments, str)
    stream = await client.chat.completions.run_tools("Hello!", tools=[weather], stream=True)
    assert_type(stream, AsyncToolRunStream)
    assert_type(await stream.get_final_run(), ToolRun)


def errors(error: tokstream.TokstreamError, failed: tokstream.ToolError) -> None:
    assert_type(error.run, ToolRun | None)
    assert_type(failed.name, str)
    assert_type(failed.arguments, str)

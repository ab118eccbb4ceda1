"""`client.chat.completions.run_tools(…)`, for both clients."""

from __future__ import annotations

from typing import Any

from tokstream import _steps
from tokstream._marks import NOT_GIVEN
from tokstream._resource import PARSED

from .loop import ToolLoop
from .run import AsyncToolRunStream, ToolRunStream


def run_tools(
    completions: Any,
    messages: Any,
    *,
    stream: bool,
    tools: Any,
    max_turns: int | None = 10,
    parallel: bool = False,
    on_tool_error: str = "return",
    max_cost: float | None = None,
    tool_choice: Any = NOT_GIVEN,
    **params: Any,
) -> Any:
    """Begin a run of tools: return it, an awaitable of it, or the stream of its events."""
    asynchronous = completions._client.asynchronous
    asks: Any = completions if completions._form == PARSED else type(completions)(completions._client, PARSED)
    loop = ToolLoop(
        asks.create,
        asynchronous=asynchronous,
        stream=stream,
        messages=messages,
        tools=tools,
        max_turns=max_turns,
        parallel=parallel,
        on_tool_error=on_tool_error,
        max_cost=max_cost,
        tool_choice=tool_choice,
        params=params,
    )
    if completions._watch is not None and not stream:
        completions._watch.running = loop
    if stream:
        return AsyncToolRunStream(loop) if asynchronous else ToolRunStream(loop)
    return _steps.arun(loop.steps()) if asynchronous else _steps.run(loop.steps())

"""What tests of runs of tools share: replies that ask for calls, and runs against a script."""

from __future__ import annotations

from typing import Any

import pytest

from replies import HELLO, USAGE, choice, chunk, completion, finish, sse
from server import reply, stream

EXTRA = {"google": {"thought_signature": "c2lnbmVk"}}


def call(name: str, arguments: Any = "{}", id: Any = "call-1", **fields: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **fields}


def calls(*asked: dict[str, Any], finish_reason: str = "tool_calls", content: Any = None, **fields: Any) -> Any:
    """A reply that asks for calls; fields are those of its message."""
    whole = completion(content, message={"tool_calls": list(asked), **fields})
    whole["choices"][0]["finish_reason"] = finish_reason
    return reply(whole)


def streamed_calls(*asked: dict[str, Any], finish_reason: str = "tool_calls", **fields: Any) -> Any:
    """The same as a stream."""
    pieces = [chunk(choice(tool_calls=[{"index": at, **one}])) for at, one in enumerate(asked)]
    return stream(
        sse(chunk(choice(role="assistant", content=None, **fields)), *pieces, finish(finish_reason, usage=USAGE))
    )


ANSWER = reply(completion("It is warm."))


def weather(city: str, days: int = 1) -> str:
    """Tell the weather.

    Args:
        city: Where.
    """
    return f"warm in {city} for {days}"


def broken(x: int = 0) -> None:
    raise KeyError(x)


def results(request: Any) -> list[tuple[str, str]]:
    """The ids and contents of the messages of tools in a request."""
    return [(one["tool_call_id"], one["content"]) for one in request.json["messages"] if one["role"] == "tool"]


def runner(surface: Any, client: Any) -> Any:
    """Return what runs tools against a script: it gives the run, and the server."""

    def run(*script: Any, tools: Any = (weather,), **options: Any) -> tuple[Any, Any]:
        api, server = client(*script)
        return surface.run(api.chat.completions.run_tools(HELLO, tools=tools, **options)), server

    return run


def failure(surface: Any, client: Any) -> Any:
    """Return what runs tools against a script that ends in an error: it gives the error, and the server."""

    def fails(error: Any, *script: Any, match: str | None = None, tools: Any = (weather,), **options: Any) -> Any:
        api, server = client(*script, max_retries=0)
        with pytest.raises(error, match=match) as caught:
            surface.run(api.chat.completions.run_tools(HELLO, tools=tools, **options))
        return caught.value, server

    return fails

"""Fragments that streams of tests are made of, and what the events of a stream tell."""

from __future__ import annotations

from typing import Any

TOKEN = {"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}


def call(index: int, arguments: str | None = None, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """A fragment of a tool call."""
    function = {"name": name, "arguments": arguments}
    sent = {"index": index, "function": {key: value for key, value in function.items() if value is not None}}
    return {**sent, "id": f"call_{index}", "type": "function", **fields} if name else {**sent, **fields}


def told(events: list[Any]) -> list[tuple[Any, ...]]:
    """Type and fields of each event but for those of chunks."""
    return [
        (event.type, *[getattr(event, name) for name in event.__match_args__])
        for event in events
        if event.type != "chunk"
    ]

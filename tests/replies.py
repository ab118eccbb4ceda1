"""What a chat server says: completions, chunks, server-sent events and errors, as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
USAGE = {
    "prompt_tokens": 15,
    "completion_tokens": 16,
    "total_tokens": 31,
    "estimated_cost": 0.0000268,
}
HELLO = [{"role": "user", "content": "Hello!"}]
DONE = b"data: [DONE]\n\n"


def page(name: str) -> bytes:
    """A file of the model page, byte for byte."""
    return (DATA / "model-page" / name).read_bytes()


def completion(content: Any = "Hi!", **fields: Any) -> dict[str, Any]:
    """A whole chat completion with one choice; fields replace or join the reply's own."""
    message = {"role": "assistant", "content": content, **fields.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1694623155,
        "model": MODEL,
        "choices": [choice],
        "usage": USAGE,
        **fields,
    }


def choice(finish_reason: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    """One choice of a chunk; further names are fields of its delta."""
    return {"index": index, "delta": delta, "finish_reason": finish_reason}


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A chat completion chunk."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1694623354,
        "model": MODEL,
        "choices": list(choices),
        **fields,
    }


def text(content: Any) -> dict[str, Any]:
    """A chunk that adds this content."""
    return chunk(choice(role="assistant", content=content))


def finish(reason: str = "stop", **fields: Any) -> dict[str, Any]:
    """The chunk that carries the finish reason."""
    return chunk(choice(reason), **fields)


def event(data: Any) -> bytes:
    """One server-sent event. Bytes are sent as they are, strings as data, anything else as JSON."""
    if isinstance(data, bytes):
        return data
    return f"data: {data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)}\n\n".encode()


def sse(*data: Any, done: bool = True) -> bytes:
    """An event stream, with [DONE] at its end unless told otherwise."""
    return b"".join(map(event, data)) + (DONE if done else b"")


def said(*contents: str, done: bool = True) -> bytes:
    """The event stream of an answer in these pieces, with a finish reason."""
    return sse(*map(text, contents), finish(), done=done)


def said_tools(name: str, *arguments: str) -> bytes:
    """The event stream of one tool call whose arguments come in these pieces."""
    begun = {"index": 0, "id": "call-1", "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in arguments]
    return sse(*[chunk(choice(tool_calls=[piece])) for piece in [begun, *pieces]], finish("tool_calls"))


def error(message: str = "It went wrong", **fields: Any) -> dict[str, Any]:
    """An error body in the service's main form."""
    return {"error": {"message": message, "type": None, "param": None, "code": None, **fields}}

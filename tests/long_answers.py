"""What tests of answers that go on past the reply cap share."""

from __future__ import annotations

from typing import Any

from replies import USAGE, completion, finish, sse, text
from server import reply, stream

TWICE = {"prompt_tokens": 30, "completion_tokens": 32, "total_tokens": 62, "estimated_cost": 0.0000536}


def ended(content: Any, reason: str = "length", **fields: Any) -> list[Any]:
    """A whole reply that ended for this reason."""
    message = {"role": "assistant", "content": content, **fields.pop("message", {})}
    return reply(completion(choices=[{"index": 0, "message": message, "finish_reason": reason}], **fields))


def capped(*contents: str, **fields: Any) -> list[Any]:
    """A streamed reply that ended at the cap."""
    return stream(sse(*map(text, contents), finish("length", **{"usage": USAGE, **fields})))

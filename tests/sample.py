"""A chat completion with everything in it, as plain data and as an object."""

from __future__ import annotations

from typing import Any

from tokstream.types.chat import ChatCompletion

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOKEN = {"token": "Hi", "logprob": -0.00001, "bytes": [72, 105], "top_logprobs": []}
# Not in declared order, with nulls, unknown fields and everything nested.
SENT = {
    "object": "chat.completion",
    "id": "chatcmpl-1",
    "mood": {"calm": None, "list": [1, None, {"x": None}]},
    "choices": [
        {
            "message": {"tool_calls": [CALL], "role": "assistant", "name": None, "content": " Hi\u2028é\U0001f600"},
            "finish_reason": "eos",
            "index": 0,
            "logprobs": {"content": [TOKEN, TOKEN]},
        },
        {"index": 1, "message": {"role": "assistant", "content": None}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 1, "total_tokens": 3, "completion_tokens": 2, "estimated_cost": 2.5e-07},
    "model": "m",
    "created": 1694623155,
    "service_tier": None,
}


def reply(sent: dict[str, Any] = SENT) -> ChatCompletion:
    return ChatCompletion.model_validate(sent)

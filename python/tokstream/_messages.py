"""Messages of a reply, as they are sent back."""

from __future__ import annotations

from ._surrogates import joined
from ._typing import TYPE_CHECKING, is_dict, is_list

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What servers send with a reply, and some refuse in a request.
_NOT_SENT_BACK = frozenset({"annotations", "parsed"})


def replayed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message that a server sent as it is sent back: all that the service needs, nothing that it refuses."""
    said = joined(dict(said))
    sent = {
        name: value for name, value in said.items() if value is not None and value != [] and name not in _NOT_SENT_BACK
    }
    message: dict[str, Any] = {"role": said.get("role") or "assistant", "content": said.get("content"), **sent}
    calls = message.pop("tool_calls", None)
    calls = [_replayed_call(call) for call in calls if is_dict(call)] if is_list(calls) else []
    if calls:
        message["tool_calls"] = calls
    elif message["content"] is None:
        # Only beside tool calls may a content be null.
        message["content"] = ""
    if is_dict(message.get("audio")):
        message["audio"] = {"id": message["audio"].get("id")}
    return message


def _replayed_call(call: dict[str, Any]) -> dict[str, Any]:
    # Its place in the list says the same as its index. A call of nothing stays one.
    return {
        name: value for name, value in call.items() if name != "index" and (value is not None or name == "function")
    }

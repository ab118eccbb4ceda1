"""Messages as a conversation keeps them: plain dicts that the service takes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tokstream._surrogates import joined
from tokstream._typing import is_list

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Message: TypeAlias = dict[str, Any]

# What servers send with a reply, and some refuse in a request.
_NOT_SENT_BACK = frozenset({"annotations", "parsed"})
# Instructions: they hold for the whole conversation, and belong to no turn.
_STANDING = frozenset({"system", "developer"})


def is_mapping(value: object) -> TypeIs[Mapping[Any, Any]]:
    """Return whether `value` is a mapping, of whatever type checkers are told."""
    return isinstance(value, Mapping)


def plain(message: Any) -> Message:
    """Return a message of any kind as a dict of its own.

    Raises:
        TypeError: it is no message.
    """
    if is_mapping(message):
        return dict(message)
    dump = getattr(message, "to_dict", None) or getattr(message, "model_dump", None)
    if dump is None or isinstance(message, type):
        raise TypeError(f"a message must be a dict with a role and a content, not {message!r:.100}")
    return replayed(dump())


def replayed(said: Mapping[str, Any]) -> Message:
    """Return a message that a server sent as it is sent back: all that the service needs, nothing that it refuses."""
    said = joined(dict(said))
    message: Message = {"role": said.get("role") or "assistant", "content": said.get("content")}
    for name, value in said.items():
        if value is not None and value != [] and name not in _NOT_SENT_BACK:
            message[name] = value
    if is_list(message.get("tool_calls")):
        message["tool_calls"] = [_replayed_call(call) for call in message["tool_calls"]]
    elif message["content"] is None:
        # Only beside tool calls may a content be null.
        message["content"] = ""
    if is_mapping(message.get("audio")):
        message["audio"] = {"id": message["audio"].get("id")}
    return message


def _replayed_call(call: Any) -> Any:
    if not is_mapping(call):
        return call
    # Its place in the list says the same as its index.
    return {name: value for name, value in call.items() if value is not None and name != "index"}


def asked(question: Any) -> list[Message]:
    """Return what a user asks as messages: a text, the parts of a content, a message or several; None is nothing.

    Raises:
        TypeError: it is none of these.
        ValueError: it is empty.
    """
    if question is None:
        return []
    if isinstance(question, str):
        return [{"role": "user", "content": question}]
    if isinstance(question, (bytes, type)):
        raise TypeError(f"a message must be a text or a dict with a role and a content, not {question!r:.100}")
    one = is_mapping(question) or hasattr(question, "model_dump") or not hasattr(question, "__iter__")
    items = [_part(item) if isinstance(item, str) else plain(item) for item in ([question] if one else question)]
    if not items:
        raise ValueError("there is nothing to send: the list is empty")
    if all("role" in item for item in items):
        return items
    if any("role" in item for item in items) or not all("type" in item for item in items):
        raise TypeError(f"a message must have a role, and a part of a content a type: {question!r:.200}")
    return [{"role": "user", "content": items}]


def _part(text: str) -> Message:
    return {"type": "text", "text": text}


def turns(messages: list[Message]) -> list[list[int]]:
    """Return the turns: the indexes of a message of the user and of all that followed on it.

    A result of a tool is in the turn of its call. System messages are in none.
    """
    found: list[list[int]] = []
    calls: dict[Any, int] = {}
    for index, message in enumerate(messages):
        role = message.get("role")
        if role in _STANDING:
            continue
        if role == "user" or not found:
            found.append([])
        found[-1].append(index)
        last = len(found) - 1
        for call in tool_calls(message):
            calls[call.get("id")] = last
        begun = min(calls.get(message.get("tool_call_id"), last), last)
        if begun < last:
            found[begun:] = [[index for turn in found[begun:] for index in turn]]
    return found


def answered(messages: list[Message]) -> list[Message]:
    """Return the messages up to the first call of a tool that has no result."""
    results = {message.get("tool_call_id") for message in messages}
    for index, message in enumerate(messages):
        if any(call.get("id") not in results for call in tool_calls(message)):
            return messages[:index]
    return messages


def tool_calls(message: Message) -> list[Mapping[str, Any]]:
    """Return the calls that a message asks for."""
    calls: Any = message.get("tool_calls")
    return [call for call in calls if is_mapping(call)] if is_list(calls) else []


def text_of(message: Message) -> str:
    """Return the text of a message; what is no text stands there as its kind in brackets."""
    content: Any = message.get("content")
    if not is_list(content):
        return content if isinstance(content, str) else ""
    parts: list[str] = []
    for part in content:
        text: Any = part.get("text") if is_mapping(part) else part
        kind: Any = part.get("type") if is_mapping(part) else None
        parts.append(text if isinstance(text, str) else f"[{kind or 'part'}]")
    return "\n".join(parts)

"""Messages as a conversation keeps them: plain dicts that the service takes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tokstream._messages import replayed
from tokstream._typing import is_list

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Message: TypeAlias = dict[str, Any]

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


def continued(begun: Message, said: Message) -> Message | None:
    """Return the message that a reply makes of the one that it goes on with; None where it goes on with none."""
    before, after = begun.get("content"), said.get("content")
    if not (
        begun.get("role") == said.get("role") == "assistant" and isinstance(before, str) and isinstance(after, str)
    ):
        return None
    if begun.get("tool_calls") or said.get("tool_calls"):
        return None
    from tokstream._long_answers.join import repeated

    return {**begun, **said, "content": before + after[repeated(before, after, is_over=True) :]}


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

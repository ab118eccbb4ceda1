"""A conversation as text, Markdown and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .messages import Message, is_mapping, plain, text_of, tool_calls

if TYPE_CHECKING:
    from collections.abc import Iterable

_CARD = "margin:.4em 0;padding:.4em .8em;border-left:3px solid"
_PRE = '<div style="white-space:pre-wrap;overflow-wrap:anywhere">{}</div>'
_COLOURS = {"user": "#3b82f6", "assistant": "#10b981", "tool": "#f59e0b"}


def _parts(messages: Iterable[Any]) -> Iterable[tuple[Message, str, str]]:
    """Return each message, who said it, and what."""
    for each in messages:
        message = plain(each)
        said = [text_of(message)] if text_of(message) else []
        for call in tool_calls(message):
            called: Any = call.get("function") or call.get("custom")
            if is_mapping(called):
                said.append(f"→ {called.get('name')}({called.get('arguments', called.get('input'))})")
        who = str(message.get("role"))
        name = message.get("name") or message.get("tool_call_id")
        yield message, f"{who} ({name})" if name else who, "\n".join(said)


def text(messages: Iterable[Any]) -> str:
    """Return the messages as plain text."""
    return "\n\n".join(f"{who}:\n{said}" for _, who, said in _parts(messages))


def markdown(messages: Iterable[Any]) -> str:
    """Return the messages as Markdown; what a model wrote keeps its own, and tags of HTML are shown as they are."""
    return "\n\n".join(f"**{_escaped(who)}**\n\n{_escaped(said)}" for _, who, said in _parts(messages))


def html(messages: Iterable[Any]) -> str:
    """Return the messages as HTML."""
    cards: list[str] = []
    for message, who, said in _parts(messages):
        reasoning = message.get("reasoning_content")
        thought = ""
        if isinstance(reasoning, str) and reasoning:
            thought = f"<details><summary>reasoning</summary>{_PRE.format(_escaped(reasoning))}</details>"
        colour = _COLOURS.get(str(message.get("role")), "#9ca3af")
        body = f"<strong>{_escaped(who)}</strong>{thought}{_PRE.format(_escaped(said))}"
        cards.append(f'<div style="{_CARD} {colour}">{body}</div>')
    return f"<div>{''.join(cards)}</div>"


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)

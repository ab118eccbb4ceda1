"""How the parts of an answer that came by several requests make one completion. No I/O."""

from __future__ import annotations

import json

from tokstream._tokstream import ChatCompletion
from tokstream._typing import TYPE_CHECKING, is_dict, is_list
from tokstream._usage import added, told

if TYPE_CHECKING:
    from typing import Any

# Characters of which a text is so long that it is no chance when a reply begins with all of it.
_NO_CHANCE = 32
# Of the first of several completions; of everything else the last value counts.
_OF_THE_FIRST = {"id", "created", "model", "object"}


class Seam:
    """Notices a reply that begins by saying again what was sent to be continued.

    Some servers hand back the whole message instead of its continuation, some begin it anew and, with the same seed,
    in the same words. A short text, or one that repeats itself, may well go on in that way.

    Args:
        sent: the text that was to be continued.
    """

    __slots__ = ("_at", "_sent", "is_open")

    def __init__(self, sent: str) -> None:
        self._sent = sent
        self._at = 0
        # Whether the reply may still turn out to be either.
        self.is_open = len(sent) >= _NO_CHANCE and sent.find(sent[: len(sent) // 2], 1) < 0

    def feed(self, piece: str) -> int | None:
        """Return how many characters of the reply's next piece say again what was sent; None while that is open."""
        if not self.is_open:
            return 0
        expected = self._sent[self._at : self._at + len(piece)]
        if not piece.startswith(expected):
            self.is_open = False
            return 0
        self._at += len(expected)
        if self._at < len(self._sent):
            return None
        self.is_open = False
        return len(expected)


def repeated(sent: str, reply: str, *, is_over: bool) -> int:
    """Return how many characters at a reply's beginning say again what was sent.

    Args:
        sent: the text that was to be continued.
        reply: the reply so far.
        is_over: whether that is all of it. If it is not, what may become a repetition counts as one.
    """
    said = Seam(sent).feed(reply)
    if said is None:
        return 0 if is_over else len(reply)
    return said


def join(first: dict[str, Any] | None, second: dict[str, Any], skip: int = 0) -> dict[str, Any]:
    """Return two parts of an answer as one completion.

    Args:
        first: what there is so far; None for nothing.
        second: what comes next.
        skip: how many characters at the beginning of its text are left out.
    """
    if first is None:
        return second
    whole = _overlaid(first, second, _OF_THE_FIRST)
    usage = added(usage_of(first) or {}, usage_of(second) or {})
    if usage:
        whole["usage"] = usage
    before, after = message_of(first), message_of(second)
    message = _overlaid(before, after, {"role"})
    for name, left_out in (("content", skip), ("reasoning_content", 0)):
        if isinstance(after.get(name), str):
            begun = before.get(name)
            message[name] = (begun if isinstance(begun, str) else "") + after[name][left_out:]
    choice = _overlaid(_choice_of(first), _choice_of(second), {"index"})
    # Of a part that was cut there is none; a reply without a choice ends nothing.
    finish_reason = finish_reason_of(second if second.get("choices") else first)
    whole["choices"] = [{**choice, "finish_reason": finish_reason, "message": message}]
    return whole


def _choice_of(completion: dict[str, Any] | None) -> dict[str, Any]:
    choices: Any = None if completion is None else completion.get("choices")
    choice: Any = choices[0] if is_list(choices) and choices else None
    return choice if is_dict(choice) else {}


def finish_reason_of(completion: dict[str, Any] | None) -> str | None:
    """Return why an answer ended; None where it was cut."""
    return _choice_of(completion).get("finish_reason")


def message_of(completion: dict[str, Any] | None) -> dict[str, Any]:
    """Return the message of an answer."""
    message: Any = _choice_of(completion).get("message")
    return message if is_dict(message) else {}


def text_of(completion: dict[str, Any] | None) -> str:
    """Return the text of an answer."""
    content = message_of(completion).get("content")
    return content if isinstance(content, str) else ""


def usage_of(completion: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the usage of an answer, where there is one."""
    return None if completion is None else told(completion.get("usage"))


def _overlaid(first: dict[str, Any], second: dict[str, Any], kept: set[str]) -> dict[str, Any]:
    news = {key: value for key, value in second.items() if value is not None and (key not in kept or key not in first)}
    return {**first, **news}


def made(completion: dict[str, Any], request_id: str | None) -> ChatCompletion:
    """Return a completion as `create` does."""
    return ChatCompletion._from_json(json.dumps(completion).encode(), request_id)

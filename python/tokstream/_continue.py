"""An answer that takes several requests: what each of them asks, and how the parts make one completion.

Nothing here does I/O.
"""

from __future__ import annotations

import json

from ._exceptions import ConfigurationError
from ._marks import NotGiven, Omit
from ._tokstream import ChatCompletion
from ._typing import TYPE_CHECKING, is_dict, is_list

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# How many times `auto_continue=True` goes on at most: past a cap of 16,384 tokens, more than any context holds.
CONTINUES = 16
# How many times `resume=True` reconnects at most.
RESUMES = 5
# Characters of which a text is so long that it is no chance when a reply begins with all of it.
_NO_CHANCE = 32

_LIMITS = ("max_tokens", "max_completion_tokens")
# Of the first of several completions; of everything else the last value counts.
_OF_THE_FIRST = {"id", "created", "model", "object"}
# What says that the last message is to be continued: only said where it is the assistant's.
_OF_CONTINUATIONS = ("continue_final_message", "add_generation_prompt")


def count(value: Any, name: str, default: int) -> int:
    """Return how many times `auto_continue` or `resume` allows; 0 where it is off.

    Raises:
        TypeError: it is neither a bool nor an integer.
        ConfigurationError: it is negative.
    """
    if value is True:
        return default
    if not value:
        return 0
    if not isinstance(value, int):
        raise TypeError(f"{name} must be a bool or how many times at most, not {type(value).__name__}")
    if value < 0:
        raise ConfigurationError(f"{name} must not be negative: {value}")
    return value


def refuse(body: Mapping[str, Any], names: str) -> None:
    """Refuse what has no text that another request could go on from.

    Raises:
        ConfigurationError: the request asks for such a thing.
    """
    form = body.get("response_format")
    form = form.get("type") if is_dict(form) else form
    choices = body.get("n")
    for name, asked, why in (
        ("tools", body.get("tools") or body.get("functions"), "half a call cannot be sent back to be finished"),
        ("response_format", form not in (None, "text"), "the server begins the form anew with each request"),
        ("logprobs", body.get("logprobs") or body.get("top_logprobs"), "those of the parts are not those of the whole"),
        ("n", isinstance(choices, int) and choices > 1, "one message can be gone on from, several cannot"),
    ):
        if asked:
            raise ConfigurationError(
                f"{names} cannot be used with {name}: {why}. Leave out {names}, or {name}; nothing was sent"
            )


def summed(first: Any, second: Any) -> Any:
    """Return two usages added up: the numbers in them, however deep."""
    if first is None or second is None:
        return second if first is None else first
    if is_dict(first) and is_dict(second):
        return {key: summed(first.get(key), second.get(key)) for key in {**first, **second}}
    is_number = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (first, second))
    return first + second if is_number else second


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
    """Return two parts of an answer as one completion; of the second's text the first `skip` characters are left out."""
    if first is None:
        return second
    whole = _overlaid(first, second, _OF_THE_FIRST)
    usage = summed(first.get("usage"), second.get("usage"))
    if usage is not None:
        whole["usage"] = usage
    choices = [_choice_of(first), _choice_of(second)]
    messages = [message_of(first), message_of(second)]
    message = _overlaid(*messages, {"role"})
    for name, left_out in (("content", skip), ("reasoning_content", 0)):
        texts = [part if isinstance(part := message.get(name), str) else None for message in messages]
        if texts[1] is not None:
            message[name] = (texts[0] or "") + texts[1][left_out:]
    finish_reason = choices[1].get("finish_reason")
    whole["choices"] = [{**_overlaid(*choices, {"index"}), "finish_reason": finish_reason, "message": message}]
    return whole


def _choice_of(completion: dict[str, Any] | None) -> dict[str, Any]:
    choice: dict[str, Any] = [*((completion or {}).get("choices") or ()), {}][0]
    return choice


def finish_reason_of(completion: dict[str, Any] | None) -> str | None:
    """Return why an answer ended; None where it was cut."""
    return _choice_of(completion).get("finish_reason")


def message_of(completion: dict[str, Any] | None) -> dict[str, Any]:
    """Return the message of an answer."""
    return _choice_of(completion).get("message") or {}


def text_of(completion: dict[str, Any] | None) -> str:
    """Return the text of an answer."""
    content = message_of(completion).get("content")
    return content if isinstance(content, str) else ""


def _overlaid(first: dict[str, Any], second: dict[str, Any], kept: set[str]) -> dict[str, Any]:
    news = {key: value for key, value in second.items() if value is not None and (key not in kept or key not in first)}
    return {**first, **news}


def made(completion: dict[str, Any], request_id: str | None) -> ChatCompletion:
    """Return a completion as `create` does."""
    # As escapes, the halves of a character that two parts share become one.
    return ChatCompletion._from_json(json.dumps(completion).encode(), request_id)


def _as_dict(message: Any) -> dict[str, Any] | None:
    if hasattr(message, "to_dict"):
        message = message.to_dict()
    elif hasattr(message, "model_dump"):
        message = message.model_dump(exclude_unset=True)
    return dict(message) if hasattr(message, "keys") else None


class Answer:
    """An answer as far as its requests have brought it.

    Args:
        body: what the first request asks.
        continues: how many times it is continued at its length's end.
        resumes: how many times it is resumed after a cut.
    """

    __slots__ = ("_brought", "_limits", "_prefix", "_used", "body", "completion", "continues", "request_id", "resumes")

    def __init__(self, body: dict[str, Any], *, continues: int, resumes: int) -> None:
        self.body = {key: value for key, value in body.items() if not isinstance(value, (NotGiven, Omit))}
        self.continues = continues
        self.resumes = resumes
        self.completion: dict[str, Any] | None = None
        self.request_id: str | None = None
        self._limits = {name: limit for name in _LIMITS if isinstance(limit := self.body.get(name), int)}
        messages = self.body.get("messages")
        last = _as_dict(messages[-1]) if is_list(messages) and messages else None
        # A message that the caller began is continued already by the first request.
        self._prefix = last if last and last.get("role") == "assistant" and not last.get("tool_calls") else None
        # Tokens of all parts; None once that is not known.
        self._used: int | None = 0
        self._brought = False

    @property
    def is_limited(self) -> bool:
        """Whether the caller set a limit of tokens, which is one for all requests together."""
        return bool(self._limits)

    @property
    def _message(self) -> dict[str, Any]:
        return message_of(self.completion)

    @property
    def _finish_reason(self) -> str | None:
        return finish_reason_of(self.completion)

    @property
    def brought(self) -> bool:
        """Whether the last part brought any text."""
        return self._brought

    def take(self, part: dict[str, Any] | None, *, skip: int = 0, tokens: int | None = None) -> None:
        """Take the part that a request brought.

        Args:
            part: the part, as a completion; None for nothing at all.
            skip: how much of its text is none of the answer's.
            tokens: how many tokens it has, by the chunks, where the server does not say.
        """
        said = ((part or {}).get("usage") or {}).get("completion_tokens")
        said = said if isinstance(said, int) else tokens
        self._used = None if self._used is None or said is None else self._used + said
        before = len(self._message.get("content") or "")
        if part is not None or self.completion is not None:
            self.completion = join(self.completion, part or {}, skip)
        self._brought = len(self._message.get("content") or "") > before

    @property
    def _left(self) -> int | None:
        """How many tokens the caller's limit leaves; 0 where that is not known."""
        if not self._limits:
            return None
        return 0 if self._used is None else max(min(self._limits.values()) - self._used, 0)

    @property
    def can_be_continued(self) -> bool:
        """Whether the answer goes on after it came to its length's end."""
        return self.continues > 0 and self._finish_reason == "length" and self._brought and self._left != 0

    @property
    def can_be_resumed(self) -> bool:
        """Whether another request can go on from what there is."""
        message = self._message
        if message.get("tool_calls") or message.get("function_call") or message.get("refusal"):
            return False
        # Thoughts that were cut before there was any text are nothing that a server continues.
        return self._left != 0 and bool(message.get("content") or not message.get("reasoning_content"))

    @property
    def sent(self) -> str:
        """The text of the message that the next request has continued."""
        begun = (self._prefix or {}).get("content")
        return (begun if isinstance(begun, str) else "") + (self._message.get("content") or "")

    def request(self) -> dict[str, Any]:
        """Return the body of the next request."""
        body = dict(self.body)
        text = self._message.get("content")
        if text or self._prefix:
            # Only then is there something to be continued.
            if "echo" in body and text:
                body["echo"] = False
        else:
            for name in _OF_CONTINUATIONS:
                body.pop(name, None)
        if text:
            body["messages"] = self._messages(text)
            left = self._left
            body.update({name: limit if left is None else left for name, limit in self._limits.items()})
        return body

    def _messages(self, text: str) -> list[Any]:
        text = _whole_characters(text)
        messages: list[Any] = list(self.body["messages"])
        if self._prefix is None:
            message: dict[str, Any] = {"role": "assistant", "content": text}
        else:
            messages.pop()
            begun = self._prefix.get("content") or ""
            added = [*begun, {"type": "text", "text": text}] if is_list(begun) else begun + text
            message = {**self._prefix, "content": added}
        reasoning = self._message.get("reasoning_content")
        if reasoning:
            message["reasoning_content"] = (message.get("reasoning_content") or "") + reasoning
        return [*messages, message]

    def ask_for_usage(self) -> bool:
        """Have each stream tell its usage; whether the caller asked for that."""
        options = self.body.get("stream_options") or {}
        self.body["stream_options"] = {**options, "include_usage": True}
        return bool(options.get("include_usage"))

    def made(self) -> ChatCompletion | None:
        """Return the answer so far; None before there is any."""
        return None if self.completion is None else made(self.completion, self.request_id)


def _whole_characters(text: str) -> str:
    """Join the halves of characters that came in two chunks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        whole: str = json.loads(json.dumps(text))
        return whole
    return text

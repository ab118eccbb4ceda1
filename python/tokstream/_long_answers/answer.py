"""An answer that takes several requests: what can be asked in that way, and what each of them asks. No I/O."""

from __future__ import annotations

from tokstream._exceptions import ConfigurationError
from tokstream._typing import TYPE_CHECKING, is_list

from .join import finish_reason_of, join, made, message_of, repeated, text_of, usage_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tokstream._tokstream import ChatCompletion

# How many times `auto_continue=True` goes on at most: past a cap of 16,384 tokens, more than any context holds.
CONTINUES = 16
# How many times `resume=True` reconnects at most.
RESUMES = 5
_LIMITS = ("max_tokens", "max_completion_tokens")
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
    form: Any = body.get("response_format")
    form = form.get("type") if hasattr(form, "get") else form
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

    __slots__ = ("_limits", "_prefix", "_used", "body", "brought", "completion", "continues", "request_id", "resumes")

    def __init__(self, body: dict[str, Any], *, continues: int, resumes: int) -> None:
        self.body = body
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
        # Whether the last part brought any text.
        self.brought = False

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

    def take(self, part: dict[str, Any] | None, *, skip: int = 0, tokens: int | None = None) -> None:
        """Take the part that a request brought.

        Args:
            part: the part, as a completion; None for nothing at all.
            skip: how much of its text is none of the answer's.
            tokens: how many tokens it has, by the chunks, where the server does not say.
        """
        said: Any = (usage_of(part) or {}).get("completion_tokens")
        said = said if isinstance(said, int) and said >= 0 else tokens
        self._used = None if self._used is None or said is None else self._used + said
        before = len(text_of(self.completion))
        if part is not None or self.completion is not None:
            self.completion = join(self.completion, part or {}, skip)
        self.brought = len(text_of(self.completion)) > before

    @property
    def _left(self) -> int | None:
        """How many tokens the caller's limit leaves; 0 where that is not known."""
        if not self._limits:
            return None
        return 0 if self._used is None else max(min(self._limits.values()) - self._used, 0)

    @property
    def can_be_continued(self) -> bool:
        """Whether the answer goes on after it came to its length's end."""
        is_cut_short = self._finish_reason == "length" and self.brought
        return self.continues > 0 and is_cut_short and self._is_text and self._left != 0

    @property
    def can_be_resumed(self) -> bool:
        """Whether another request can go on from what there is."""
        # Thoughts that were cut before there was any text are nothing that a server continues.
        begins = bool(text_of(self.completion) or not self._message.get("reasoning_content"))
        return begins and self._is_text and self._left != 0

    @property
    def _is_text(self) -> bool:
        """Whether the answer is a text, and not a call or a refusal that nobody asked for."""
        return not any(self._message.get(name) for name in ("tool_calls", "function_call", "refusal"))

    @property
    def sent(self) -> str:
        """The text of the message that the next request has continued."""
        return self._begun + text_of(self.completion)

    @property
    def _begun(self) -> str:
        """What the caller began, unless the server handed that back as a part of the answer."""
        begun = (self._prefix or {}).get("content")
        if not isinstance(begun, str) or repeated(begun, text_of(self.completion), is_over=True):
            return ""
        return begun

    def request(self) -> dict[str, Any]:
        """Return the body of the next request."""
        body = dict(self.body)
        text = text_of(self.completion)
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
        messages: list[Any] = list(self.body["messages"])
        if self._prefix is None:
            message: dict[str, Any] = {"role": "assistant", "content": text}
        else:
            messages.pop()
            begun = self._prefix.get("content")
            added = [*begun, {"type": "text", "text": text}] if is_list(begun) else self._begun + text
            message = {**self._prefix, "content": added}
        reasoning = self._message.get("reasoning_content")
        if isinstance(reasoning, str) and reasoning:
            message["reasoning_content"] = (message.get("reasoning_content") or "") + reasoning
        return [*messages, message]

    def ask_for_usage(self) -> bool:
        """Have each stream tell its usage; whether the caller asked for that."""
        options: dict[str, Any] = self.body.get("stream_options") or {}
        self.body["stream_options"] = {**options, "include_usage": True}
        return bool(options.get("include_usage"))

    def made(self) -> ChatCompletion | None:
        """Return the answer so far; None before there is any."""
        return None if self.completion is None else made(self.completion, self.request_id)

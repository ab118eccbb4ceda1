"""What is done when a history outgrows the model's context: how that is known, and how the history is shortened.

Lengths in tokens are the server's where it told them, and estimates from the length of the text otherwise.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tokstream._exceptions import APIConnectionError, APIError, TokstreamError, detail_of
from tokstream._typing import is_awaitable, is_list

from .messages import Message, is_mapping, plain, text_of, tool_calls, turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokstream._steps import Steps

# Bytes of text for a token, about: English has four and a bit, Chinese some more than three.
BYTES_OF_A_TOKEN = 4
# Bytes that stand for what the model's template puts around a message, and for a picture or a sound.
_FRAME = 16
_NO_TEXT = 4096

_CODES = {"context_length_exceeded", "exceed_context_size_error"}
# The service has neither a status nor a code for it: only words, and servers differ in theirs.
_WORDS = re.compile(
    r"context.?(length|window|size|limit)|maximum (input|prompt|sequence) length|(prompt|input|messages?) (is|are) too "
    r"long|must have less than \d+ tokens|max_new_tokens\S* must be|input token count|too many (input |prompt )?tokens|"
    r"reduce the length of the (messages|input|prompt)",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:maximum|available|context|limit|allowed|less than|must be <=)[^\d.;]{0,60}?(\d[\d,]*)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d[\d,]*")
# Statuses whose texts may speak of lengths for other reasons: limits of rate, of money, of rights.
_OTHERS = {401, 402, 403, 404, 405, 409, 429}

# Where servers say how long a model's context is; DeepInfra has it in `metadata`.
_NAMES = ("context_length", "max_model_len", "context_window", "max_context_length")
# Seconds after which the list of models is done without.
_LIST_TIMEOUT = 10.0


class TooLong(NamedTuple):
    """A history that is too long: its length and the model's limit, in tokens, where they are known."""

    tokens: int | None
    limit: int | None


def read_error(error: APIError) -> TooLong | None:
    """Return what a server's error says of a history that is too long; None if it is about something else."""
    if isinstance(error, APIConnectionError) or getattr(error, "status_code", None) in _OTHERS:
        return None
    if not {error.code, error.type} & _CODES and not _WORDS.search(error.message):
        return None
    told = detail_of(error.body)
    tokens, limit = _count(told.get("n_prompt_tokens")), _count(told.get("n_ctx"))
    if tokens and limit:
        return TooLong(tokens, limit)
    return _read_words(error.message)


def _read_words(message: str) -> TooLong:
    # A number of more digits is none of tokens.
    numbers = [int(number) for text in _NUMBER.findall(message) if len(number := text.replace(",", "")) < 10]
    found = _LIMIT.search(message)
    limit = int(found[1].replace(",", "")) if found and len(found[1]) < 13 else None
    if len(numbers) == 2:
        limit = min(numbers)
    tokens = max(numbers, default=0)
    return TooLong(tokens if limit is not None and tokens > limit else None, limit)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 and not isinstance(value, bool) else None


def context_lengths(models: Iterable[Any]) -> dict[str, int]:
    """Return how many tokens each model can see at once, where the server says it."""
    lengths: dict[str, int] = {}
    for model in models:
        for place in (getattr(model, "metadata", None), model):
            for name in _NAMES:
                length = _count(getattr(place, name, None))
                if length is not None:
                    lengths.setdefault(str(getattr(model, "id", "")), length)
    return lengths


def ask_context_lengths(client: Any) -> Steps:
    """Return how many tokens each model of the server can see, which is asked once."""
    if client._context_lengths is None:
        try:
            models = yield partial(client.models.list, timeout=_LIST_TIMEOUT)
            client._context_lengths = context_lengths(models.data)
        except (TokstreamError, TypeError, AttributeError):
            client._context_lengths = {}  # Then the server's error will tell.
    return client._context_lengths


def size(message: Message) -> int:
    """Return the length of a message in bytes; what is no text counts as much as a page."""
    content: Any = message.get("content")
    total = _FRAME + len(text_of(message).encode("utf-8", "replace"))
    if is_list(content):
        total += sum(_NO_TEXT for part in content if is_mapping(part) and "text" not in part)
    for call in tool_calls(message):
        total += len(str(call.get("function")))
    return total


def without_oldest(messages: list[Message], *, keep: float | None, least: int) -> list[Message] | None:
    """Return the messages without their oldest turns; None if there is but one turn.

    Args:
        messages: the messages.
        keep: which part of their length may stay; None if it is not known.
        least: how many turns are dropped at least, but for the last one.
    """
    droppable = turns(messages)[:-1]
    if not droppable:
        return None
    sizes = [size(message) for message in messages]
    rest = total = sum(sizes)
    dropped: set[int] = set()
    for number, turn in enumerate(droppable):
        if number >= least and (keep is None or rest <= keep * total):
            break
        dropped.update(turn)
        rest -= sum(sizes[index] for index in turn)
    return [message for index, message in enumerate(messages) if index not in dropped]


def checked_history(messages: Any) -> list[Message]:
    """Return what an `on_overflow` function returned, as messages.

    Raises:
        TypeError: it is no list of messages.
        ValueError: it is empty.
    """
    if is_awaitable(messages):
        messages.close()
        raise TypeError("on_overflow= returned an awaitable: only an AsyncClient's conversation can await it")
    if isinstance(messages, (str, bytes, dict)) or not hasattr(messages, "__iter__"):
        raise TypeError(f"on_overflow= must return a list of messages, not {messages!r:.100}")
    found: Iterable[Any] = messages
    shorter = [plain(message) for message in found]
    if not shorter:
        raise ValueError("on_overflow= returned no messages: there is nothing to send")
    return shorter

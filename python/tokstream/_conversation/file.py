"""Conversations as files, in JSON Lines: the first line says what the file is, each further one is a message.

A file is written beside the one that it replaces and then takes its place, so that a crash leaves the one or the other.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokstream._client import TOTALS
from tokstream._exceptions import ConfigurationError
from tokstream._typing import is_dict, is_list

from .errors import ConversationFileError
from .messages import Message, plain
from .settings import checked_cost, checked_policy, without_secrets

if TYPE_CHECKING:
    from os import PathLike

    from .base import BaseConversation

_FORMAT = "tokstream conversation"
_VERSION = 1
_TYPES: dict[str, type] = {"model": str, "keep_partial": bool, "context_length": int}
_SETTINGS = ("model", "max_cost", "on_overflow", "keep_partial", "context_length")
# Beyond any sum of tokens or money.
_MOST = 1e18
# What a request may have and a file has not: secrets, functions, and what belongs to one program.
_NOT_SAVED = {
    "messages",
    "stream",
    "tools",
    "timeout",
    "extra_headers",
    "extra_query",
    "api_key",
    "system",
    "client",
    "self",
}


def write(conversation: BaseConversation[Any], path: str | PathLike[str]) -> None:
    """Write a conversation to a file."""
    messages = [plain(message) for message in conversation.messages]
    params = without_secrets({k: v for k, v in conversation.params.items() if k not in _NOT_SAVED})
    settings = {name: value for name in _SETTINGS if (value := getattr(conversation, name)) is not None}
    if callable(settings.get("on_overflow")):
        del settings["on_overflow"]
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "messages": len(messages),
        "settings": settings,
        "params": {name: value for name, value in params.items() if _is_json(value)},
        "spent": conversation._spent,
    }
    _replace(Path(path).resolve(), b"".join(map(_line, [head, *messages])))


def _line(data: Any) -> bytes:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half of a character
        return json.dumps(data, allow_nan=False).encode() + b"\n"


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        with beside.open("xb") as file:
            with suppress(OSError):
                beside.chmod(path.stat().st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    # The new name is on the disk once the folder is; not every system can say so.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path: str | PathLike[str]) -> dict[str, Any]:
    """Return what a conversation is made of: its arguments, and `spent`.

    Raises:
        ConversationFileError: the file is no saved conversation, or is not all of one.
        OSError: it cannot be read.
    """
    lines = Path(path).read_bytes().split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    name = os.fspath(path)
    head = _parsed(lines[0] if lines else b"")
    if not is_dict(head) or head.get("format") != _FORMAT:
        raise ConversationFileError(
            f"{name} is no saved conversation: its first line does not say so.", path=name, line=1
        )
    if head.get("version") != _VERSION:
        raise ConversationFileError(
            f"{name} was saved by a newer version of tokstream, in form {head.get('version')!r:.20}.", path=name, line=1
        )
    arguments = _arguments(head)
    if arguments is None:
        raise ConversationFileError(f"{name} has settings in its first line that are none.", path=name, line=1)
    messages: list[Message] = []
    for number, line in enumerate(lines[1:], start=2):
        message = _parsed(line)
        if not is_dict(message) or not isinstance(message.get("role"), str):
            raise ConversationFileError(
                f"{name} is damaged: line {number} is no message. The error has the {len(messages)} before it.",
                path=name,
                line=number,
                messages=messages,
            )
        messages.append(message)
    if len(messages) < head["messages"]:
        raise ConversationFileError(
            f"{name} is not whole: it has {len(messages)} of {head['messages']} messages. The error has them.",
            path=name,
            line=len(messages) + 2,
            messages=messages,
        )
    return {**arguments, "messages": messages}


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _arguments(head: dict[str, Any]) -> dict[str, Any] | None:
    settings, params, spent = head.get("settings"), head.get("params"), head.get("spent")
    if not (is_dict(settings) and is_dict(params) and is_dict(spent) and isinstance(head.get("messages"), int)):
        return None
    if not settings.keys() <= set(_SETTINGS) or params.keys() & (_NOT_SAVED | set(_SETTINGS)):
        return None
    try:
        checked_cost(settings.get("max_cost"))
        checked_policy(settings.get("on_overflow"))
    except ConfigurationError:
        return None
    if not all(_is_of(settings.get(name), types) for name, types in _TYPES.items()):
        return None
    if not all(
        is_list(totals) and len(totals) == len(TOTALS) and all(map(_is_amount, totals)) for totals in spent.values()
    ):
        return None
    return {**settings, **params, "spent": spent}


def _is_of(value: Any, kind: type) -> bool:
    return value is None or type(value) is kind


def _is_amount(value: Any) -> bool:
    """Return whether this is what tokens and money may add up to: JSON of Python's has NaN and infinity too."""
    return type(value) in (int, float) and 0 <= value < _MOST

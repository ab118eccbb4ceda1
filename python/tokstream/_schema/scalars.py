"""Types whose values are one string, number, boolean or null."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import ipaddress
import pathlib
import re
import uuid
from typing import TYPE_CHECKING, Any

from tokstream._typing import is_number

from .nodes import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def _text(name: str, make: Callable[[str], Any], **schema: Any) -> Scalar:
    return Scalar(name, {"type": "string", **schema}, _is_text, make)


def _read_datetime(text: str) -> dt.datetime:
    # Older Pythons read neither "Z" nor fractions of other than three or six digits.
    text = re.sub(r"[zZ]$", "+00:00", text)
    text = re.sub(r"\.(\d{1,9})", lambda match: "." + match[1][:6].ljust(6, "0"), text)
    return dt.datetime.fromisoformat(text)


def _read_time(text: str) -> dt.time:
    return _read_datetime(f"2000-01-01T{text}").timetz()


_DURATION = re.compile(
    r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII | re.IGNORECASE
)


def _read_duration(value: Any) -> dt.timedelta:
    if not isinstance(value, str):
        return dt.timedelta(seconds=value)
    match = _DURATION.fullmatch(value)
    if match is None or not any(match.groups()[1:]):
        raise ValueError(value)
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups()[1:])
    span = dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -span if match[1] == "-" else span


def _read_decimal(value: Any) -> decimal.Decimal:
    return decimal.Decimal(str(value))


def _read_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


SCALARS: dict[Any, Scalar] = {
    str: Scalar("a string", {"type": "string"}, _is_text),
    int: Scalar("an integer", {"type": "integer"}, _is_whole, int),
    float: Scalar("a number", {"type": "number"}, is_number, float),
    bool: Scalar("true or false", {"type": "boolean"}, lambda value: isinstance(value, bool)),
    type(None): Scalar("null", {"type": "null"}, lambda value: value is None),
    dt.datetime: _text("a date and time", _read_datetime, format="date-time"),
    dt.date: _text("a date", dt.date.fromisoformat, format="date"),
    dt.time: _text("a time", _read_time, format="time"),
    dt.timedelta: Scalar(
        "a duration",
        {"type": "string", "format": "duration"},
        lambda value: _is_text(value) or is_number(value),
        _read_duration,
    ),
    uuid.UUID: _text("a UUID", uuid.UUID, format="uuid"),
    decimal.Decimal: Scalar(
        "a decimal number",
        {"type": "string", "format": "decimal"},
        lambda value: _is_text(value) or is_number(value),
        _read_decimal,
    ),
    bytes: _text("base64", _read_bytes, contentEncoding="base64"),
    re.Pattern: _text("a regular expression", re.compile, format="regex"),
    pathlib.Path: _text("a path", pathlib.Path, format="path"),
    pathlib.PurePath: _text("a path", pathlib.PurePath, format="path"),
    ipaddress.IPv4Address: _text("an IPv4 address", ipaddress.IPv4Address, format="ipv4"),
    ipaddress.IPv6Address: _text("an IPv6 address", ipaddress.IPv6Address, format="ipv6"),
}

"""JSON that is read while it arrives: what there is of its value so far, without reading anything twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tokstream._typing import is_list

from .json_shown import Shown, put_into

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a reader waits for.
_VALUE, _ITEM, _KEY, _LATER_KEY, _COLON, _NEXT, _STRING, _TOKEN, _END = range(9)

# Levels of nesting; json.loads has a limit that is not much higher.
MAX_DEPTH = 512

_NO_BLANK = re.compile(r"[^ \t\n\r]")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_LITERAL = re.compile(r"[-+.0-9A-Za-z]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# An escape of a character that UTF-16 writes as two: \ud83d\ude00.
_ESCAPE, _PAIR = 6, 12

_NOTHING = object()


class JSONReader:
    """Reads JSON by pieces.

    What is shown of a value that has not ended: a string as far as it goes, an array or object with what it has.
    Numbers, `true`, `false` and `null` are shown when they are whole, and a key when its value has begun.

    Attributes:
        has_failed (bool): what came is no JSON; the value stays what it was before.
        work (int): characters looked at, for tests.
    """

    __slots__ = ("_keys", "_open", "_order", "_pending", "_pieces", "_state", "_value", "has_failed", "work")

    def __init__(self) -> None:
        # Arrays and objects that have not ended, outermost first; each is put into the next outer one at its end.
        self._open: list[Any] = []
        # For each of them the key that waits for its value; `_NOTHING` in an array, and before a key has ended.
        self._keys: list[Any] = []
        # The keys of each object that have their value, in the order in which they came.
        self._order: list[list[str]] = []
        self._value: Any = _NOTHING
        self._state = _VALUE
        self._pieces: list[str] = []
        # The begun escape, number or word with which the last piece ended.
        self._pending = ""
        self.has_failed = False
        self.work = 0

    @property
    def is_complete(self) -> bool:
        """Whether the value has ended."""
        return self._state == _END and not self.has_failed

    def feed(self, text: str) -> None:
        """Read the next piece."""
        if self.has_failed or not text:
            return
        text = self._pending + text
        self._pending = ""
        self.work += len(text)
        at, end = 0, len(text)
        while at < end and not self.has_failed:
            if self._state == _STRING:
                at = self._string(text, at)
            elif self._state == _TOKEN:
                at = self._token(text, at)
            else:
                at = _after_blanks(text, at)
                if at < end:
                    at = self._structure(text[at], at)

    def value(self, shown: Shown | None = None) -> Any:
        """Return the value so far: `None` before it has begun.

        What has ended in it is shared with values returned before and later, and must not be changed.

        Args:
            shown: a value returned before, which is brought up to date where nobody has it any more; what is returned
                is noted in it. Default: all that has not ended is copied.
        """
        if not self._open:
            if self._state == _STRING:
                return self._text()
            return None if self._value is _NOTHING else self._value
        if shown is None:
            shown = Shown()
        values = shown.brought_up_to(self._open, self._keys, self._order)
        if self._state == _STRING and self._is_value():
            put_into(values[-1], self._keys[-1], self._text())
        return values[0]

    def _text(self) -> str:
        text = "".join(self._pieces)
        self._pieces = [text]
        return text

    def _is_value(self) -> bool:
        """Whether the string that is being read is a value and no key."""
        return is_list(self._open[-1]) or self._keys[-1] is not _NOTHING

    def _structure(self, char: str, at: int) -> int:
        state = self._state
        if state in (_VALUE, _ITEM):
            if char == "]" and state == _ITEM and is_list(self._open[-1]):
                self._close()
            else:
                return self._begin(char, at)
        elif state in (_KEY, _LATER_KEY) and char == '"':
            self._state = _STRING
        elif state == _KEY and char == "}":
            self._close()
        elif state == _COLON and char == ":":
            self._state = _VALUE
        elif state == _NEXT and char == ",":
            self._state = _VALUE if is_list(self._open[-1]) else _LATER_KEY
        elif state == _NEXT and char == ("]" if is_list(self._open[-1]) else "}"):
            self._close()
        else:
            self.has_failed = True
        return at + 1

    def _begin(self, char: str, at: int) -> int:
        if char == '"':
            self._state = _STRING
        elif char in "{[" and len(self._open) < MAX_DEPTH:
            self._open.append({} if char == "{" else [])
            self._keys.append(_NOTHING)
            self._order.append([])
            self._state = _KEY if char == "{" else _ITEM
        elif char in "-0123456789tfn":
            self._state = _TOKEN
            return at
        else:
            self.has_failed = True
        return at + 1

    def _close(self) -> None:
        self._keys.pop()
        self._order.pop()
        self._put(self._open.pop())

    def _put(self, value: Any) -> None:
        """Put a value that has ended where it belongs."""
        if not self._open:
            self._value = value
            self._state = _END
            return
        container = self._open[-1]
        if is_list(container):
            container.append(value)
        elif self._keys[-1] is _NOTHING:
            self._keys[-1] = value
            self._state = _COLON
            return
        else:
            container[self._keys[-1]] = value
            self._order[-1].append(self._keys[-1])
            self._keys[-1] = _NOTHING
        self._state = _NEXT

    def _string(self, text: str, at: int) -> int:
        plain = _PLAIN.match(text, at)
        if plain is not None:
            self._pieces.append(plain[0])
            return plain.end()
        if text[at] == '"':
            whole = "".join(self._pieces)
            self._pieces = []
            self._put(whole)
            return at + 1
        return self._escape(text, at) if text[at] == "\\" else self._fail(at)

    def _escape(self, text: str, at: int) -> int:
        """Read an escape; one that has not ended is kept for the next piece."""
        char = text[at + 1 : at + 2]
        if char in _ESCAPES and char:
            self._pieces.append(_ESCAPES[char])
            return at + 2
        if char == "u":
            code = _hex(text, at)
            if code is not None:
                return self._code(code, text, at)
        if char not in ("", "u") or len(text) >= at + _ESCAPE:
            return self._fail(at)
        return self._wait(text, at)

    def _code(self, code: int, text: str, at: int) -> int:
        if 0xD800 <= code < 0xDC00:
            rest = text[at + _ESCAPE : at + _PAIR]
            low = _hex(text, at + _ESCAPE)
            if low is not None and 0xDC00 <= low < 0xE000:
                self._pieces.append(chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)))
                return at + _PAIR
            if len(rest) < _ESCAPE and r"\u".startswith(rest[:2]):
                return self._wait(text, at)
        self._pieces.append(chr(code))
        return at + _ESCAPE

    def _wait(self, text: str, at: int) -> int:
        self._pending = text[at:]
        return len(text)

    def _fail(self, at: int) -> int:
        self.has_failed = True
        return at

    def _token(self, text: str, at: int) -> int:
        """Read a number or a word, which ends with the first character that is no part of it."""
        part = _LITERAL.match(text, at)
        if part is not None:
            self._pieces.append(part[0])
            at = part.end()
            if at == len(text):
                return at
        self._end_token()
        return at

    def _end_token(self) -> None:
        token = "".join(self._pieces)
        self._pieces = []
        number = _NUMBER.fullmatch(token)
        try:
            if number is not None:
                self._put(float(token) if number[1] or number[2] else int(token))
            elif token in _WORDS:
                self._put(_WORDS[token])
            else:
                self.has_failed = True
        except ValueError:  # more digits than Python reads
            self.has_failed = True

    def finish(self) -> None:
        """End the text: a number that stands alone has no other end."""
        if self._state == _TOKEN and not self._open:
            self._end_token()


def _after_blanks(text: str, at: int) -> int:
    found = _NO_BLANK.search(text, at)
    return len(text) if found is None else found.start()


def _hex(text: str, at: int) -> int | None:
    """Return the code of the escape that stands at this place, if a whole one does."""
    found = _CODE.match(text, at)
    return None if found is None else int(found[1], 16)


class PartialJSON:
    """The value of a text at each of its parts. A reader serves those who ask in the order in which they came.

    Args:
        parts: the parts so far; more may be added to it.
        of: makes of the value so far what is shown of it.
    """

    __slots__ = ("_of", "_parts", "_read", "_shown", "reader")

    def __init__(self, parts: Sequence[str], of: Any = None) -> None:
        self._parts = parts
        self._of = of
        self._read = 0
        # Two, for while the next value is made a program may still hold the one before.
        self._shown = (Shown(), Shown())
        self.reader = JSONReader()

    def first(self, count: int) -> Any:
        """Return what the first `count` parts come to, `None` if nothing yet."""
        if count < self._read:
            self._read, self.reader = 0, JSONReader()
        for position in range(self._read, count):
            self.reader.feed(self._parts[position])
        self._read = count
        older, newer = self._shown
        self._shown = (newer, older)
        value = self.reader.value(older)
        return value if self._of is None else self._of(value)

"""How the bytes of a body are cut and joined as they come; nothing here does I/O."""

from __future__ import annotations

from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pieces:
    """Gives bytes as they come, or cut and joined to `size` bytes each."""

    __slots__ = ("_kept", "_size")

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._kept = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        if self._size is None:
            return [piece]
        self._kept += piece
        whole = len(self._kept) // self._size * self._size
        pieces = [bytes(self._kept[start : start + self._size]) for start in range(0, whole, self._size)]
        del self._kept[:whole]
        return pieces

    def rest(self) -> list[bytes]:
        return [bytes(self._kept)] if self._kept else []


class Whole:
    """Joins a body of at most `most` bytes."""

    __slots__ = ("_body", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._body = bytearray()

    @property
    def is_too_long(self) -> bool:
        return len(self._body) > self._most

    @property
    def complaint(self) -> str:
        return f"The reply is larger than {self._most} bytes, which limits.body_bytes allows"

    def feed(self, piece: bytes) -> None:
        self._body += piece

    def body(self) -> bytes:
        return bytes(self._body)


def decoder() -> Callable[[bytes, bool], str]:
    from codecs import getincrementaldecoder

    return getincrementaldecoder("utf-8")("replace").decode


class Lines:
    """Cuts text into lines at LF, CR LF and CR, as HTTP streams have them, and nowhere else.

    What a line has so far is kept in pieces, so that a long one costs no more than its length.
    """

    __slots__ = ("_begun", "_decode", "_ends_in_cr", "_most", "_size")

    def __init__(self, most: int) -> None:
        self._decode = decoder()
        self._most = most
        self._begun: list[str] = []
        self._size = 0
        self._ends_in_cr = False

    @property
    def is_too_long(self) -> bool:
        return self._size > self._most

    @property
    def complaint(self) -> str:
        return f"The reply has a line of more than {self._most} bytes, which limits.event_bytes allows"

    def feed(self, piece: bytes) -> list[str]:
        self._size += len(piece)
        return self._cut(self._decode(piece, False))

    def _cut(self, text: str) -> list[str]:
        if self._ends_in_cr and text:
            text = "\r" + text
        if text:
            # A CR at the end may be the first half of CR LF.
            self._ends_in_cr = text.endswith("\r")
        lines = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._begun.append(lines[0])
        if len(lines) == 1:
            return []
        lines[0] = "".join(self._begun)
        self._begun = [lines.pop()]
        # Close enough to its bytes, of which the decoder may keep some back.
        self._size = len(self._begun[0])
        return lines

    def rest(self) -> list[str]:
        lines = self._cut(self._decode(b"", True))
        kept = "".join(self._begun)
        return [*lines, kept] if kept or self._ends_in_cr else lines

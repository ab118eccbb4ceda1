"""What has arrived so far of a stream, shared by its events."""

from __future__ import annotations

from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class SharedText:
    """A text that grows by parts. The events of a stream share it, so that none of them copies what came before."""

    __slots__ = ("_joined", "_parts")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._joined = ("", 0)

    def add(self, part: str) -> tuple[SharedText, int]:
        """Add a part and return what an event keeps to read all up to it."""
        self._parts.append(part)
        return self, len(self._parts)

    @property
    def parts(self) -> list[str]:
        """The parts; more are added to this list."""
        return self._parts

    def first(self, count: int) -> str:
        """Return the first `count` parts as one text."""
        text, joined = self._joined
        if count < joined:
            return "".join(self._parts[:count])
        if count > joined:
            text += "".join(self._parts[joined:count])
            self._joined = (text, count)
        return text

    def whole(self) -> str:
        """Return all parts as one text."""
        return self.first(len(self._parts))


class SharedList:
    """A list that grows by parts, and is shared in the same way."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: list[Any] = []

    def add(self, items: Iterable[Any]) -> tuple[SharedList, int]:
        """Add items and return what an event keeps to read all up to them."""
        self._items.extend(items)
        return self, len(self._items)

    def first(self, count: int) -> list[Any]:
        """Return the first `count` items."""
        return self._items[:count]

    def whole(self) -> list[Any]:
        """Return all items."""
        return self._items[:]


def settled(value: Any) -> Any:
    """Return what an event keeps: itself, or what the first parts of a shared text or list come to."""
    if type(value) is tuple:
        kept: tuple[Any, int] = value  # pyright: ignore[reportUnknownVariableType]
        return kept[0].first(kept[1])
    return value

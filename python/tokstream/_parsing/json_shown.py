"""What a reader of partial JSON shows of arrays and objects that have not ended."""

from __future__ import annotations

import sys
from typing import Any

from tokstream._typing import is_dict, is_list


def put_into(container: Any, key: Any, value: Any) -> None:
    """Put a value into an array, or under this key into an object."""
    if is_list(container):
        container.append(value)
    else:
        container[key] = value


class Shown:
    """The arrays and objects that a reader showed while they were open, outermost first.

    Showing a value copies what is open in it: a long array again with each of its items. What nobody holds any more, as
    its count of references tells, is therefore brought up to date instead.
    """

    __slots__ = ("_counts", "_of", "_values")

    def __init__(self) -> None:
        # What of the reader's they were copied from, and how much of that they have.
        self._of: list[Any] = []
        self._counts: list[int] = []
        self._values: list[Any] = []

    def _free(self, opened: list[Any]) -> int:
        """Return how many of them show what is still open, and are held by nobody else."""
        if not _CAN_COUNT:
            return 0
        # Counted anew each time: how many there are of one holder alone is up to the interpreter.
        alone = _references([[]], 0)
        pairs = enumerate(zip(self._of, opened, strict=False))
        for depth, (of, container) in pairs:
            # All but the outermost are held by the next outer one too.
            if of is not container or _references(self._values, depth) > alone + (depth > 0):
                return depth
        return min(len(self._of), len(opened))

    def brought_up_to(self, opened: list[Any], keys: list[Any], order: list[list[str]]) -> list[Any]:
        """Return what shows the arrays and objects that are open now, each within the next outer one."""
        free = self._free(opened)
        del self._of[free:], self._counts[free:], self._values[free:]
        is_outer_changed = False
        for depth, container in enumerate(opened):
            size = len(container) if is_list(container) else len(order[depth])
            if depth >= free:
                is_changed = True
                value = container.copy()
                self._of.append(container)
                self._counts.append(size)
                self._values.append(value)
            else:
                value, count = self._values[depth], self._counts[depth]
                # The last of them has shown another one within it, or a string that has not ended.
                is_changed = size != count or depth == free - 1
                if is_changed and is_list(container):
                    value[count:] = container[count:]
                elif is_changed and is_dict(container):
                    value.update({key: container[key] for key in order[depth][count:]})
                self._counts[depth] = size
            if depth and (is_outer_changed or depth >= free):
                put_into(self._values[depth - 1], keys[depth - 1], value)
            is_outer_changed = is_changed
        return self._values


def _references(values: list[Any], at: int) -> int:
    return sys.getrefcount(values[at])


def _can_count() -> bool:
    return hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()


_CAN_COUNT = _can_count()

"""The marks for a parameter that is not given, and for one that is to be left out."""

from __future__ import annotations

from ._typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from typing import Literal


class NotGiven:
    """The class of `NOT_GIVEN`, which stands for a parameter that is not given."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    @override
    def __repr__(self) -> str:
        return "NOT_GIVEN"

    @override
    def __reduce__(self) -> str:
        return "NOT_GIVEN"


class Omit:
    """The class of `omit`, which stands for a parameter or a header that is not to be sent."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    @override
    def __repr__(self) -> str:
        return "omit"

    @override
    def __reduce__(self) -> str:
        return "omit"


NOT_GIVEN = NotGiven()
omit = Omit()

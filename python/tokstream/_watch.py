"""Who is told of a reply that takes several requests. For type checkers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Watch(Protocol):
    """Whose a reply is, and who has a say in whether it goes on.

    Attributes:
        so_far: is set to what gives a whole reply as far as it has come.
        running: is set to what has the run of tools.
    """

    so_far: Callable[[], Any]
    running: Any

    def goes_on(self, usage: dict[str, Any] | None) -> None:
        """Learn before each further request what the reply has used so far; what this raises ends the reply."""

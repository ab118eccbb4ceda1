"""The errors of runs of tools."""

from __future__ import annotations

from tokstream._exceptions import TokstreamError

__all__ = ["MaxTurnsExceededError", "ToolError"]


class MaxTurnsExceededError(TokstreamError):
    """The model still asked for tools after so many turns as a run of tools may take; no further request was sent.

    Attributes:
        max_turns (int | None): the limit.
        run (ToolRun | None): the run so far. The calls of its last turn are answered: its `messages` can be sent on.
    """

    max_turns: int | None

    def __init__(self, message: str = "The run of tools took too many turns.", *, max_turns: int | None = None) -> None:
        super().__init__(message)
        self.max_turns = max_turns


class ToolError(TokstreamError):
    """A tool failed, or the model called it wrongly. `__cause__` is the exception that says why.

    Attributes:
        name (str): the tool's name, as the model called it.
        arguments (str): the JSON of the arguments, as the model wrote it.
        call_id (str): the id of the call.
        run (ToolRun | None): the run so far; the calls of its last turn need not all be answered.
    """

    name: str
    arguments: str
    call_id: str

    def __init__(
        self, message: str = "A tool failed.", *, name: str = "", arguments: str = "", call_id: str = ""
    ) -> None:
        super().__init__(message)
        self.name = name
        self.arguments = arguments
        self.call_id = call_id


# Where programs import them from, and pickles look for them.
for _name in __all__:
    globals()[_name].__module__ = "tokstream"

"""The events of a run of tools, beside those of the streams of its turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tokstream._events.types import ChatCompletionStreamEvent, Event, json_or_none

if TYPE_CHECKING:
    from tokstream._tokstream import ChatCompletion

    from .errors import ToolError


class TurnStartedEvent(Event):
    """The model is asked. The events of its answer follow.

    Attributes:
        turn (int): how often it was asked in this run, from 1.
    """

    __slots__ = ("turn",)
    __match_args__ = ("turn",)
    type: Literal["turn.started"] = "turn.started"

    def __init__(self, turn: int) -> None:
        self.turn = turn


class TurnDoneEvent(Event):
    """The model has answered, or asked for calls. Those are run next.

    Attributes:
        turn (int): which turn it is, from 1.
        completion (ChatCompletion): the whole answer.
    """

    __slots__ = ("completion", "turn")
    __match_args__ = ("turn", "completion")
    type: Literal["turn.done"] = "turn.done"

    def __init__(self, turn: int, completion: ChatCompletion) -> None:
        self.turn = turn
        self.completion = completion


class ToolCallStartedEvent(Event):
    """A call of a tool begins.

    Attributes:
        name (str): the tool's name.
        call_id (str): the id of the call.
        arguments (str): the JSON of the arguments, as the model wrote it.
        parsed_arguments (object): their value, or `None` if that JSON is not valid.
    """

    __slots__ = ("arguments", "call_id", "name")
    __match_args__ = ("name", "call_id", "arguments")
    type: Literal["tool_call.started"] = "tool_call.started"

    def __init__(self, name: str, call_id: str, arguments: str) -> None:
        self.name = name
        self.call_id = call_id
        self.arguments = arguments

    @property
    def parsed_arguments(self) -> object:
        return json_or_none(self.arguments)


class ToolCallResultEvent(Event):
    """A call of a tool has ended. Of calls that run at once, the first that ends comes first.

    Attributes:
        name (str): the tool's name.
        call_id (str): the id of the call.
        content (str): what the model gets to read.
        result (object): what the tool returned; `None` if it failed.
        error (ToolError | None): why there is no result.
    """

    __slots__ = ("call_id", "content", "error", "name", "result")
    __match_args__ = ("name", "call_id", "content", "result", "error")
    type: Literal["tool_call.result"] = "tool_call.result"

    def __init__(
        self, name: str, call_id: str, content: str, result: Any = None, error: ToolError | None = None
    ) -> None:
        self.name = name
        self.call_id = call_id
        self.content = content
        self.result = result
        self.error = error


ToolRunEvent = ChatCompletionStreamEvent | TurnStartedEvent | TurnDoneEvent | ToolCallStartedEvent | ToolCallResultEvent

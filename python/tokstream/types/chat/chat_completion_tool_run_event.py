"""The events that `client.chat.completions.run_tools(…, stream=True)` gives."""

from tokstream._tools.events import (
    ToolCallResultEvent,
    ToolCallStartedEvent,
    ToolRunEvent,
    TurnDoneEvent,
    TurnStartedEvent,
)

__all__ = ["ToolCallResultEvent", "ToolCallStartedEvent", "ToolRunEvent", "TurnDoneEvent", "TurnStartedEvent"]

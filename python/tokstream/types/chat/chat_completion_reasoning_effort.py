"""How much a reasoning model thinks, under the name of the chat route."""

from typing import TypeAlias

from tokstream.types.shared_params.reasoning_effort import ReasoningEffort

__all__ = ["ChatCompletionReasoningEffort"]

ChatCompletionReasoningEffort: TypeAlias = ReasoningEffort

"""How much a reasoning model thinks."""

from typing import Literal, TypeAlias

__all__ = ["ReasoningEffort"]

ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
"""How long a reasoning model thinks before it answers, from not at all to as long as it can."""

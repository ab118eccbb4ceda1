"""Who speaks in a message."""

from typing import Literal, TypeAlias

__all__ = ["ChatCompletionRole"]

ChatCompletionRole: TypeAlias = Literal["developer", "system", "user", "assistant", "tool", "function"]
"""The author of a message. DeepInfra answers `developer` and `function` with status 422."""

"""Who speaks in a message."""

from typing import Literal, TypeAlias

__all__ = ["ChatCompletionRole"]

# Two literals because stubtest takes a lone one for a union that is none.
ChatCompletionRole: TypeAlias = Literal["system", "user", "assistant", "tool"] | Literal["developer", "function"]  # noqa: PYI030
"""The author of a message. DeepInfra knows the first four; other servers the others too."""

"""A text completion."""

from tokstream._tokstream import Completion

__all__ = ["Completion"]

"""The vector of one text."""

from tokstream._tokstream import Embedding

__all__ = ["Embedding"]

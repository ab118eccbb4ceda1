"""The models that a server offers."""

from tokstream._tokstream import ModelList

__all__ = ["ModelList"]

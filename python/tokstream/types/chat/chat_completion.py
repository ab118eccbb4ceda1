"""A whole chat reply."""

from tokstream._tokstream import ChatCompletion, Choice, ChoiceLogprobs

__all__ = ["ChatCompletion", "Choice", "ChoiceLogprobs"]

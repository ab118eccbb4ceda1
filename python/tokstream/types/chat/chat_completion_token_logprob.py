"""How likely the tokens of a chat reply were."""

from tokstream._tokstream import ChatCompletionTokenLogprob, TopLogprob

__all__ = ["ChatCompletionTokenLogprob", "TopLogprob"]

"""One choice of a text completion."""

from tokstream._tokstream import CompletionChoice, Logprobs

__all__ = ["CompletionChoice", "Logprobs"]

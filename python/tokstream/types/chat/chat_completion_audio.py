"""The answer of a chat reply as sound."""

from tokstream._tokstream import ChatCompletionAudio

__all__ = ["ChatCompletionAudio"]

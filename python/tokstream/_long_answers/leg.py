"""The stream of one of an answer's requests: which of its chunks are the answer's. No I/O."""

from __future__ import annotations

from tokstream._tokstream import BaseModel
from tokstream._typing import TYPE_CHECKING, is_list
from tokstream._usage import total_of

from .join import Seam, usage_of

if TYPE_CHECKING:
    from collections import deque
    from typing import Any

    from tokstream._tokstream import ChatCompletionChunk

    from .answer import Answer


class Leg:
    """One request's stream.

    Args:
        stream: the stream.
        answer: what the requests before it brought.
        ready: takes the chunks that are to be handed out.
        hides_usage: whether a chunk that has the usage alone is to be kept back.
    """

    __slots__ = (
        "_answer",
        "_hides_usage",
        "_ready",
        "_seam",
        "_withheld",
        "counted",
        "counts",
        "held",
        "is_later",
        "is_plain",
        "stream",
        "texts",
    )

    def __init__(self, stream: Any, answer: Answer, ready: deque[ChatCompletionChunk], *, hides_usage: bool) -> None:
        self.stream = stream
        self.texts = stream.text_stream
        self.is_later = answer.completion is not None
        # How many chunks had text: where a limit is set and the server does not say how many tokens came.
        self.counts = answer.is_limited
        self.counted = 0
        # The chunks of most streams are nobody's business.
        self.is_plain = not (self.is_later or answer.continues or self.counts)
        # From a finish reason "length" on, until it is known whether the answer goes on.
        self.held: list[ChatCompletionChunk] | None = None
        self._answer = answer
        self._ready = ready
        self._hides_usage = hides_usage
        # Chunks that may only say again what was sent.
        self._withheld: list[ChatCompletionChunk] = []
        self._seam = Seam(answer.sent if self.is_later else "")

    @property
    def has_plain_text(self) -> bool:
        """Whether the stream's text is the answer's, and nobody has to look at its chunks."""
        return not self.counts and not self._seam.is_open and self.held is None

    def feed(self, chunk: ChatCompletionChunk) -> None:
        """Take the next chunk."""
        choice = choice_of(chunk)
        delta = delta_of(choice)
        if choice is None and self._hides_usage and chunk.usage is not None:
            return
        if self.counts and has_text(delta):
            self.counted += 1
        if self.is_later and not self._fits(chunk, choice, delta):
            return
        if self.held is not None:
            self.held.append(chunk)
        elif self._answer.continues and getattr(choice, "finish_reason", None) == "length":
            self.held = [chunk]
        else:
            self._ready.append(chunk)

    def _fits(self, chunk: Any, choice: Any, delta: Any) -> bool:
        """Make a chunk of a later request one of the first; whether it is to be handed out."""
        before: Any = self._answer.completion
        for name in ("id", "created"):
            if before.get(name) is not None:
                setattr(chunk, name, before[name])
        usage: Any = chunk.usage
        if isinstance(usage, BaseModel):
            chunk.usage = total_of(usage_of(before), usage)
        if delta is None:
            return True
        is_last = getattr(choice, "finish_reason", None) is not None
        if delta.role is not None:
            delta.role = None
            if usage is None and not is_last and not any(delta.to_dict().values()):
                return False
        return not self._seam.is_open or self._is_new(chunk, delta, is_last=is_last)

    def _is_new(self, chunk: Any, delta: Any, *, is_last: bool) -> bool:
        content = delta.content
        if content and isinstance(content, str):
            left_out = self._seam.feed(content)
            if left_out is None and not is_last:
                self._withheld.append(chunk)
                return False
            if left_out:
                self._withheld.clear()
                delta.content = content[left_out:]
                return is_last or left_out < len(content)
        if is_last or not self._seam.is_open:
            self.release()
        return True

    def release(self) -> None:
        """Hand out what was no repetition."""
        self._ready.extend(self._withheld)
        self._withheld.clear()

    def end(self, *, goes_on: bool) -> None:
        """Hand out what was held back, without a finish where the answer goes on."""
        for chunk in self.held or ():
            if not goes_on or _without_finish(chunk):
                self._ready.append(chunk)
        self.held = None


def choice_of(chunk: ChatCompletionChunk) -> Any:
    """Return the choice of a chunk, whatever a server calls its choices."""
    choices: Any = chunk.choices
    return choices[0] if is_list(choices) and choices else None


def delta_of(choice: Any) -> Any:
    """Return what is new in a choice."""
    delta = getattr(choice, "delta", None)
    return delta if isinstance(delta, BaseModel) else None


def has_text(delta: Any) -> bool:
    """Whether a delta has text, or a thought."""
    return delta is not None and bool(delta.content or delta.reasoning_content)


def _without_finish(chunk: Any) -> bool:
    """Take the finish out of a chunk; whether anything is left of it."""
    chunk.usage = None
    choice = choice_of(chunk)
    if isinstance(choice, BaseModel):
        choice.finish_reason = None  # type: ignore[attr-defined]
    return has_text(delta_of(choice))

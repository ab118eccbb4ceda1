"""What becomes of the chunks of an answer that takes several requests, and what follows each request's end.

`Continued` waits for nothing: what it has to have done between two requests is steps.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from time import monotonic

from ._exceptions import APIError, ClientClosedError, StreamTruncatedError
from ._join import Seam, finish_reason_of, join, made, repeated, summed, text_of
from ._resume import is_curable, wait_before
from ._tokstream import CompletionUsage, Timings
from ._typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from typing import Any

    from ._continue import Answer
    from ._http import Response
    from ._long_answers import Call
    from ._steps import Steps
    from ._tokstream import ChatCompletion, ChatCompletionChunk


class Continued:
    """What both streams have but for the waiting."""

    def __init__(self, call: Call, answer: Answer, leg: Any) -> None:
        self._call = call
        self._answer = answer
        self._resumed = 0
        self._continued = 0
        self._began = monotonic() - leg.timings.total
        self._ended: float | None = None
        self._first = leg.timings
        # Of the requests before this one.
        self._retries = 0
        self._tokens = 0
        self._in_vain = 0
        self._ready: deque[ChatCompletionChunk] = deque()
        # Whether another request is to be made, and the cut that it makes up for.
        self._is_due = False
        self._cut: Exception | None = None
        self._error: Exception | None = None
        self._failure: Exception | None = None
        self._over = False
        self._complete = False
        self._closed = False
        self._leg: Any = None
        self._begin(leg)

    # ── one request's stream ──────────────────────────────────────────────────────────────────

    def _begin(self, leg: Any) -> None:
        answer = self._answer
        self._leg = leg
        self._is_read = True
        self._counted = 0
        self._counts = answer.is_limited
        self._is_later = answer.completion is not None
        # The chunks of most streams are nobody's business.
        self._plain = not (self._is_later or answer.continues or self._counts)
        # From a first finish reason "length" on, until it is known whether the answer goes on.
        self._held: list[ChatCompletionChunk] | None = None
        # Chunks that may only say again what was sent.
        self._withheld: list[ChatCompletionChunk] = []
        self._seam = Seam(answer.sent if self._is_later else "")

    def _feed(self, chunk: ChatCompletionChunk) -> None:
        choices: Any = chunk.choices
        choice: Any = choices[0] if choices else None
        delta: Any = getattr(choice, "delta", None)
        if self._counts and delta is not None and (delta.content or delta.reasoning_content):
            self._counted += 1
        if choice is None and self._call.hides_usage:
            return
        if self._is_later and not self._fits(chunk, choice, delta):
            return
        if self._held is not None:
            self._held.append(chunk)
        elif self._answer.continues and getattr(choice, "finish_reason", None) == "length":
            self._held = [chunk]
        else:
            self._ready.append(chunk)

    def _fits(self, chunk: Any, choice: Any, delta: Any) -> bool:
        """Make a chunk of a later request one of the first; whether it is to be handed out."""
        before: Any = self._answer.completion
        for name in ("id", "created"):
            if before.get(name) is not None:
                setattr(chunk, name, before[name])
        usage = chunk.usage
        if usage is not None:
            chunk.usage = CompletionUsage.model_construct(**summed(before.get("usage"), usage.to_dict()))
        if delta is None:
            return True
        has_more = usage is not None or getattr(choice, "finish_reason", None) is not None
        if delta.role is not None:
            delta.role = None
            if not has_more and not any(delta.to_dict().values()):
                return False
        return not self._seam.is_open or self._is_new(chunk, choice, delta)

    def _is_new(self, chunk: Any, choice: Any, delta: Any) -> bool:
        is_over = getattr(choice, "finish_reason", None) is not None
        content = delta.content
        if content:
            left_out = self._seam.feed(content)
            if left_out is None and not is_over:
                self._withheld.append(chunk)
                return False
            if left_out:
                self._withheld.clear()
                delta.content = content[left_out:]
                return is_over or left_out < len(content)
        if is_over or not self._seam.is_open:
            self._release_withheld()
        return True

    def _release_withheld(self) -> None:
        self._ready.extend(self._withheld)
        self._withheld.clear()

    # ── between two requests ──────────────────────────────────────────────────────────────────

    def _leg_ended(self, leg: Any, error: Exception | None = None) -> None:
        """Decide what comes after a request's stream has ended, or failed with `error`."""
        if leg is not self._leg or not self._is_read:
            return
        self._is_read = False
        if self._closed or isinstance(error, ClientClosedError):
            self._fail(error or self._given_up())
            return
        snapshot = leg.current_completion_snapshot
        part = None if snapshot is None else snapshot.to_dict()
        finish_reason = finish_reason_of(part)
        is_over = error is None or finish_reason is not None
        self._note(leg.timings)
        answer = self._answer
        if answer.request_id is None:
            answer.request_id = leg.response.request_id
        if is_over:
            self._release_withheld()
        skip = self._repeated(part, is_over=is_over) if self._is_later else 0
        answer.take(part, skip=skip, tokens=self._counted if self._counts else None)
        self._in_vain = 0 if answer.brought else self._in_vain + 1
        held = self._held or []
        # With its finish reason the text is whole; what a broken connection then took is the usage at most.
        if error is None or (finish_reason is not None and answer.resumes and is_curable(error)):
            if answer.can_be_continued:
                answer.continues -= 1
                self._ready.extend(chunk for chunk in held if _is_unfinished(chunk))
                self._is_due = True
            else:
                self._ready.extend(held)
                self._complete = self._over = True
                self._ended = monotonic()
            return
        self._ready.extend(held)
        if self._may_resume(error):
            self._cut = error
            self._is_due = True
        else:
            self._fail(error)

    def _may_resume(self, error: Exception) -> bool:
        answer = self._answer
        return answer.completion is not None and answer.resumes > 0 and is_curable(error) and answer.can_be_resumed

    def _repeated(self, part: Any, *, is_over: bool) -> int:
        return repeated(self._answer.sent, text_of(part), is_over=is_over)

    def _note(self, timings: Timings) -> None:
        if not self._is_later:
            self._first = timings
        self._retries += timings.retries
        if timings.tokens_per_second and timings.first_token is not None:
            self._tokens += round(timings.tokens_per_second * (timings.total - timings.first_token))

    def _fail(self, error: Exception) -> None:
        if isinstance(error, APIError):
            error.partial = self.current_completion_snapshot
        # One that was raised refers to the frames that refer to this.
        self._failure = copy(error)
        self._error = error
        self._over = True
        self._ended = monotonic()

    def _given_up(self) -> StreamTruncatedError:
        return StreamTruncatedError(
            "The stream was cut before its end: it was closed here before its end",
            partial=self.current_completion_snapshot,
        )

    def _raise_failure(self) -> None:
        """Raise what there is to be raised, once."""
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error

    def _go_on(self) -> Steps:
        """Open the next request's stream; where that cannot be, fail."""
        while self._is_due and not self._closed:
            is_cut = self._cut is not None
            if is_cut:
                delay = self._wait()
                if delay is None:
                    return
                yield lambda delay=delay: self._sleep(delay)
                if self._is_given_up():
                    return
                self._answer.resumes -= 1
            try:
                leg = yield lambda: self._call.open(self._answer.request())
            except Exception as error:  # noqa: BLE001 - it is raised where nothing is left to be tried
                self._in_vain += is_cut
                self._cut = error
                if not self._may_resume(error):
                    self._stop(error)
                continue
            if self._is_given_up():
                yield leg.close
                return
            self._is_due, self._cut = False, None
            self._resumed += is_cut
            self._continued += not is_cut
            self._begin(leg)

    def _is_given_up(self) -> bool:
        return self._closed

    def _wait(self) -> float | None:
        """Return how long to wait before the next attempt; where there is none to be made, fail."""
        error: Any = self._cut
        delay = wait_before(self._call.retry, self._in_vain, error) if self._may_resume(error) else None
        if delay is not None and self._call.has_time_for(delay):
            return delay
        self._stop(error)
        return None

    def _stop(self, error: Exception) -> None:
        self._is_due, self._cut = False, None
        self._fail(error)

    def _sleep(self, seconds: float) -> Any:
        raise NotImplementedError

    # ── what a stream shows of itself ─────────────────────────────────────────────────────────

    @property
    def resumed(self) -> int:
        """How many times the stream was taken up again after a cut."""
        return self._resumed

    @property
    def continued(self) -> int:
        """How many times the answer was continued at its length's end."""
        return self._continued

    @property
    def current_completion_snapshot(self) -> ChatCompletion | None:
        """The answer put together from the chunks that were read so far; None before the first one."""
        answer = self._answer
        if not self._is_read:
            return answer.made()
        snapshot: ChatCompletion | None = self._leg.current_completion_snapshot
        if not self._is_later or snapshot is None:
            return answer.made() if snapshot is None else snapshot
        part = snapshot.to_dict()
        skip = self._repeated(part, is_over=finish_reason_of(part) is not None)
        return made(join(answer.completion, part, skip), answer.request_id)

    @property
    def usage(self) -> CompletionUsage | None:
        """Tokens and cost of all requests, as far as the server gave them; None before it did."""
        if self._is_read and not self._is_later:
            usage: CompletionUsage | None = self._leg.usage
            return usage
        both = summed((self._answer.completion or {}).get("usage"), self._usage_of_leg())
        return None if both is None else CompletionUsage.model_construct(**both)

    def _usage_of_leg(self) -> Any:
        usage = self._leg.usage if self._is_read else None
        return None if usage is None else usage.to_dict()

    @property
    def timings(self) -> Timings:
        """How long the answer has taken, from the start of the first request."""
        leg: Timings = self._leg.timings
        if not self._is_later:
            return leg
        total = (self._ended or monotonic()) - self._began
        first = self._first.first_token
        tokens, retries = self._tokens, self._retries
        if self._is_read:
            retries += leg.retries
            if leg.tokens_per_second and leg.first_token is not None:
                tokens += round(leg.tokens_per_second * (leg.total - leg.first_token))
        rate = tokens / (total - first) if tokens and first is not None and total > first else None
        return Timings(self._first.connect, first, total, rate, retries)

    @property
    def response(self) -> Response:
        """Status, headers and request id of the response that is being read."""
        response: Response = self._leg.response
        return response

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come: the answer has ended, failed or been closed."""
        return self._over and not self._ready

    @property
    def _is_complete(self) -> bool:
        return self._complete

    def _final(self) -> ChatCompletion:
        self._raise_failure()
        if self._failure is not None:
            raise copy(self._failure)
        completion = self.current_completion_snapshot
        if not self._complete or completion is None:
            raise self._given_up()
        return completion

    def _final_text(self) -> str:
        choices = self._final().choices
        return (choices[0].message.content or "") if choices else ""

    def _give_up(self) -> None:
        self._closed = True
        self._is_due, self._cut = False, None
        self._ready.clear()
        if not self._over:
            self._over = True
            self._ended = monotonic()

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        from types import GenericAlias

        return GenericAlias(cls, item)

    @override
    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<{type(self).__name__} {self.response.status_code} {state}, resumed {self.resumed} times>"

    @override
    def __reduce__(self) -> Any:
        raise TypeError("a stream cannot be pickled or copied: it is one connection; its chunks can")


def _is_unfinished(chunk: Any) -> bool:
    """Take the finish out of a chunk; whether anything is left of it."""
    chunk.usage = None
    if not chunk.choices:
        return False
    choice = chunk.choices[0]
    choice.finish_reason = None
    delta: Any = choice.delta
    return delta is not None and bool(delta.content or delta.reasoning_content)

"""What becomes of the chunks of an answer that takes several requests, and what follows each request's end.

`Continued` waits for nothing: what it has to have done between two requests is steps.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from time import monotonic

from tokstream._exceptions import APIError, BudgetExceededError, ClientClosedError, StreamTruncatedError
from tokstream._tokstream import Timings
from tokstream._typing import TYPE_CHECKING, override
from tokstream._usage import total_of

from .join import finish_reason_of, join, made, repeated, text_of, usage_of
from .leg import Leg
from .resume import is_curable, wait_before

if TYPE_CHECKING:
    from typing import Any

    from tokstream._http import Response
    from tokstream._steps import Steps
    from tokstream._tokstream import ChatCompletion, ChatCompletionChunk, CompletionUsage

    from .answer import Answer
    from .ask import Call


class Continued:
    """What both streams have but for the waiting."""

    __slots__ = (
        "__weakref__",
        "_answer",
        "_began",
        "_call",
        "_closed",
        "_continued",
        "_cut",
        "_ended",
        "_error",
        "_failure",
        "_first",
        "_in_vain",
        "_is_complete",
        "_is_due",
        "_is_read",
        "_leg",
        "_over",
        "_ready",
        "_resumed",
        "_retries",
        "_tokens",
    )

    def __init__(self, call: Call, answer: Answer, stream: Any) -> None:
        self._call = call
        self._answer = answer
        self._resumed = 0
        self._continued = 0
        self._began = monotonic() - stream.timings.total
        self._ended: float | None = None
        self._first: Timings = stream.timings
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
        self._is_complete = False
        self._closed = False
        self._begin(stream)

    # --- Between two requests ---

    def _begin(self, stream: Any) -> None:
        self._leg = Leg(stream, self._answer, self._ready, hides_usage=self._call.hides_usage)
        self._is_read = True

    def _leg_ended(self, leg: Leg, error: Exception | None) -> None:
        """Decide what comes after a request's stream has ended, or failed with `error`."""
        if leg is not self._leg or not self._is_read:
            return
        self._is_read = False
        if self._closed or isinstance(error, ClientClosedError):
            self._fail(error or self._given_up())
            return
        part = self._part()
        finish_reason = finish_reason_of(part)
        is_over = error is None or finish_reason is not None
        if is_over:
            leg.release()
        self._note(leg)
        answer = self._answer
        skip = repeated(answer.sent, text_of(part), is_over=is_over) if leg.is_later else 0
        answer.take(part, skip=skip, tokens=leg.counted if leg.counts else None)
        self._in_vain = 0 if answer.brought else self._in_vain + 1
        # With its finish reason the text is whole; what a broken connection then took is the usage at most.
        if error is None or (finish_reason is not None and answer.resumes and is_curable(error)):
            self._is_due = answer.can_be_continued
            answer.continues -= self._is_due
            leg.end(goes_on=self._is_due)
            if not self._is_due:
                self._is_complete = self._over = True
                self._ended = monotonic()
            return
        leg.end(goes_on=False)
        if self._may_resume(error):
            self._cut = error
            self._is_due = True
        else:
            self._fail(error)

    def _part(self) -> dict[str, Any] | None:
        snapshot = self._leg.stream.current_completion_snapshot
        return None if snapshot is None else snapshot.to_dict()

    def _may_resume(self, error: Exception) -> bool:
        answer = self._answer
        return answer.completion is not None and answer.resumes > 0 and is_curable(error) and answer.can_be_resumed

    def _note(self, leg: Leg) -> None:
        timings = leg.stream.timings
        if not leg.is_later:
            self._first = timings
            self._answer.request_id = leg.stream.response.request_id
        self._retries += timings.retries
        self._tokens += _tokens_of(timings)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, (APIError, BudgetExceededError)):
            self._call.name_total(error)
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
        is_cut = self._cut is not None
        while self._is_due and not self._closed:
            if self._cut is not None:
                delay = self._wait()
                if delay is None:
                    return
                yield lambda delay=delay: self._sleep(delay)
                if self._is_given_up():
                    self._fail(self._given_up())
                    return
                self._answer.resumes -= 1
            try:
                stream = yield lambda: self._call.open(self._answer.request())
            except Exception as error:  # noqa: BLE001 - it is raised where nothing is left to be tried
                if self._is_given_up():
                    self._fail(self._given_up())
                    return
                self._in_vain += self._cut is not None
                self._cut = error
                if not self._may_resume(error):
                    self._stop(error)
                continue
            if self._is_given_up():
                yield stream.close
                self._fail(self._given_up())
                return
            self._is_due, self._cut = False, None
            self._resumed += is_cut
            self._continued += not is_cut
            self._begin(stream)

    def _is_given_up(self) -> bool:
        """Whether it was closed, also in the midst of a step, where type checkers take `_closed` for what it was."""
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

    # --- What a stream shows of itself ---

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
        if self._is_read and not self._leg.is_later:
            snapshot: ChatCompletion | None = self._leg.stream.current_completion_snapshot
            return snapshot
        part = self._part() if self._is_read else None
        if part is None:
            return answer.made()
        skip = repeated(answer.sent, text_of(part), is_over=finish_reason_of(part) is not None)
        return made(join(answer.completion, part, skip), answer.request_id)

    @property
    def usage(self) -> CompletionUsage | None:
        """Tokens and cost of all requests, as far as the server gave them; None before it did."""
        usage: CompletionUsage | None = self._leg.stream.usage if self._is_read else None
        if self._is_read and not self._leg.is_later:
            return usage
        return total_of(usage_of(self._answer.completion), usage)

    @property
    def timings(self) -> Timings:
        """How long the answer has taken, from the start of the first request."""
        leg: Timings = self._leg.stream.timings
        if not self._leg.is_later:
            return leg
        total = (self._ended or monotonic()) - self._began
        first = self._first.first_token
        tokens, retries = self._tokens, self._retries
        if self._is_read:
            retries += leg.retries
            tokens += _tokens_of(leg)
        rate = tokens / (total - first) if tokens and first is not None and total > first else None
        return Timings(self._first.connect, first, total, rate, retries)

    @property
    def response(self) -> Response:
        """Status, headers and request id of the response that is being read."""
        response: Response = self._leg.stream.response
        return response

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come: the answer has ended, failed or been closed."""
        return self._over and not self._ready

    def _final(self) -> ChatCompletion:
        self._raise_failure()
        if self._failure is not None:
            raise copy(self._failure)
        completion = self.current_completion_snapshot
        if not self._is_complete or completion is None:
            raise self._given_up()
        return completion

    def _final_text(self) -> str:
        return text_of(self._final().to_dict())

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


def _tokens_of(timings: Timings) -> int:
    """Return how many tokens a stream had, by its usage or else by its chunks."""
    if timings.tokens_per_second is None or timings.first_token is None:
        return 0
    return round(timings.tokens_per_second * (timings.total - timings.first_token))

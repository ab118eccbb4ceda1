"""`create` with `auto_continue`, `resume` or `stream_under`: one answer, by as many requests as it takes."""

from __future__ import annotations

from time import monotonic

from tokstream._exceptions import APIError, APITimeoutError, BudgetExceededError, ConfigurationError
from tokstream._marks import NotGiven, Omit
from tokstream._resource import PARSED, STREAMING, options_of, send
from tokstream._response import RawResponse
from tokstream._steps import arun, run
from tokstream._tokstream import ChatCompletion, Timeout
from tokstream._typing import TYPE_CHECKING

from .answer import CONTINUES, RESUMES, Answer, count, refuse
from .join import repeated, text_of, usage_of
from .stream import AsyncContinuedStream, ContinuedStream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tokstream._resource import ClientState
    from tokstream._steps import Steps
    from tokstream._tokstream import RetryPolicy
    from tokstream._watch import Watch


class Call:
    """How each request of an answer is sent.

    Args:
        client: whose connections and settings are used.
        form: `PARSED` or `RAW`: what the caller gets.
        options: headers, query and timeout of each request.
        answer: the answer.
        watch: who is told of the answer, or None.
    """

    __slots__ = (
        "_answer",
        "_began",
        "_options",
        "_requests",
        "_timeout",
        "_total",
        "client",
        "form",
        "hides_usage",
        "watch",
    )

    def __init__(
        self, client: ClientState, form: str, options: dict[str, Any], answer: Answer, watch: Watch | None
    ) -> None:
        self.client = client
        self.form = form
        self.watch = watch
        self._answer = answer
        self._options = options
        self._requests = 0
        self._began = monotonic()
        self._timeout = options["timeout"]
        self._total = _total(client, self._timeout)
        # Whether the usage was asked for here and not by the caller.
        self.hides_usage = False

    @property
    def retry(self) -> RetryPolicy:
        """When a request of the client is tried again."""
        return self.client.core.retry

    def has_time_for(self, seconds: float) -> bool:
        """Whether the total time leaves so much."""
        return self._total is None or self._left() > seconds

    def _left(self) -> float:
        return (self._total or 0.0) - (monotonic() - self._began)

    def name_total(self, error: Exception) -> None:
        """Have an error of the total time tell that time, and not what of it was left for the last request."""
        if self._requests > 1 and isinstance(error, APITimeoutError) and error.phase == "total":
            error.message = f"The call was not finished within {self._total} s (timeout: total)"
            error.args = (error.message,)

    def whole(self, body: dict[str, Any]) -> Any:
        """Send a request whose reply is read whole."""
        return self._send(body, None, self.form)

    def open(self, body: dict[str, Any]) -> Any:
        """Send a request whose reply is a stream."""
        return self._send({**body, "stream": True}, "chat", PARSED)

    def _send(self, body: dict[str, Any], stream: str | None, form: str) -> Any:
        options: dict[str, Any] = self._options
        if self._requests and self.watch is not None:
            self.watch.goes_on(usage_of(self._answer.completion))
        self._requests += 1
        if self._total is not None and self._requests > 1:
            clocks = self.client.core.timeout if isinstance(self._timeout, (NotGiven, Omit)) else self._timeout
            options = {**options, "timeout": Timeout(clocks, total=max(self._left(), 0.0))}
        what = "POST", "/chat/completions", body
        return send(self.client, form, what, options_of(**options), ChatCompletion, stream=stream)


def _total(client: ClientState, timeout: Any) -> float | None:
    if isinstance(timeout, Timeout):
        return timeout.total
    if hasattr(timeout, "connect") and hasattr(timeout, "read"):
        return None  # httpx's, which has no such clock
    total: float | None = client.core.timeout.total
    return total


def ask(
    client: ClientState,
    form: str,
    body: dict[str, Any],
    extra_body: Mapping[str, Any] | None,
    options: dict[str, Any],
    *,
    auto_continue: Any,
    resume: Any,
    stream_under: Any,
    watch: Watch | None = None,
) -> Any:
    """Return the answer, whole or as a stream, or an awaitable of it where the client is the async one.

    Args:
        client: the client.
        form: `PARSED` or `RAW`.
        body: what the first request asks.
        extra_body: keys that are added to it.
        options: headers, query and timeout of each request.
        auto_continue: whether, or how many times at most, it is continued when it ends with "length".
        resume: whether, or how many times at most, it is resumed after a cut.
        stream_under: whether a whole answer comes as a stream.
        watch: as for `Call`.

    Raises:
        ConfigurationError: the request asks for what cannot be continued.
    """
    continues = count(auto_continue, "auto_continue", CONTINUES)
    resumes = count(resume, "resume", RESUMES)
    names = " and ".join(name for name, times in (("auto_continue", continues), ("resume", resumes)) if times)
    if form == STREAMING:
        names = names or "stream_under"
        raise ConfigurationError(
            f"{names} cannot be used with with_streaming_response, which gives the bytes of one response as they come; "
            "use with_raw_response, or create(…, stream=True) itself"
        )
    is_stream = bool(body.get("stream"))
    body = {**body, **(extra_body or {})}
    body = {key: value for key, value in body.items() if not isinstance(value, (NotGiven, Omit)) and key != "stream"}
    if names:
        refuse(body, names)
    answer = Answer(body, continues=continues, resumes=resumes)
    call = Call(client, form, options, answer, watch)
    if is_stream:
        steps = _streamed(call, answer)
    elif resumes or stream_under:
        steps = _whole_by_stream(call, answer)
    else:
        steps = _whole(call, answer)
    return arun(steps) if client.asynchronous else run(steps)


def _opened(call: Call, answer: Answer) -> Steps:
    leg = yield lambda: call.open(answer.request())
    return (AsyncContinuedStream if call.client.asynchronous else ContinuedStream)(call, answer, leg)


def _streamed(call: Call, answer: Answer) -> Steps:
    """Return the answer as a stream."""
    if answer.is_limited:
        # What is left of the caller's limit is reckoned by it.
        call.hides_usage = not answer.ask_for_usage()
    stream = yield from _opened(call, answer)
    if call.form == PARSED:
        return stream
    return RawResponse(stream.response, cast=ChatCompletion, retries=stream.timings.retries, source=stream)


def _whole_by_stream(call: Call, answer: Answer) -> Steps:
    """Return the whole answer, which comes as a stream."""
    answer.ask_for_usage()
    stream = yield from _opened(call, answer)
    if call.watch is not None:
        call.watch.so_far = lambda: stream.current_completion_snapshot
    completion = yield stream.get_final_completion
    if call.form == PARSED:
        return completion
    return _as_response(completion, stream.response, stream.timings.retries)


def _whole(call: Call, answer: Answer) -> Steps:
    """Return the whole answer, of which each part comes whole."""
    if call.watch is not None:
        call.watch.so_far = answer.made
    retries = 0
    while True:
        try:
            reply = yield lambda: call.whole(answer.request())
        except (APIError, BudgetExceededError) as error:
            call.name_total(error)
            error.partial = answer.made()
            raise
        completion = reply if call.form == PARSED else reply.parse()
        is_first = answer.completion is None
        if is_first:
            answer.request_id = completion._request_id
        part = completion.to_dict()
        answer.take(part, skip=0 if is_first else repeated(answer.sent, text_of(part), is_over=True))
        retries += 0 if call.form == PARSED else reply.retries_taken
        if not answer.can_be_continued:
            break
        answer.continues -= 1
    if is_first:
        return reply
    whole = answer.made()
    return whole if call.form == PARSED else _as_response(whole, reply.http_response, retries)


def _as_response(completion: Any, response: Any, retries: int) -> Any:
    """Return the last response as if it had brought the whole answer."""
    return RawResponse(response._with_content(completion._json()), cast=ChatCompletion, retries=retries)

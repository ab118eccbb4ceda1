"""How chunks become events. No I/O."""

from __future__ import annotations

from tokstream._parsing.finish import check_finish
from tokstream._typing import TYPE_CHECKING, is_list

from .shared import SharedList, SharedText
from .types import (
    ChatCompletionStreamEvent,
    ChunkEvent,
    ContentDeltaEvent,
    ContentDoneEvent,
    FunctionToolCallArgumentsDeltaEvent,
    FunctionToolCallArgumentsDoneEvent,
    LogprobsContentDeltaEvent,
    LogprobsContentDoneEvent,
    LogprobsRefusalDeltaEvent,
    LogprobsRefusalDoneEvent,
    RefusalDeltaEvent,
    RefusalDoneEvent,
    json_or_none,
)

if TYPE_CHECKING:
    from typing import Any

    from tokstream._parsing.json_reader import PartialJSON
    from tokstream._parsing.output import Output
    from tokstream._tokstream import ChatCompletionChunk


class EventState:
    """What has been seen of a stream, from which its chunks become events.

    Args:
        source: whatever has the completion put together so far as its `current_completion_snapshot`: the stream.
        output: what is read out of the answer. Where it is strict, an answer that was cut by its length or withheld by
            a filter is an error. Default: nothing.
    """

    __slots__ = ("_choices", "_is_strict", "_output", "_source")

    def __init__(self, source: Any = None, *, output: Output | None = None) -> None:
        self._source = source
        self._is_strict = output is not None and output.is_strict
        self._output = output
        self._choices: dict[int, _Choice] = {}

    def feed(self, chunk: ChatCompletionChunk) -> list[ChatCompletionStreamEvent[Any]]:
        """Return the events of the next chunk.

        Raises:
            LengthFinishReasonError: `output` is strict, and a choice ended with `"length"`.
            ContentFilterFinishReasonError: `output` is strict, and a choice ended with `"content_filter"`.
            OutputValidationError: a content or the arguments of a call are complete and not what `output` asks for.
        """
        source = None if self._source is None else self
        events: list[ChatCompletionStreamEvent[Any]] = [ChunkEvent(chunk, source=source)]
        for position, choice in enumerate(chunk.choices or ()):
            if self._is_strict:
                check_finish(getattr(choice, "finish_reason", None), self._completion)
            index: Any = getattr(choice, "index", None)
            index = index if isinstance(index, int) else position
            state = self._choices.get(index)
            if state is None:
                output = self._output if self._output is not None and self._output.reads else None
                state = self._choices[index] = _Choice(output, self._source)
            state.feed(choice, events)
        return events

    def finish(self) -> list[ChatCompletionStreamEvent[Any]]:
        """Return the events that end what no finish reason has ended, once the stream is complete."""
        events: list[ChatCompletionStreamEvent[Any]] = []
        for state in self._choices.values():
            state.finish(events)
        return events

    @property
    def current_completion_snapshot(self) -> Any:
        """The completion put together so far, with what has been read out of it."""
        completion = self._completion()
        if self._output is None or completion is None:
            return completion
        return self._output.so_far(completion, self._parsed, self._parsed_arguments)

    def _parsed(self, index: int) -> Any:
        choice = self._choices.get(index)
        return None if choice is None else choice.parsed_so_far()

    def _parsed_arguments(self, index: int, call: int) -> Any:
        choice = self._choices.get(index)
        return None if choice is None else choice.arguments_so_far(call)

    def _completion(self) -> Any:
        return self._source.current_completion_snapshot


class _ToolCall:
    """A call of a function that is arriving."""

    __slots__ = ("arguments", "done", "is_function", "name", "partial", "value")

    def __init__(self) -> None:
        self.name = ""
        self.arguments = SharedText()
        self.partial: PartialJSON | None = None
        self.is_function = False
        self.done = False
        self.value: Any = None


class _Choice:
    """What has arrived of one choice, and which of its parts are known to be complete."""

    __slots__ = (
        "_calls",
        "_content",
        "_current",
        "_done",
        "_finished",
        "_logprobs",
        "_output",
        "_partial",
        "_refusal",
        "_refusal_logprobs",
        "_source",
        "_value",
    )

    def __init__(self, output: Output | None, source: Any) -> None:
        self._output = output
        self._source = source
        self._partial: PartialJSON | None = None
        self._value: Any = None
        self._content: SharedText | None = None
        self._refusal: SharedText | None = None
        self._logprobs: SharedList | None = None
        self._refusal_logprobs: SharedList | None = None
        self._calls: dict[int, _ToolCall] = {}
        self._current: int | None = None
        self._finished = False
        self._done: set[str] = set()

    def feed(self, choice: Any, events: list[ChatCompletionStreamEvent[Any]]) -> None:
        delta: Any = getattr(choice, "delta", None)
        content: Any = getattr(delta, "content", None)
        if isinstance(content, str):
            if self._content is None:
                self._content = SharedText()
                if self._output is not None and self._output.format.is_parsed:
                    self._partial = self._output.format.growing(self._content.parts)
            so_far = self._content.add(content)
            partial = None if self._partial is None else (self._partial, so_far[1])
            events.append(ContentDeltaEvent(content, so_far, partial))
        refusal: Any = getattr(delta, "refusal", None)
        if isinstance(refusal, str):
            if self._refusal is None:
                self._refusal = SharedText()
            events.append(RefusalDeltaEvent(refusal, self._refusal.add(refusal)))
        calls: Any = getattr(delta, "tool_calls", None)
        begun = self._feed_calls(calls, events) if calls else ()
        logprobs: Any = getattr(choice, "logprobs", None)
        if logprobs is not None:
            self._feed_logprobs(logprobs, events)
        for index in begun:
            self._begin_call(index, events)
        if getattr(choice, "finish_reason", None):
            self._finished = True
        if self._finished:
            self.finish(events)

    def finish(self, events: list[ChatCompletionStreamEvent[Any]]) -> None:
        self._end_message(events)
        self._end_call(events)

    def _feed_calls(self, calls: list[Any], events: list[ChatCompletionStreamEvent[Any]]) -> list[int]:
        indexes: list[int] = []
        for position, fragment in enumerate(calls):
            index: Any = getattr(fragment, "index", None)
            index = index if isinstance(index, int) else position
            indexes.append(index)
            call = self._calls.get(index)
            if call is None:
                call = self._calls[index] = _ToolCall()
            function: Any = getattr(fragment, "function", None)
            if function is None:
                continue
            call.is_function = True
            name = getattr(function, "name", None)
            # Some servers repeat the whole name with every fragment.
            if isinstance(name, str) and name != call.name:
                call.name += name
            arguments = getattr(function, "arguments", None)
            arguments = arguments if isinstance(arguments, str) else ""
            so_far = call.arguments.add(arguments)
            partial: Any = ...
            if self._output is not None and self._output.has_reader(call.name):
                if call.partial is None:
                    call.partial = self._output.partial_arguments(call.arguments.parts)
                partial = (call.partial, so_far[1])
            events.append(FunctionToolCallArgumentsDeltaEvent(call.name, index, so_far, partial, arguments))
        return indexes

    def _feed_logprobs(self, logprobs: Any, events: list[ChatCompletionStreamEvent[Any]]) -> None:
        content: Any = getattr(logprobs, "content", None)
        if is_list(content) and content:
            if self._logprobs is None:
                self._logprobs = SharedList()
            events.append(LogprobsContentDeltaEvent(content, self._logprobs.add(content)))
        refusal: Any = getattr(logprobs, "refusal", None)
        if is_list(refusal) and refusal:
            if self._refusal_logprobs is None:
                self._refusal_logprobs = SharedList()
            events.append(LogprobsRefusalDeltaEvent(refusal, self._refusal_logprobs.add(refusal)))

    def _begin_call(self, index: int, events: list[ChatCompletionStreamEvent[Any]]) -> None:
        if self._current != index:
            self._end_message(events)
            self._end_call(events)
            self._current = index

    def _end_message(self, events: list[ChatCompletionStreamEvent[Any]]) -> None:
        done = self._done
        content = self._content.whole() if self._content is not None and "content" not in done else ""
        if content:
            done.add("content")
            self._value = self._parsed(content)
            events.append(ContentDoneEvent(content, self._value))
        if self._refusal is not None and "refusal" not in done:
            done.add("refusal")
            events.append(RefusalDoneEvent(self._refusal.whole()))
        if self._logprobs is not None and "logprobs" not in done:
            done.add("logprobs")
            events.append(LogprobsContentDoneEvent(self._logprobs.whole()))
        if self._refusal_logprobs is not None and "refusal logprobs" not in done:
            done.add("refusal logprobs")
            events.append(LogprobsRefusalDoneEvent(self._refusal_logprobs.whole()))

    def _parsed(self, content: str) -> Any:
        output = self._output
        if output is None or not output.format.is_parsed or self._refusal is not None:
            return None
        lenient = not output.format.is_rich or bool(self._calls)
        return output.content(content, self._completion, lenient=lenient)

    def parsed_so_far(self) -> Any:
        """Return the value of the content; until that is complete, what has arrived of it."""
        if "content" in self._done:
            return self._value
        partial, content = self._partial, self._content
        return None if partial is None or content is None else partial.first(len(content.parts))

    def arguments_so_far(self, index: int) -> Any:
        """Return the value of a call's arguments; until they are complete, what has arrived of them."""
        call = self._calls.get(index)
        if call is None or call.partial is None:
            return None
        return call.value if call.done else call.partial.first(len(call.arguments.parts))

    def _completion(self) -> Any:
        return getattr(self._source, "current_completion_snapshot", None)

    def _end_call(self, events: list[ChatCompletionStreamEvent[Any]]) -> None:
        call = self._calls.get(self._current) if self._current is not None else None
        if call is None or self._current is None or call.done:
            return
        call.done = True
        if call.is_function:
            arguments = call.arguments.whole()
            if self._output is not None and self._output.has_reader(call.name):
                value = self._output.arguments(call.name, arguments, self._current, self._completion)
            else:
                value = json_or_none(arguments)
            call.value = value
            events.append(FunctionToolCallArgumentsDoneEvent(call.name, self._current, arguments, value))

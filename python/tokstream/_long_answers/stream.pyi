"""The streams of answers that go on: what `create(…, stream=True)` gives with `auto_continue` or `resume`."""

from typing import Any

from typing_extensions import Self, override

from tokstream._tokstream import AsyncStream, ChatCompletionChunk, Stream

from .answer import Answer
from .ask import Call

# At run time they are no subclasses, since there can be none; `isinstance` says that they are.

class ContinuedStream(Stream[ChatCompletionChunk]):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """A reply as it is being written, by as many requests as it takes: a `Stream` with all of its members.

    `usage` and `timings` are of all requests together, `response` is that of the last one. What is raised in the end
    has all of the text so far in its `partial`.
    """

    def __init__(self, call: Call, answer: Answer, stream: Any) -> None: ...
    @property
    def resumed(self) -> int:
        """How many times the stream was taken up again after a cut."""

    @property
    def continued(self) -> int:
        """How many times the reply was continued where it had ended with `length`."""

    # Of a final class, mypy takes Self for that class.
    @override
    def __iter__(self) -> Self: ...
    @override
    def __enter__(self) -> Self: ...
    @override
    def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself.

        Raises:
            APIError: as when the stream is iterated.
        """

class AsyncContinuedStream(  # type: ignore[misc]
    AsyncStream[ChatCompletionChunk]  # pyright: ignore[reportGeneralTypeIssues]
):
    """A reply as it is being written, by as many requests as it takes: an `AsyncStream` with all of its members.

    `usage` and `timings` are of all requests together, `response` is that of the last one. What is raised in the end
    has all of the text so far in its `partial`.
    """

    def __init__(self, call: Call, answer: Answer, stream: Any) -> None: ...
    @property
    def resumed(self) -> int:
        """How many times the stream was taken up again after a cut."""

    @property
    def continued(self) -> int:
        """How many times the reply was continued where it had ended with `length`."""

    @override
    def __aiter__(self) -> Self: ...
    @override
    async def __aenter__(self) -> Self: ...
    @override
    async def until_done(self) -> Self:
        """Read the rest of the stream and return the stream itself.

        Raises:
            APIError: as when the stream is iterated.
        """

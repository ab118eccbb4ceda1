"""What `client.chat.completions.run_tools(…)` returns: the run at its end, or as a stream of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokstream import _steps
from tokstream._events.types import text_of
from tokstream._streams import AsyncClosedOnExit, ClosedOnExit
from tokstream._typing import is_number, override
from tokstream._usage import total_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from typing_extensions import Self

    from tokstream._tokstream import ChatCompletion, Choice, CompletionUsage

    from .events import ToolRunEvent
    from .loop import ToolLoop

__all__ = ["AsyncToolRunStream", "ToolRun", "ToolRunStream"]


class ToolRun:
    """A run of tools: what the model answered in the end, and all that was said on the way.

    Attributes:
        messages (list[Any]): the whole history: the messages that were given, the model's, and the results of tools.
            A further request or run can go on from it.
        completions (list[ChatCompletion]): the answer of each turn.
        turns (int): how often the model was asked.
        usage (CompletionUsage | None): what all turns used; `None` if the server did not say.
        result (object): what the tool returned that ended the run; `None` if the model ended it.
        pending_calls (list[dict[str, Any]]): calls that ended the run because their tools have no function here, which
            the caller has to answer with messages; empty if the model, or another tool, ended it.
    """

    def __init__(self, messages: list[Any]) -> None:
        self.messages = messages
        self.completions: list[ChatCompletion] = []
        self.turns = 0
        self.usage: CompletionUsage | None = None
        self.result: object = None
        self.pending_calls: list[dict[str, Any]] = []
        self._content: str | None = None

    @property
    def completion(self) -> ChatCompletion:
        """The answer of the last turn.

        Raises:
            AttributeError: there is none yet.
        """
        if not self.completions:
            raise AttributeError("the model has not answered yet")
        return self.completions[-1]

    @property
    def choices(self) -> list[Choice]:
        """The choices of the answer of the last turn."""
        return self.completion.choices

    @property
    def content(self) -> str | None:
        """The text of the answer; of a run that a tool ended, the tool's result as text."""
        if self._content is not None or not self.completions or not self.choices:
            return self._content
        content: Any = getattr(getattr(self.choices[0], "message", None), "content", None)
        return content  # type: ignore[no-any-return]

    @property
    def parsed(self) -> Any:
        """The value of the answer, where a type or a JSON Schema was given as `response_format`.

        Raises:
            AttributeError: none was given, there is no answer yet, or a tool ended the run.
            RefusalError: the model refused.
        """
        completion: Any = self.completion
        return completion.parsed

    @property
    def cost(self) -> float:
        """What all turns cost, in USD, by the server's own reckoning; 0 if it did not say."""
        cost: Any = getattr(self.usage, "estimated_cost", None)
        return float(cost) if is_number(cost) else 0.0

    def add(self, completion: ChatCompletion) -> None:
        """Add the answer of a turn."""
        self.completions.append(completion)
        self.usage = total_of(self.usage, completion.usage)

    def end(self, content: str | None, result: object) -> None:
        """Note that a tool's result is the run's."""
        self._content = content
        self.result = result

    @override
    def __repr__(self) -> str:
        return f"ToolRun(content={self.content!r}, turns={self.turns}, usage={self.usage!r})"


class _ToolRunStream:
    """What both streams have but for the waiting."""

    __slots__ = ("__weakref__", "_loop", "_steps")

    _steps: Any

    def __init__(self, loop: ToolLoop) -> None:
        self._loop = loop

    @property
    def run(self) -> ToolRun:
        """The run as far as it has gone."""
        return self._loop.run


class ToolRunStream(_ToolRunStream, ClosedOnExit):
    """The events of a run of tools: an iterator, and a context manager that ends the run.

    `client.chat.completions.run_tools(…, stream=True)` gives it. Requests are sent and tools run while it is iterated.
    """

    __slots__ = ()

    def __init__(self, loop: ToolLoop) -> None:
        super().__init__(loop)
        self._steps = _steps.Iterator(loop.steps())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ToolRunEvent:
        return next(self._steps)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the run where it is: its stream is closed, and calls of async tools are cancelled."""
        self._steps.close()
        _steps.run(self._loop.ending())

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of all turns that is still to come, piece by piece, without empty pieces."""
        return (text for event in self if (text := text_of(event)))

    def until_done(self) -> Self:
        """Go on to the end of the run and return the stream."""
        for _ in self:
            pass
        return self

    def get_final_run(self) -> ToolRun:
        """Go on to the end of the run and return it."""
        return self.until_done().run

    def get_final_completion(self) -> ChatCompletion:
        """Go on to the end of the run and return the answer of its last turn."""
        return self.get_final_run().completion

    def get_final_text(self) -> str:
        """Go on to the end of the run and return the text of its answer."""
        return self.get_final_run().content or ""


class AsyncToolRunStream(_ToolRunStream, AsyncClosedOnExit):
    """The events of a run of tools: an async iterator, and a context manager that ends the run.

    `client.chat.completions.run_tools(…, stream=True)` of an `AsyncClient` gives it; it may be awaited first. Requests
    are sent and tools run while it is iterated.
    """

    __slots__ = ()

    def __init__(self, loop: ToolLoop) -> None:
        super().__init__(loop)
        self._steps = _steps.AsyncIterator(loop.steps())

    def __await__(self) -> Generator[Any, Any, Self]:
        async def this() -> Self:
            return self

        return this().__await__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ToolRunEvent:
        return await self._steps.__anext__()  # type: ignore[no-any-return]

    async def close(self) -> None:
        """End the run where it is: its stream is closed, and calls of async tools are cancelled."""
        await self._steps.aclose()
        await _steps.arun(self._loop.ending())

    aclose = close

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text of all turns that is still to come, piece by piece, without empty pieces."""
        return (text async for event in self if (text := text_of(event)))

    async def until_done(self) -> Self:
        """Go on to the end of the run and return the stream."""
        async for _ in self:
            pass
        return self

    async def get_final_run(self) -> ToolRun:
        """Go on to the end of the run and return it."""
        return (await self.until_done()).run

    async def get_final_completion(self) -> ChatCompletion:
        """Go on to the end of the run and return the answer of its last turn."""
        return (await self.get_final_run()).completion

    async def get_final_text(self) -> str:
        """Go on to the end of the run and return the text of its answer."""
        return (await self.get_final_run()).content or ""


# Where programs import them from, and pickles look for them.
for _name in __all__:
    globals()[_name].__module__ = "tokstream"

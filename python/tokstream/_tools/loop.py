"""The loop of a run of tools: ask the model, run the calls that it asks for, send the results, until it answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tokstream._events.state import EventState
from tokstream._exceptions import BudgetExceededError, TokstreamError
from tokstream._messages import replayed
from tokstream._parsing.errors import ContentFilterFinishReasonError, LengthFinishReasonError
from tokstream._steps import END, Emit, following
from tokstream._typing import is_number
from tokstream.resources.chat import as_messages

from .calls import Call
from .definition import choice_of, tools_of
from .errors import MaxTurnsExceededError
from .events import ToolCallResultEvent, ToolCallStartedEvent, TurnDoneEvent, TurnStartedEvent
from .run import ToolRun
from .workers import Tasks, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tokstream._parsing.output import Output
    from tokstream._steps import Steps
    from tokstream._tokstream import ChatCompletion


class ToolLoop:
    """A run of tools, to be driven by `_steps`.

    Args:
        create: sends a request, as `client.chat.completions.create` does.
        asynchronous: whether that is to be awaited.
        stream: whether the answers are streamed, and their events emitted.

    The others are those of `run_tools`.

    Raises:
        TypeError: what is given cannot be messages or tools.
        ValueError: a limit is below what has a meaning.
    """

    __slots__ = (
        "_create",
        "_max_cost",
        "_max_turns",
        "_output",
        "_parallel",
        "_params",
        "_raises",
        "_stream",
        "_streams",
        "_tools",
        "_workers",
        "run",
    )

    def __init__(
        self,
        create: Callable[..., Any],
        *,
        asynchronous: bool,
        stream: bool,
        messages: Any,
        tools: Iterable[Any],
        max_turns: int | None,
        parallel: bool,
        on_tool_error: str,
        max_cost: float | None,
        tool_choice: Any,
        params: dict[str, Any],
    ) -> None:
        if on_tool_error not in ("return", "raise"):
            raise ValueError(f"on_tool_error must be 'return' or 'raise', not {on_tool_error!r:.100}")
        if max_turns is not None and not is_number(max_turns):
            raise TypeError(f"max_turns must be a number or None, not {max_turns!r:.100}")
        if max_turns is not None and not max_turns >= 1:
            raise ValueError(f"max_turns must be at least 1, not {max_turns}")
        if max_cost is not None and not is_number(max_cost):
            raise TypeError(f"max_cost must be a number of US dollars or None, not {max_cost!r:.100}")
        if max_cost is not None and not max_cost >= 0:
            raise ValueError(f"max_cost must be a number of US dollars, not {max_cost!r:.100}")
        if (params.get("n") or 1) != 1:
            raise ValueError("a run of tools goes on with one answer: n must be 1")
        if "max_reasks" in params:
            raise TypeError("run_tools() has no max_reasks: another reply cannot be asked for again")
        offered = tools_of(tools)
        self._create = create
        self._streams = stream
        self._tools = {one.name: one for one in offered if one.name is not None}
        self._max_turns = max_turns
        self._parallel = parallel
        self._raises = on_tool_error == "raise"
        self._max_cost = max_cost
        self._output = _output_of(params)
        self._params = dict(params) if self._output is None else self._output.params(params)
        if offered:
            self._params["tools"] = [one.definition for one in offered]
        if tool_choice or tool_choice is None:
            self._params["tool_choice"] = choice_of(tool_choice, offered)
        self._workers: Any = Tasks() if asynchronous else Threads()
        self._stream: Any = None
        self.run = ToolRun(as_messages(messages))

    def steps(self) -> Steps:
        """Do all turns; return the run."""
        try:
            yield from self._turns()
        except GeneratorExit:
            # Nothing can be waited for now: whoever closes the work does `ending` too, and who drops it does not.
            self._workers.drop()
            raise
        except BaseException as error:
            if isinstance(error, TokstreamError):
                error.run = self.run
            yield from self.ending()
            raise
        yield from self.ending()
        return self.run

    def ending(self) -> Steps:
        """End what still goes on: a stream, and calls of tools."""
        if self._stream is not None:
            yield self._stream.close
        yield self._workers.stop

    def _turns(self) -> Steps:
        ended = False
        while not ended:
            self._check_limits()
            self.run.turns += 1
            yield Emit(TurnStartedEvent(self.run.turns))
            ask = partial(self._create, messages=list(self.run.messages), **self._params)
            completion = (yield from self._streamed(ask)) if self._streams else (yield ask)
            asked = self._take(completion)
            if not asked and self._output is not None:
                self.run.completions[-1] = completion = self._output.complete(completion)
            yield Emit(TurnDoneEvent(self.run.turns, completion))
            ended = not asked
            if asked:
                ended = yield from self._answer(asked)
            if self._params.get("tool_choice") not in (None, "none", "auto"):
                # Forced again, the model could never answer.
                self._params["tool_choice"] = "auto"

    def _check_limits(self) -> None:
        run = self.run
        if self._max_turns is not None and run.turns >= self._max_turns:
            raise MaxTurnsExceededError(
                f"The model asked for tools in each of {run.turns} turns, as many as max_turns allows. "
                "What it was answered is in the error's `run.messages`.",
                max_turns=self._max_turns,
            )
        if self._max_cost is not None and run.cost >= self._max_cost:
            raise BudgetExceededError(
                f"The run of tools has cost {run.cost:g} USD in {run.turns} turns, and its max_cost is "
                f"{self._max_cost:g} USD. No further request was sent.",
                limit=self._max_cost,
                spent=run.cost,
            )

    def _streamed(self, ask: Callable[..., Any]) -> Steps:
        self._stream = stream = yield partial(ask, stream=True)
        state = EventState(stream, output=self._output)
        take = following(stream)
        while (chunk := (yield take)) is not END:
            for event in state.feed(chunk):
                yield Emit(event)
        for event in state.finish():
            yield Emit(event)
        completion = yield stream.get_final_completion
        self._stream = None
        return completion

    def _take(self, completion: ChatCompletion) -> list[dict[str, Any]]:
        """Add an answer to the run; return the calls that it asks for."""
        self.run.add(completion)
        choice = completion.choices[0] if completion.choices else None
        message = getattr(choice, "message", None)
        if message is None:
            return []
        said = replayed(message.to_dict())
        self.run.messages.append(said)
        calls: list[dict[str, Any]] = said.get("tool_calls") or []
        reason = getattr(choice, "finish_reason", None)
        if calls and reason == "length":
            raise LengthFinishReasonError(
                "The model's call of a tool was cut at the limit of tokens, and was not run. "
                "Raise max_tokens, or ask for shorter arguments.",
                completion=completion,
            )
        if calls and reason == "content_filter":
            raise ContentFilterFinishReasonError(
                "The server's content filter cut the model's call of a tool, which was not run.", completion=completion
            )
        return calls

    def _answer(self, asked: list[dict[str, Any]]) -> Steps:
        """Run calls and add their results to the messages; return whether that ends the run."""
        run = self.run
        calls = [Call(one, self._tools, f"{run.turns}_{index}") for index, one in enumerate(asked)]
        # Tools without a function are for the caller to run.
        mine = [call for call in calls if call.tool is None or call.tool.bind is not None]
        run.pending_calls = [one for one, call in zip(asked, calls, strict=True) if call not in mine]
        try:
            yield from self._do(mine)
        finally:
            run.messages += [call.message() for call in mine if call.content is not None]
        for call in mine:
            if call.tool is not None and call.tool.ends and call.error is None:
                run.end(call.content, call.result)
                return True
        return bool(run.pending_calls)

    def _do(self, calls: list[Call]) -> Steps:
        workers = self._workers
        alone = [call for call in calls if len(calls) == 1 or not call.is_parallel(self._parallel)]
        begun: dict[Any, Call] = {}
        for call in calls:
            if call not in alone:
                yield _started(call)
                begun[workers.begin(call)] = call
        for call in alone:
            yield _started(call)
            yield partial(workers.do, call)
            yield from self._tell(call)
        while begun:
            for future in (yield partial(workers.first, list(begun))):
                future.result()
                yield from self._tell(begun.pop(future))

    def _tell(self, call: Call) -> Steps:
        call.check()
        yield Emit(ToolCallResultEvent(call.name, call.id, call.content or "", call.result, call.error))
        if self._raises and call.error is not None:
            raise call.error


def _output_of(params: dict[str, Any]) -> Output | None:
    """Return what is read out of the answer, where a type or a JSON Schema says what it is to be."""
    if params.get("response_format") is None:
        return None
    from tokstream._parsing.output import Output

    output = Output(params["response_format"])
    return output if output.format.is_rich else None


def _started(call: Call) -> Emit:
    return Emit(ToolCallStartedEvent(call.name, call.id, call.arguments))

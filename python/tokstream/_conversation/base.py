"""What the conversations of both clients are: a history, and what is done with it."""

from __future__ import annotations

from _thread import allocate_lock
from copy import copy, deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from tokstream._client import TOTALS, BaseClient, Usage
from tokstream._exceptions import BudgetExceededError
from tokstream._resource import PARSED, Resource
from tokstream._steps import END, Emit, following
from tokstream._typing import override

from . import transcript
from .errors import ConversationError
from .messages import Message, asked, plain
from .overflow import BYTES_OF_A_TOKEN, size
from .settings import checked_cost, checked_params, checked_policy, checked_system, output_of, without_secrets
from .turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike

    from typing_extensions import Self

    from tokstream._steps import Steps
    from tokstream._watch import Watch
    from tokstream.types.chat import MessageLike, Messages

    Question: TypeAlias = str | MessageLike | Sequence[str | MessageLike] | None
    Policy: TypeAlias = Literal["raise", "drop_oldest"] | Callable[[list[Message]], Any]

# What only `run_tools` takes, and the list that is empty without it.
_OF_TOOLS = frozenset({"tools", "tool_choice"})
_OF_RUNS = frozenset({"max_turns", "parallel", "on_tool_error", "max_cost"})
# With what a reply may take several requests.
_MANY_REQUESTS = frozenset({"auto_continue", "resume", "stream_under", "max_reasks"})
# Some servers do not tell what a streamed reply used unless they are asked.
_STREAMED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


ClientT = TypeVar("ClientT", bound=BaseClient)


class BaseConversation(Generic[ClientT]):
    """What both conversations have."""

    _client_class: ClassVar[type[BaseClient]]
    _stream_class: ClassVar[type[Any]]
    _run_class: ClassVar[type[Any]]

    def __init__(
        self,
        client: ClientT,
        *,
        system: str | Sequence[Mapping[str, object]] | None = None,
        messages: Messages = (),
        model: str | None = None,
        tools: Iterable[Any] | None = None,
        max_cost: float | None = None,
        on_overflow: Policy | None = None,
        keep_partial: bool = False,
        context_length: int | None = None,
        **params: Any,
    ) -> None:
        if not isinstance(client, self._client_class):
            raise TypeError(f"{type(self).__name__} needs {self._client_class.__name__}, not {type(client).__name__}")
        if client._form != PARSED:
            raise TypeError("a conversation has no raw responses: use client.conversation(…)")
        self.client: ClientT = client
        self.messages: list[Message] = [] if system is None else [{"role": "system", "content": checked_system(system)}]
        if messages:
            self.messages.extend(asked(messages))
        self.model = model or None
        self.tools = None if tools is None else list(tools)
        self.max_cost = checked_cost(max_cost)
        self.on_overflow = checked_policy(on_overflow)
        self.keep_partial = keep_partial
        self.context_length = context_length
        self.params = checked_params(params)
        self._spent: dict[str, list[float]] = {}
        # Tokens up to and with a message, by the server's count.
        self._counted: tuple[float, int, Message | None] = (0, 0, None)
        self._unlock()

    def _unlock(self) -> None:
        self._lock = allocate_lock()
        self._turn: Turn | None = None

    # --- Asking ---

    def _send(self, message: Any, params: dict[str, Any]) -> Steps:
        """Steps of a whole reply."""
        turn, left = self._begin(message, params)
        try:
            if left is not None:
                yield left.close
            result = yield from turn.ask(partial(self._whole, turn))
            reply = turn.read(result)
        except BaseException as error:
            turn.cut(_partial_of(error) or turn.so_far(), getattr(error, "run", None))
            raise
        turn.finish(result)
        return reply

    def _open(self, message: Any, params: dict[str, Any]) -> Steps:
        """Steps that open the stream of a reply."""
        turn, left = self._begin(message, params)
        try:
            if left is not None:
                yield left.close
            if turn.params.get("tools"):
                source = self._run_class(turn, turn.ask(partial(self._streamed_run, turn)))
                yield source.begin
            else:
                source = yield from turn.ask(partial(self._streamed, turn))
        except BaseException as error:
            turn.cut(getattr(error, "partial", None), getattr(error, "run", None))
            raise
        return self._stream_class(source, turn)

    def _begin(self, message: Any, params: dict[str, Any]) -> tuple[Turn, Any]:
        """Return the turn of a message, and the stream that was left unread before it."""
        params = {**self._request(), **checked_params(params)}
        turn = Turn(self, asked(message), params, output_of(params))
        with self._lock:
            left = self._turn
            if left is not None and left.busy:
                raise ConversationError(
                    "The conversation waits for another reply: send one message after the other, or use fork()."
                )
            self._turn = turn
        if left is None or left.stream is None:
            return turn, None
        left.superseded = True
        return turn, left.stream()

    def _request(self) -> dict[str, Any]:
        model = {} if self.model is None else {"model": self.model}
        tools = {} if self.tools is None else {"tools": self.tools}
        return {**self.params, **model, **tools}

    def _completions(self, turn: Turn) -> Any:
        client: Any = self.client
        completions: Any = client.chat.completions
        takes_many = turn.params.get("tools") or not _MANY_REQUESTS.isdisjoint(turn.params)
        # A program may have put something else in its place.
        if takes_many and isinstance(completions, Resource):
            watched: Any = copy(completions)
            watch: Watch = turn
            watched._watch = watch
            return watched
        return completions

    def _whole(self, turn: Turn, messages: list[Message]) -> Steps:
        completions = self._completions(turn)
        if turn.params.get("tools"):
            return (yield partial(completions.run_tools, messages=messages, **self._run_options(turn)))
        if turn.output is not None:
            return (yield partial(completions.parse, messages=messages, **_without_tools(turn.params)))
        return (yield partial(completions.create, messages=messages, **_without_tools(turn.params)))

    def _streamed(self, turn: Turn, messages: list[Message]) -> Steps:
        options = _STREAMED | _without_tools(turn.described())
        return (yield partial(self._completions(turn).create, messages=messages, **options))

    def _streamed_run(self, turn: Turn, messages: list[Message]) -> Steps:
        """Steps of a run of tools, which emit the chunks of all its replies."""
        options = _STREAMED | self._run_options(turn)
        turn.running = yield partial(self._completions(turn).run_tools, messages=messages, **options)
        take = following(turn.running)
        while (event := (yield take)) is not END:
            if event.type == "chunk":
                turn.event = event
                yield Emit(event.chunk)
            elif event.type == "turn.done":
                turn.event = None
        return turn.run

    def _run_options(self, turn: Turn) -> dict[str, Any]:
        """Return the arguments of a run of tools; it may cost what is left."""
        options = turn.described()
        limits = [options.get("max_cost"), None if self.max_cost is None else self.max_cost - self.cost]
        return {**options, "max_cost": min((limit for limit in limits if limit is not None), default=None)}

    # --- The history ---

    def fork(self) -> Self:
        """Return a copy that goes its own way from here; it has the client in common, and what was spent so far."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.messages = deepcopy(self.messages)
        twin.params = dict(self.params)
        twin.tools = None if self.tools is None else list(self.tools)
        twin._spent = {model: list(spent) for model, spent in self._spent.items()}
        tokens, count, last = self._counted
        same = last is not None and count <= len(self.messages) and self.messages[count - 1] is last
        twin._counted = (tokens, count, twin.messages[count - 1]) if same else (0, 0, None)
        twin._unlock()
        return twin

    def undo(self) -> list[Message]:
        """Take back the last message of the user and all that followed it, and return what was taken.

        Raises:
            ConversationError: there is no message of the user.
        """
        for index in reversed(range(len(self.messages))):
            if plain(self.messages[index]).get("role") == "user":
                taken = self.messages[index:]
                del self.messages[index:]
                return taken
        raise ConversationError("There is nothing to undo: the conversation has no message of the user.")

    def save(self, path: str | PathLike[str]) -> None:
        """Write the conversation to a file, as JSON Lines, in place of what was there.

        The file is the old one or the new one, whatever happens meanwhile. It has the messages, the settings, and what
        was spent; no keys, no headers, no functions.

        Args:
            path: the file.

        Raises:
            OSError: it cannot be written.
            TypeError: a message or a setting has no form in JSON.
        """
        from .file import write

        write(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], client: ClientT | None = None, **changes: Any) -> Self:
        """Go on with a conversation that was saved.

        Args:
            path: the file.
            client: whose connections are used. Default: a new one.
            **changes: settings and parameters in place of those in the file. Functions are not saved: `tools` are to be
                given again.

        Raises:
            ConversationFileError: the file is no saved conversation, or is not all of one. It has the messages that
                can be read.
            OSError: the file cannot be read.
        """
        from .file import read

        saved = read(path)
        spent = saved.pop("spent")
        if changes.get("system") is not None:
            while saved["messages"] and saved["messages"][0]["role"] == "system":
                del saved["messages"][0]
        used: Any = cls._client_class() if client is None else client
        conversation = cls(used, **{**saved, **changes})
        conversation._spent = spent
        return conversation

    # --- What was used ---

    @property
    def usage(self) -> Usage:
        """What the replies used so far, as the servers reported it, in all and by model, with those taken back."""
        usage = _usage([sum(column) for column in zip(*self._spent.values(), strict=True)])
        usage.by_model = {model: _usage(spent) for model, spent in self._spent.items()}
        return usage

    @property
    def cost(self) -> float:
        """What the replies cost so far, in USD: `usage.estimated_cost`."""
        return self.usage.estimated_cost

    def _spend(self, model: str, more: Iterable[float]) -> None:
        spent = self._spent.setdefault(model, [0.0] * len(TOTALS))
        spent[:] = [old + new for old, new in zip(spent, more, strict=True)]

    def _check_budget(self, under_way: float = 0.0) -> None:
        spent = self.cost + under_way
        if self.max_cost is not None and spent >= self.max_cost:
            raise BudgetExceededError(
                f"The conversation has cost ${spent:.6f} of the ${self.max_cost:.6f} that max_cost= allows: "
                "no further request was sent.",
                limit=self.max_cost,
                spent=spent,
            )

    def _count(self, tokens: int) -> None:
        """Remember how long the server says that the history is."""
        if tokens > 0:
            self._counted = (tokens, len(self.messages), self.messages[-1])

    def _length(self, history: list[Message]) -> tuple[float, float]:
        """How many tokens a history has: what of them the server counted, and a guess about the rest."""
        tokens, count, last = self._counted
        if not 0 < count <= min(len(self.messages), len(history)) or self.messages[count - 1] is not last:
            tokens, count = 0, 0
        return tokens, sum(map(size, history[count:])) / BYTES_OF_A_TOKEN

    # --- Showing, copying ---

    @override
    def __str__(self) -> str:
        return transcript.text(self.messages)

    @override
    def __repr__(self) -> str:
        count = len(self.messages)
        model = self.model or self.client.model
        return f"<{type(self).__name__} of {count} message{'s'[: count != 1]} with {model!r}, ${self.cost:.6f}>"

    def _repr_html_(self) -> str:
        return transcript.html(self.messages)

    def _repr_markdown_(self) -> str:
        return transcript.markdown(self.messages)

    def __copy__(self) -> Self:
        return self.fork()

    def __deepcopy__(self, memo: Any) -> Self:
        return self.fork()

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "params": without_secrets(self.params), "_counted": (0, 0, None)}
        del state["_lock"], state["_turn"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._unlock()


def _usage(totals: list[float]) -> Usage:
    numbers: list[Any] = [int(number) for number in totals[:-1]]
    return Usage(*numbers, *totals[-1:])


def _without_tools(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters for a request that has no tools, where others of the same conversation have."""
    left_out = _OF_RUNS | _OF_TOOLS if "tools" in params else _OF_RUNS
    return params if left_out.isdisjoint(params) else {k: v for k, v in params.items() if k not in left_out}


def _partial_of(error: BaseException) -> Any:
    """Return what an error has of the reply; the replies of a run of tools are its own."""
    if getattr(error, "run", None) is not None:
        return getattr(error, "partial", None)
    return getattr(error, "partial", None) or getattr(error, "completion", None)

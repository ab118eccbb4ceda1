"""A turn of a conversation: a question, the request or requests that it takes, and what is kept of the reply."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from tokstream._client import TOTALS
from tokstream._exceptions import APIError, BudgetExceededError, TokstreamError
from tokstream._messages import replayed
from tokstream._tokstream import BaseModel
from tokstream._typing import is_list, is_number
from tokstream._usage import told

from .errors import ContextLengthExceededError
from .messages import Message, answered, continued, plain
from .overflow import TooLong, ask_context_lengths, checked_history, read_error, without_oldest

if TYPE_CHECKING:
    from collections.abc import Callable
    from weakref import ref

    from tokstream._steps import Steps

    from .base import BaseConversation

# How often a history is shortened for one question. The last time nothing stays but the question.
_MOST_TRIES = 5
# Tokens below which no model is asked for its length: none has so short a context.
_WORTH_ASKING = 256
# What is added up of a usage, beside the number of requests.
_SPENT = TOTALS[1:]
# Tokens that are left for the reply, at most, where the request does not say.
_ROOM = 1024


class Turn:
    """A question on its way; the `Watch` of its reply.

    Args:
        conversation: whose it is.
        asked: its messages.
        params: the parameters of its request.
        output: how the reply is read; None where it is none of a type.

    Attributes:
        busy: a thread or a task waits for the reply, or for a piece of it.
        ended: nothing more is kept of the reply.
        superseded: the conversation went on without the rest of the reply.
        stream: the stream that gives the reply.
        running: what has the run of tools that the reply takes, while it goes on: its stream, or its loop.
        event: the latest chunk of the run's present request, as an event.
        so_far: gives what there is of a whole reply that takes several requests.
    """

    def __init__(
        self, conversation: BaseConversation[Any], asked: list[Message], params: dict[str, Any], output: Any
    ) -> None:
        self.busy = True
        self.ended = False
        self.superseded = False
        self.stream: ref[Any] | None = None
        self.running: Any = None
        self._run: Any = None
        self.event: Any = None
        self._conversation = conversation
        self._asked = asked
        self.params = params
        self.output = output
        self._history: list[Message] = []
        self._tries = 0
        self.so_far: Callable[[], Any] = lambda: None
        # What the requests of the reply used before its last one.
        self._used_before: Any = None

    def ask(self, request: Callable[[list[Message]], Steps]) -> Steps:
        """Send the history with the question, shortened until it fits; return what the steps of `request` return."""
        conversation = self._conversation
        given: Any = conversation.messages
        if not is_list(given):
            conversation.messages = list(given)
        self._history = [*map(plain, conversation.messages), *self._asked]
        if not self._asked and (not self._history or self._history[-1].get("role") == "assistant"):
            raise ValueError("there is nothing to reply to: give a message, or append one to `messages`")
        yield from self._foresee()
        while True:
            self._check_budget()
            try:
                return (yield from request(self._history))
            except APIError as error:
                too_long = read_error(error)
                if too_long is None:
                    raise
                self._go_on_from(getattr(error, "run", None))
                yield from self._shorten(too_long, error)
                if error.partial is not None:
                    # The answer begins anew.
                    self._account(error.partial)
                    self._used_before = None

    def _go_on_from(self, run: Any) -> None:
        """Let a run of tools that became too long on its way go on where it is: no tool is called twice."""
        if run is not None and run.completions:
            self.running = self.event = None
            self._account(run)
            said = self._said(run)
            self._history = [*self._history, *said]
            self._asked = [*self._asked, *said]

    def described(self) -> dict[str, Any]:
        """Return the parameters with what is sent for a type, where the reply is read here.

        Raises:
            TypeError: asking again was wanted, which only `parse` does.
        """
        if self.output is None:
            return self.params
        if "max_reasks" in self.params:
            raise TypeError("max_reasks= goes with send() and without tools=: another reply cannot be asked for again")
        described: dict[str, Any] = self.output.params(self.params)
        return described

    def read(self, result: Any) -> Any:
        """Return the completion of a reply, with what was read out of it where a type says what it is to be.

        Raises:
            TokstreamError: as `parse` does.
        """
        completion = completion_of(result)
        if self.output is None or not isinstance(completion, BaseModel):
            return completion
        from tokstream._parsing.parsed import ParsedChatCompletion

        if issubclass(type(completion), ParsedChatCompletion):
            return completion
        try:
            return self.output.complete(completion)
        except TokstreamError as error:
            if is_run(result):
                error.run = result
            raise

    def goes_on(self, usage: dict[str, Any] | None) -> None:
        """Know what a reply has used that takes a further request.

        Raises:
            BudgetExceededError: the conversation has cost what it may.
        """
        self._used_before = usage
        self._check_budget(_number(usage.get("estimated_cost") if usage else None))

    def _check_budget(self, under_way: float = 0.0) -> None:
        self._conversation._check_budget(under_way)
        limit = self.params.get("max_cost")
        if limit is not None and under_way >= limit:
            raise BudgetExceededError(
                f"The reply has cost ${under_way:.6f} of the ${limit:.6f} that its max_cost= allows: "
                "no further request was sent.",
                limit=limit,
                spent=under_way,
            )

    def _foresee(self) -> Steps:
        """Shorten a history that is too long by all that is known before it is sent."""
        conversation = self._conversation
        policy = conversation.on_overflow
        if policy is None:
            return
        counted, guessed = conversation._length(self._history)
        limit = conversation.context_length
        if limit is None and counted + guessed >= _WORTH_ASKING:
            limit = (yield from ask_context_lengths(conversation.client)).get(self._model)
        if limit is None:
            return
        if policy == "raise":
            # What is guessed counts half: a history that may well fit is not refused.
            if counted + guessed / 2 > limit:
                raise self._too_long(TooLong(None, limit))
        elif counted + guessed + self._room(limit) > limit:
            yield from self._shorten(TooLong(round(counted + guessed), limit), None)

    def _shorten(self, too_long: TooLong, error: APIError | None) -> Steps:
        policy = self._conversation.on_overflow
        self._tries += 1
        shorter: list[Message] | None = None
        if callable(policy):
            if self._tries < _MOST_TRIES:
                shorter = checked_history((yield partial(policy, deepcopy(self._history))))
                shorter = None if shorter == self._history else shorter
        elif policy == "drop_oldest":
            tokens, limit = self._measured(too_long)
            fits = tokens if limit is None else limit - self._room(limit)
            keep = fits / tokens if fits < tokens else None
            least = 2 ** (self._tries - 1) if self._tries < _MOST_TRIES else len(self._history)
            shorter = without_oldest(self._history, keep=keep, least=least)
        if shorter is not None:
            self._history = shorter
        elif error is not None:
            raise self._too_long(too_long, error.partial) from error

    def _measured(self, too_long: TooLong) -> tuple[int, int | None]:
        conversation = self._conversation
        asked: dict[str, int] = conversation.client._context_lengths or {}
        limit = too_long.limit or conversation.context_length or asked.get(self._model)
        return too_long.tokens or round(sum(conversation._length(self._history))), limit

    def _room(self, limit: int) -> int:
        """How many of the context's tokens are for the reply."""
        for name in ("max_completion_tokens", "max_tokens"):
            most = self.params.get(name)
            if isinstance(most, int):
                return min(most, limit // 2)
        return min(_ROOM, limit // 8)

    def explained(self, error: BaseException) -> BaseException:
        """Return the error to raise for one of a stream: of its own kind if it says that the history is too long."""
        too_long = read_error(error) if isinstance(error, APIError) else None
        if too_long is None:
            return error
        explained = self._too_long(too_long, getattr(error, "partial", None))
        explained.__cause__ = error
        return explained

    def _too_long(self, too_long: TooLong, partial: Any = None) -> ContextLengthExceededError:
        tokens, limit = self._measured(too_long)
        about = "" if too_long.tokens else "about "
        holds = f"where its context holds {limit:,}" if limit else "which is more than its context holds"
        if self._conversation.on_overflow is None or self._conversation.on_overflow == "raise":
            cure = 'Let old turns go with on_overflow="drop_oldest" or a function'
        elif not self._tries:
            cure = "The server said so in the stream, where on_overflow= can do nothing: give context_length="
        else:
            cure = "It was shortened as far as on_overflow= allows: send less"
        return ContextLengthExceededError(
            f"The conversation is too long for {self._model}: {about}{tokens:,} tokens, {holds}. "
            f"{cure}, take messages out of `messages`, or choose a model with a longer context.",
            tokens=tokens,
            limit=limit,
            model=self._model,
            partial=partial,
        )

    @property
    def _model(self) -> str:
        return str(self.params.get("model") or self._conversation.client.model)

    def finish(self, result: Any) -> None:
        """Keep the question and its reply: a completion, or a run of tools."""
        self.superseded = False
        self._account(result)
        said = self._said(result)
        if said:
            self._keep(said)
            # The requests before the last one have read the same history.
            tokens = _tokens(getattr(completion_of(result), "usage", None)) - _tokens(self._used_before)
            self._conversation._count(tokens)
        self.end()

    @property
    def run(self) -> Any:
        """The run of tools that the reply takes, as far as it went; None if it takes none."""
        return self._run if self.running is None else self.running.run

    @property
    def snapshot(self) -> Any:
        """What there is of the reply to the present request of a run."""
        return None if self.event is None else self.event.snapshot

    def cut(self, reply: Any, run: Any = None) -> None:
        """Keep what there is of the reply if it has text and the user wants it.

        Args:
            reply: the completion as far as it goes, or None.
            run: the run of tools as far as it went, or None.
        """
        said: list[Message] = []
        run = self.run if run is None else run
        if run is not None and run.completions:
            self._account(run)
            said = answered(self._said(run))
        if reply is not None:
            self._account(reply)
            for message in self._said(reply):
                # A call that may not be whole is answered by none.
                message.pop("tool_calls", None)
                message.pop("function_call", None)
                if message["content"]:
                    said.append(message)
        if said and self._conversation.keep_partial:
            self._keep(said)
        self.end()

    def end(self) -> None:
        """Let the conversation go on."""
        self.busy = False
        self.ended = True
        self.so_far = lambda: None
        # What has the run refers to this, and may have a connection.
        self._run, self.running = self.run, None
        if self._conversation._turn is self:
            self._conversation._turn = None

    def _said(self, result: Any) -> list[Message]:
        """Return the messages of a reply."""
        if is_run(result):
            return [replayed(one) if one.get("role") == "assistant" else one for one in self._new(result)]
        choices: Any = getattr(result, "choices", None)
        message: Any = getattr(choices[0], "message", None) if choices else None
        # Whatever a server calls it, the service takes it as the assistant's.
        return [replayed({**message.to_dict(), "role": "assistant"})] if hasattr(message, "to_dict") else []

    def _new(self, run: Any) -> list[Message]:
        return [plain(message) for message in run.messages[len(self._history) :]]

    def _keep(self, said: list[Message]) -> None:
        messages = self._conversation.messages
        if self._tries:
            messages[:] = self._history
        else:
            messages.extend(self._asked)
        whole = continued(plain(messages[-1]), said[0]) if messages and said else None
        if whole is not None:
            messages[-1:], said = [whole], said[1:]
        messages.extend(said)

    def _account(self, result: Any) -> None:
        for completion in result.completions if is_run(result) else [result]:
            usage = getattr(completion, "usage", None)
            spent = [_number(getattr(usage, name, None)) for name in _SPENT]
            self._conversation._spend(str(getattr(completion, "model", None) or self._model), [1, *spent])


def is_run(result: Any) -> bool:
    """Return whether this is a run of tools, and no completion: of that, a server may choose the names of fields."""
    return not isinstance(result, BaseModel) and hasattr(result, "completions")


def completion_of(result: Any) -> Any:
    """Return the completion that a reply is, or that ended its run of tools."""
    return result.completion if is_run(result) else result


def _tokens(usage: Any) -> int:
    """Return how many tokens of a history a usage tells of: no thoughts, which are not sent again."""
    usage = told(usage) or {}
    details = told(usage.get("completion_tokens_details")) or {}
    said, thought = (usage.get("prompt_tokens"), usage.get("completion_tokens")), details.get("reasoning_tokens")
    return sum(part for part in said if isinstance(part, int)) - (thought if isinstance(thought, int) else 0)


def _number(value: object) -> float:
    return value if is_number(value) and 0 < value < float("inf") else 0

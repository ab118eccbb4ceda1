"""One answer on its way from the model to the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokstream._cast import unexpected
from tokstream._typing import is_list

from . import terminal

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from tokstream import Stream
    from tokstream._conversation.stream import ConversationStream
    from tokstream.types.chat import ChatCompletionChunk

    AnyStream: TypeAlias = Stream[ChatCompletionChunk] | ConversationStream

# An answer that arrives whole, in less than this many seconds, says nothing about a model's speed.
RATE_NEEDS = 0.05


class Answer:
    """An answer. `text` is what has been written of it so far.

    Args:
        create: asks for it with some parameters, as a stream.
        arguments: those of the command line.
    """

    def __init__(self, create: Callable[..., AnyStream], arguments: Namespace) -> None:
        self.create = create
        self.arguments = arguments
        self.text = ""
        self.finish_reason: str | None = None
        self._reasoned = ""

    def write(self) -> None:
        """Write the answer as it comes, and what it took."""
        with self._create() as stream:
            try:
                for chunk in stream:
                    self._show(chunk)
            except _Malformed as error:
                raise unexpected(stream.response, str(error)) from None
            finally:
                self._end_line()
            if not self.arguments.quiet:
                self._sum_up(stream)

    def _create(self) -> AnyStream:
        from tokstream import NOT_GIVEN

        max_tokens: int | None = self.arguments.max_tokens
        temperature: float | None = self.arguments.temperature
        return self.create(
            stream_options={"include_usage": True},
            max_tokens=NOT_GIVEN if max_tokens is None else max_tokens,
            temperature=NOT_GIVEN if temperature is None else temperature,
        )

    def _show(self, chunk: ChatCompletionChunk) -> None:
        if self.arguments.json:
            # As the server wrote it, unless that takes several lines.
            raw = chunk._json().decode()
            terminal.write((raw if raw.isprintable() else chunk.to_json(indent=None)) + "\n")
        for choice in _parts(chunk, chunk.choices):
            reason: object = getattr(choice, "finish_reason", None)
            self.finish_reason = str(reason) if reason else self.finish_reason
            # A delta may be null.
            delta: object = getattr(choice, "delta", None)
            reasoning = _text(chunk, getattr(delta, "reasoning_content", None))
            content = _text(chunk, getattr(delta, "content", None))
            if reasoning and self.arguments.reasoning:
                terminal.say(reasoning, end="")
                self._reasoned = reasoning
            if content:
                self._end_reasoning()
                self.text += content
                if not self.arguments.json:
                    terminal.write(content)

    def _end_reasoning(self) -> None:
        if self._reasoned:
            terminal.say("" if self._reasoned.endswith("\n") else "\n")
            self._reasoned = ""

    def _end_line(self) -> None:
        self._end_reasoning()
        if self.text and not self.text.endswith("\n") and not self.arguments.json:
            terminal.write("\n")

    def _sum_up(self, stream: AnyStream) -> None:
        parts: list[str] = []
        usage, timings = stream.usage, stream.timings
        if usage is not None:
            parts.append(f"{usage.prompt_tokens} prompt + {usage.completion_tokens} completion tokens")
            cost: object = usage.estimated_cost
            if isinstance(cost, (int, float)):
                parts.append(dollars(cost))
        if timings.first_token is not None:
            parts.append(f"first token after {timings.first_token:.2f} s")
            if timings.tokens_per_second is not None and timings.total - timings.first_token > RATE_NEEDS:
                parts.append(f"{timings.tokens_per_second:.1f} tokens/s")
        if self.finish_reason not in {None, "stop"}:
            parts.append(f"stopped: {self.finish_reason}")
        if parts:
            terminal.say(terminal.one_line(", ".join(parts)))


def _parts(chunk: ChatCompletionChunk, choices: object) -> list[Any]:
    if choices is None:
        return []
    if is_list(choices):
        return choices
    raise _Malformed(chunk)


def _text(chunk: ChatCompletionChunk, text: object) -> str:
    if text is None or isinstance(text, str):
        return text or ""
    raise _Malformed(chunk)


class _Malformed(Exception):
    """A chunk is none."""

    def __init__(self, chunk: ChatCompletionChunk) -> None:
        super().__init__(f"The server sent what is no chunk of an answer: {chunk.to_json(indent=None):.200}")


def dollars(amount: float) -> str:
    """Format an amount in USD: six decimals below a cent, four from there on."""
    return f"${amount:.6f}" if amount < 0.01 else f"${amount:.4f}"

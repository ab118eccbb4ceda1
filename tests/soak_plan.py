"""What a seed says of each request of a soak: the answer, what goes wrong on the way to it, what the caller does."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Ways to send an answer that is whole.
GOOD = (
    *("chunked", "length", "close", "gzip", "http10", "bytewise", "interim", "surplus"),
    *("done then silence", "done then garbage"),
)
CUT = {"StreamTruncatedError", "APIConnectionError"}
# Faults, and the errors that a stream and a whole reply may raise for them.
BAD: dict[str, tuple[set[str], set[str]]] = {
    "reset before": ({"APIConnectionError"}, {"APIConnectionError"}),
    "closed before": ({"APIConnectionError"}, {"APIConnectionError"}),
    "garbage": ({"APIConnectionError"}, {"APIConnectionError"}),
    "reset": (CUT, {"APIConnectionError"}),
    "cut frame": (CUT, {"APIConnectionError"}),
    "cut length": (CUT, {"APIConnectionError"}),
    "cut gzip": (CUT, {"APIConnectionError"}),
    "no done": ({"StreamTruncatedError"}, {"APIResponseValidationError"}),
    "silent before": ({"APITimeoutError"}, {"APITimeoutError"}),
    "silent": ({"APITimeoutError"}, {"APITimeoutError"}),
    "comments": ({"APITimeoutError"}, {"APITimeoutError"}),
    "error": ({"APIError"}, {"APIError"}),
    "no json": ({"APIResponseValidationError"}, {"APIResponseValidationError"}),
    "html": ({"APIResponseValidationError"}, {"APIResponseValidationError"}),
    "400": ({"BadRequestError"}, {"BadRequestError"}),
    "429": ({"RateLimitError"}, {"RateLimitError"}),
    "503": ({"InternalServerError"}, {"InternalServerError"}),
}
# What waits for a clock takes seconds, so there is less of it.
SLOW = {"silent before", "silent", "comments"}
ALPHABET = 'abc \n"\\{}[]:,é\u2028\U0001f600'

READ_ALL = ("chunks", "text", "final")
LEAVE = ("break", "close", "with", "untouched", "cancel", "wait_for")


@dataclass(frozen=True)
class Plan:
    """One request."""

    number: int
    streamed: bool
    pieces: tuple[str, ...]
    # What the first attempt gets, the second, and so on.
    attempts: tuple[str, ...]
    retries: int
    act: str
    # After so many chunks, or so much time, the caller gives up.
    after: int
    patience: float
    # The whole call's time, where it is short.
    total: float | None
    own_client: bool

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def made(self) -> tuple[str, ...]:
        """The attempts that may be made."""
        return self.attempts[: self.retries + 1]

    @property
    def may_succeed(self) -> bool:
        return any(kind in GOOD for kind in self.made)

    @property
    def errors(self) -> set[str]:
        """The errors that may be raised."""
        found = set[str]() if self.total is None else {"APITimeoutError"}
        for kind in self.made:
            if kind in GOOD:
                break
            found |= BAD[kind][0 if self.streamed else 1]
        return found


def plan(seed: int, number: int) -> Plan:
    """What the seed says of this request; the same for both sides of it."""
    dice = random.Random(f"{seed}/{number}")
    attempts = [attempt(dice) for _ in range(3)]
    streamed = dice.random() < 0.7
    act = dice.choice(READ_ALL) if dice.random() < 0.7 else dice.choice(LEAVE)
    return Plan(
        number=number,
        streamed=streamed,
        pieces=pieces(dice),
        attempts=tuple(attempts),
        retries=dice.choice((0, 0, 1, 2)),
        act=act if streamed or act in {"cancel", "wait_for"} else "final",
        after=dice.randrange(4),
        patience=dice.random() * 0.1,
        total=dice.random() * 0.2 if dice.random() < 0.05 else None,
        own_client=dice.random() < 0.05,
    )


def attempt(dice: random.Random) -> str:
    if dice.random() < 0.6:
        return dice.choice(GOOD)
    kind = dice.choice(list(BAD))
    return dice.choice(GOOD) if kind in SLOW and dice.random() < 0.7 else kind


def pieces(dice: random.Random) -> tuple[str, ...]:
    """Mostly a few tokens; sometimes many, sometimes large ones."""
    count, size = dice.choice([(3, 4), (10, 4), (10, 8), (30, 4), (300, 4), (2, 50_000)])
    return tuple("".join(dice.choices(ALPHABET, k=dice.randint(1, 16))) * (size // 4) for _ in range(count))

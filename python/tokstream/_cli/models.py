"""`tokstream models`: what the server offers, with context lengths and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import terminal

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tokstream.types import Model

HEADINGS = ("MODEL", "CONTEXT", "INPUT", "OUTPUT", "CACHED")
NOTE = "Prices are in USD for a million tokens."


def run(arguments: Namespace) -> int:
    """List the models whose names have all the words that were given."""
    from tokstream import Client

    words = [word.lower() for word in arguments.words]
    with Client(base_url=arguments.base_url) as client:
        models = [model for model in client.models.list() if all(word in model.id.lower() for word in words)]
    models.sort(key=lambda model: model.id.lower())
    if arguments.json:
        for model in models:
            terminal.write(model.to_json(indent=None) + "\n")
        return 0
    rows = [_row(model) for model in models]
    # A server that says nothing about prices needs no columns for them.
    columns = [index for index in range(len(HEADINGS)) if index == 0 or any(row[index] for row in rows)]
    for row in (HEADINGS, *rows) if len(columns) > 1 else rows:
        terminal.write(_line(row, rows, columns) + "\n")
    if not rows:
        terminal.say("There is no such model." if words else "The server lists no models.")
    elif max(columns) > 1 and not arguments.quiet:
        terminal.say(NOTE)
    return 0


def _row(model: Model) -> tuple[str, ...]:
    metadata = model.metadata
    pricing = None if metadata is None else metadata.pricing
    context = None if metadata is None else metadata.context_length
    prices = (
        (None, None, None)
        if pricing is None
        else (pricing.input_tokens, pricing.output_tokens, pricing.cache_read_tokens)
    )
    return (model.id, "" if context is None else f"{context:,}", *map(_price, prices))


def _price(price: float | None) -> str:
    """A price with two decimals, or with as many as it has."""
    if price is None:
        return ""
    exact = f"{price:.6f}".rstrip("0")
    return max(exact, f"{price:.2f}", key=len)


def _line(row: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[int]) -> str:
    cells: list[str] = []
    for index in columns:
        width = max(len(other[index]) for other in (HEADINGS, *rows))
        cells.append(row[index].rjust(width) if index else row[index].ljust(width))
    return "  ".join(cells).rstrip()

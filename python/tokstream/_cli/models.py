"""`tokstream models`: what the server offers, with context lengths and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokstream._tokstream import Model, ModelMetadata, ModelPricing

from . import terminal

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

HEADINGS = ("MODEL", "CONTEXT", "INPUT", "OUTPUT", "CACHED")
NOTE = "Prices are in USD for a million tokens."


def run(arguments: Namespace) -> int:
    """List the models whose names have all the words that were given."""
    from tokstream import Client
    from tokstream._models import page_items

    words = [word.lower() for word in arguments.words]
    with Client(base_url=arguments.base_url) as client:
        listed = [model for model in page_items(client.models.list()) if isinstance(model, Model)]
    models = [model for model in listed if all(word in _name(model).lower() for word in words)]
    models.sort(key=lambda model: _name(model).lower())
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
        terminal.say("There is no such model." if listed else "The server lists no models.")
    elif max(columns) > 1 and not arguments.quiet:
        terminal.say(NOTE)
    return 0


def _name(model: Model) -> str:
    """The model's id, whatever a server says there, in one line."""
    return terminal.one_line(str(model.id))


def _row(model: Model) -> tuple[str, ...]:
    # A server may send anything in the place of these.
    metadata = model.metadata if isinstance(model.metadata, ModelMetadata) else ModelMetadata()
    pricing = metadata.pricing if isinstance(metadata.pricing, ModelPricing) else ModelPricing()
    context: object = metadata.context_length
    prices = (pricing.input_tokens, pricing.output_tokens, pricing.cache_read_tokens)
    return (_name(model), f"{context:,}" if isinstance(context, int) else "", *map(_price, prices))


def _price(price: object) -> str:
    """A price with two decimals, or with as many as it has."""
    try:
        number = float(price)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return ""
    exact = f"{number:.6f}".rstrip("0")
    return max(exact, f"{number:.2f}", key=len)


def _line(row: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[int]) -> str:
    cells: list[str] = []
    for index in columns:
        width = max(len(other[index]) for other in (HEADINGS, *rows))
        cells.append(row[index].rjust(width) if index else row[index].ljust(width))
    return "  ".join(cells).rstrip()

"""How the arguments of the calls of tools are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokstream._schema import Invalid, Reason, load_json, validate_json
from tokstream._typing import is_dict

if TYPE_CHECKING:
    from collections.abc import Callable


def reader_of(tool: Any, readers: dict[str, Callable[[str], Any]]) -> None:
    """Note how the arguments of a tool are read: as an object of its class, or as plain data if it is strict."""
    function = tool.get("function") if is_dict(tool) else None
    if not is_dict(function) or not isinstance(function.get("name"), str):
        return
    model = getattr(function, "model", None)
    if model is not None:
        readers[function["name"]] = lambda text: validate_json(model, text)
    elif function.get("strict") is True:
        readers[function["name"]] = _read_plain


def _read_plain(text: str) -> Any:
    value = load_json(text)
    if not is_dict(value):
        raise Invalid([Reason("", "expected an object")])
    return value

"""Tools as the server takes them, and how the arguments of their calls are read."""

from __future__ import annotations

from typing import Any

from ._schema import Invalid, Reason, json_schema, load_json, validate_json
from ._typing import is_dict, override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class TypedFunction(dict[str, Any]):
    """The function of a tool, and the class whose objects its arguments are.

    Attributes:
        model (type): the class.
    """

    model: Any

    def __init__(self, function: dict[str, Any], model: Any) -> None:
        super().__init__(function)
        self.model = model

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self.model)


def pydantic_function_tool(model: Any, *, name: str | None = None, description: str | None = None) -> dict[str, Any]:
    """Return a strict tool whose arguments are objects of a class, as openai-python's function of this name does.

    Args:
        model: a class of pydantic's, or another type that has a JSON Schema with an object at its root.
        name: what the tool is called. Default: the name of the class.
        description: what the tool does. Default: the docstring of the class.

    Raises:
        TypeError: the type has no JSON Schema.
    """
    schema = json_schema(model)
    if description is None:
        from inspect import cleandoc

        doc = getattr(model, "__dict__", {}).get("__doc__")
        description = cleandoc(doc) if doc and not doc.startswith(f"{model.__name__}(") else None
    function: dict[str, Any] = {"name": name or model.__name__, "strict": True, "parameters": schema}
    if description:
        function["description"] = description
    return {"type": "function", "function": TypedFunction(function, model)}


def as_tool(tool: Any) -> Any:
    """Return a tool as it is sent: a class becomes the strict tool whose arguments are its objects."""
    return pydantic_function_tool(tool) if isinstance(tool, type) else tool


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

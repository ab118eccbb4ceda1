"""Tools for the model: functions, classes and dicts, as `tools=` takes them."""

from __future__ import annotations

import re
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from tokstream._typing import is_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol, TypeAlias

    from typing_extensions import TypeIs

    from tokstream.types.chat import (
        ChatCompletionFunctionToolParam,
        ChatCompletionToolChoiceOptionParam,
        ChatCompletionToolUnionParam,
    )

    class _Callable(Protocol):
        def __call__(self, *args: Any, **params: Any) -> object: ...

    class _Function(Protocol):
        # What mypy takes the items of a list of several functions for has no signature.
        @property
        def __name__(self) -> str: ...

    # What `tools=` is a list of, and what `tool_choice=` takes.
    ToolLike: TypeAlias = _Callable | _Function | ChatCompletionToolUnionParam | Mapping[str, object]
    ToolChoiceLike: TypeAlias = ChatCompletionToolChoiceOptionParam | Callable[..., object] | Mapping[str, object]

__all__ = ["Tool", "describe_tools", "pydantic_function_tool", "tool", "tools_of"]

F = TypeVar("F", bound="Callable[..., Any]")

# Where `tool` writes down what it was told.
_OPTIONS = "__tokstream_tool__"
# What servers take as the name of a function.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


class _Options(NamedTuple):
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    ends: bool | None = None
    parallel: bool | None = None


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    function: F,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    ends: bool | None = None,
    parallel: bool | None = None,
) -> F: ...
@overload
def tool(
    function: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    ends: bool | None = None,
    parallel: bool | None = None,
) -> Callable[[F], F]: ...
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    ends: bool | None = None,
    parallel: bool | None = None,
) -> Any:
    """Say how a function is offered to the model, as a decorator: `@tool`, or `@tool(name="weather")`.

    A function needs none of this to be a tool. What is decorated stays the function that it is. Called with a
    function and options, `tool(f, name="g")`, it leaves `f` as it is and returns one that is offered so.

    Args:
        function: a function, a method, or whatever else can be called; or a class, whose objects the arguments make.
        name: what the model calls it. Default: its own name.
        description: what it is for. Default: what its docstring says before the arguments.
        strict: whether to ask for strict mode: the schema then requires every argument, and `null` stands for one that
            has a default. Default: only for classes.
        ends: whether its result ends `run_tools`, instead of going back to the model. Default: only for classes
            whose objects cannot be called.
        parallel: whether calls of it run beside others of the same turn. Default: if it is async, or as `run_tools`
            is told.

    Raises:
        TypeError: what is given cannot be called.
    """
    options = _Options(name, description, strict, ends, parallel)
    if function is None:
        return partial(_marked, options=options)
    _check_callable(function)
    return function if options == _Options() else _marked(partial(function), options)


def _marked(function: Any, options: _Options) -> Any:
    if type(function) in (staticmethod, classmethod):
        setattr(function.__func__, _OPTIONS, options)
        return function
    _check_callable(function)
    try:
        setattr(function, _OPTIONS, options)
    except AttributeError:
        # A bound method, or an object with __slots__.
        function = partial(function)
        setattr(function, _OPTIONS, options)
    return function


def _check_callable(function: Any) -> None:
    if not callable(function):
        raise TypeError(f"a tool must be a function or a class, not {type(function).__name__}")


class _ModelFunction(dict[str, Any]):
    """The definition of a function, and the class that its arguments make an object of."""

    model: Any = None


def pydantic_function_tool(
    model: Any, *, name: str | None = None, description: str | None = None
) -> ChatCompletionFunctionToolParam:
    """Return a pydantic model as a tool, the same as openai-python's function of this name.

    Args:
        model: the model of the arguments, or another class: a dataclass, a `TypedDict`, a class of msgspec's or attrs'.
        name: what the model calls it. Default: the name of the class.
        description: what it is for. Default: the docstring of the class.

    Raises:
        TypeError: it is no class, or one whose objects have no fields.
    """
    if not isinstance(model, type):
        raise TypeError(f"a pydantic model, or another class, was expected, not {model!r:.100}")
    made: Any = _class_definition(model, name, _description_of(model) if description is None else description)
    return made  # type: ignore[no-any-return]


def _class_definition(cls: Any, name: str | None, description: str | None) -> Any:
    from tokstream._schema import json_schema

    function = _ModelFunction(name=name or cls.__name__, strict=True, parameters=json_schema(cls))
    if function["parameters"].get("type") != "object":
        raise TypeError(f"{cls.__name__} cannot be a tool: the arguments of a call are an object, with a name for each")
    if description is not None:
        function["description"] = description
    function.model = cls
    return {"type": "function", "function": function}


class Tool:
    """A tool that is offered to the model.

    Args:
        definition: what the request says of it.
        bind: returns what does a call, for its decoded arguments; None if the tool can only be offered.
        options: what `tool` was told.
        ends: whether its result ends a run, if the options do not say so.
        is_async: whether it is an async function.
    """

    __slots__ = ("bind", "definition", "ends", "is_async", "name", "parallel")

    def __init__(
        self,
        definition: Any,
        bind: Callable[[dict[str, Any]], Callable[[], Any]] | None = None,
        *,
        options: _Options = _Options(),  # noqa: B008 - it cannot be changed
        ends: bool = False,
        is_async: bool = False,
    ) -> None:
        function = definition.get("function") if is_dict(definition) else None
        self.name: Any = function.get("name") if is_dict(function) else None
        self.definition = definition
        self.bind = bind
        self.ends = ends if options.ends is None else options.ends
        self.is_async = is_async
        self.parallel = options.parallel


def tools_of(given: Iterable[Any]) -> list[Tool]:
    """Return all that `tools=` was given as tools.

    Raises:
        TypeError: one of them can be none, or two have the same name.
    """
    if isinstance(given, (str, bytes)) or is_dict(given) or isinstance(given, type) or not hasattr(given, "__iter__"):
        raise TypeError(f"tools must be a list of tools, not {given!r:.100}")
    tools = [as_tool(one) for one in given]
    names = [one.name for one in tools if one.name is not None]
    for name in names:
        if names.count(name) > 1:
            raise TypeError(f"two tools are named {name!r}; tokstream.tool(…, name=…) gives one another name")
    return tools


def describe_tools(params: dict[str, Any]) -> None:
    """Replace the tools among the parameters of a request by what is sent of them."""
    tools = tools_of(params["tools"])
    params["tools"] = [one.definition for one in tools]
    if "tool_choice" in params:
        params["tool_choice"] = choice_of(params["tool_choice"], tools)


def choice_of(choice: Any, tools: list[Tool]) -> Any:
    """Return what is sent as `tool_choice`: a function stands for having to call it."""
    if not callable(choice):
        return choice
    name = as_tool(choice).name
    if name not in [one.name for one in tools]:
        raise TypeError(f"tool_choice is {name}, which is not among the tools")
    return {"type": "function", "function": {"name": name}}


def as_tool(given: Any) -> Tool:
    """Return anything that `tools=` takes as a tool.

    Raises:
        TypeError: it can be none, for a reason that the message tells.
    """
    if is_dict(given):
        model = getattr(given.get("function"), "model", None)
        return _class_tool(model, given) if isinstance(model, type) else Tool(given)
    options = _options_of(given)
    if is_partial(given) and not given.args and not given.keywords:
        given = given.func
    if isinstance(given, type):
        return _class_tool(given, _described_class(given, options), options)
    if callable(given):
        return _function_tool(given, options)
    # What other libraries describe tools with.
    if hasattr(given, "model_dump"):
        return Tool(given.model_dump(exclude_none=True))
    raise TypeError(f"a tool must be a function, a pydantic model or a dict, not {given!r:.100}")


def is_partial(value: object) -> TypeIs[partial[Any]]:
    """Return whether `value` is a `functools.partial`."""
    return isinstance(value, partial)


def _options_of(given: Any) -> _Options:
    # Those of a class are not those of what is derived from it.
    options = vars(given).get(_OPTIONS) if isinstance(given, type) else getattr(given, _OPTIONS, None)
    if options is None and is_partial(given):
        return _options_of(given.func)
    return options or _Options()


def _description_of(cls: Any) -> str | None:
    """Return what a class says of itself: of a pydantic model as openai-python sends it, word for word."""
    from tokstream._schema.builder import doc_of

    return cls.__doc__ if hasattr(cls, "model_json_schema") else doc_of(cls)


def _described_class(cls: Any, options: _Options) -> Any:
    description = _description_of(cls) if options.description is None else options.description
    name = options.name or cls.__name__
    _check_name(name, cls)
    described = _class_definition(cls, name, description or None)
    if options.strict is False:
        del described["function"]["strict"]
    return described


def _class_tool(cls: Any, definition: Any, options: _Options = _Options()) -> Tool:  # noqa: B008 - cannot be changed
    # What objects of the class do when they are called; nothing stands for the object itself.
    bases: list[type] = cls.__mro__
    call = next((vars(base)["__call__"] for base in bases if "__call__" in vars(base)), None)

    def bind(arguments: dict[str, Any]) -> Callable[[], Any]:
        from tokstream._schema import validate

        made = validate(cls, arguments)
        return (lambda: made) if call is None else made

    return Tool(definition, bind, options=options, ends=call is None, is_async=iscoroutinefunction(call))


def _function_tool(function: Any, options: _Options) -> Tool:
    from .signatures import Signature

    signature = Signature(function)
    name = options.name or signature.name
    _check_name(name, function)
    described: dict[str, Any] = {"name": name}
    description = signature.description if options.description is None else options.description
    if description:
        described["description"] = description
    described["parameters"] = signature.schema(strict=bool(options.strict))
    if options.strict is not None:
        described["strict"] = options.strict
    return Tool(
        {"type": "function", "function": described},
        signature.bind,
        options=options,
        is_async=iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__),
    )


def _check_name(name: str, given: Any) -> None:
    if _NAME.match(name) is None:
        raise TypeError(
            f"a tool cannot be named {name!r}: servers take up to 64 letters, digits, underscores and dashes. "
            f"tokstream.tool(…, name=…) gives {given!r:.100} another name"
        )

"""What a function takes: the JSON Schema of its arguments, and the arguments of a call read from JSON."""

from __future__ import annotations

import inspect
import json
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from tokstream._schema import Invalid, Reason, load_json, node_of, read_with, strict as strict_schema
from tokstream._schema.hints import names_around
from tokstream._schema.nodes import REFS, path_of
from tokstream._typing import override

from .docstrings import parse
from .results import plain

if TYPE_CHECKING:
    from collections.abc import Callable

_ABSENT = inspect.Parameter.empty
_UNSUPPORTED = {
    inspect.Parameter.POSITIONAL_ONLY: "it can only be given by position, and the model names its arguments",
    inspect.Parameter.VAR_POSITIONAL: "the model names its arguments, and these have no names",
}


class Parameter:
    """One parameter of a function.

    Args:
        name: its name.
        annotation: its type; `Any` if it has none.
        default: what is used where the model gives nothing; `_ABSENT` if it has to give something.
        description: what the docstring says of it.
    """

    __slots__ = ("default", "description", "name", "node")

    def __init__(self, name: str, annotation: Any, default: Any, description: str | None) -> None:
        self.name = name
        annotation, said = _apart(annotation)
        self.default = default
        self.description = description if said is None else said
        self.node = node_of(annotation)

    @property
    def is_required(self) -> bool:
        """Whether the function has no default for it."""
        return self.default is _ABSENT

    def schema(self, defs: Any, *, strict: bool) -> dict[str, Any]:
        """Return its JSON Schema; what that refers to is added to `defs`."""
        schema = self.node.schema(defs)
        if strict and not self.is_required and not self.node.allows_null():
            schema = {"anyOf": [schema, {"type": "null"}]}
        if self.description is not None and "description" not in schema:
            schema = {**schema, "description": self.description}
        if not strict and "default" not in schema and not self.is_required and self.default is not None:
            try:
                return {**schema, "default": json.loads(json.dumps(self.default, default=plain, allow_nan=False))}
            except (TypeError, ValueError, RecursionError):
                return schema
        return schema

    def read(self, name: str, value: Any, into: dict[str, Any], reasons: list[Reason]) -> None:
        """Put a value that the model gave into the arguments under its name, or what is wrong into the reasons."""
        if value is None and not self.is_required and not self.node.allows_null():
            return
        try:
            into[name] = read_with(self.node.validate, value)
        except Invalid as error:
            # Models now and then write the JSON of a number, a list or an object as a string.
            if isinstance(value, str):
                with suppress(Invalid):
                    into[name] = read_with(self.node.validate, load_json(value))
                    return
            reasons += [Reason(path_of((name, path)), complaint) for path, complaint in error.reasons]


class Signature:
    """The parameters of a function, and what its docstring says.

    Raises:
        TypeError: it takes what a model cannot give.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        plain_function = _innermost(function)
        self.name: str = _name_of(plain_function)
        doc = parse(_doc_of(plain_function))
        self.description = doc.description
        self.parameters: dict[str, Parameter] = {}
        # The type of further arguments: `**others: int`.
        self.others: Parameter | None = None
        hints = _hints(plain_function)
        settled = _settled(function)
        for name, parameter in self._signature(function).parameters.items():
            if name in settled:
                continue
            if parameter.kind in _UNSUPPORTED:
                stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
                why = _UNSUPPORTED[parameter.kind]
                raise TypeError(f"{self.name} cannot be a tool: of its parameter {stars}{name}, {why}")
            if name == "self" and parameter.annotation is _ABSENT and not self.parameters:
                raise TypeError(f"{self.name} cannot be a tool: it is a method of no object; give object.{self.name}")
            try:
                made = Parameter(name, hints(name, parameter.annotation), parameter.default, doc.parameters.get(name))
            except TypeError as error:
                raise TypeError(f"{self.name} cannot be a tool: its parameter {name}: {error}") from error
            if parameter.kind is parameter.VAR_KEYWORD:
                self.others = made
            else:
                self.parameters[name] = made

    def _signature(self, function: Any) -> inspect.Signature:
        try:
            return inspect.signature(function)
        except NameError:
            # From Python 3.14 on annotations are evaluated when they are asked for; `_hints` looks up what is left.
            later: Any = {"annotation_format": import_module("annotationlib").Format.FORWARDREF}
            return inspect.signature(function, **later)
        except ValueError as error:
            raise TypeError(f"{self.name} cannot be a tool: its parameters are not known ({error})") from error

    def schema(self, *, strict: bool = False) -> dict[str, Any]:
        """Return the JSON Schema of the arguments.

        Args:
            strict: whether all arguments are required, with `null` for those that have a default.
        """
        if strict and self.others is not None:
            raise TypeError(f"{self.name} cannot be a strict tool: it takes further arguments, **{self.others.name}")
        defs: Any = {}
        properties = {name: one.schema(defs, strict=strict) for name, one in self.parameters.items()}
        others = False if self.others is None else self.others.schema(defs, strict=False) or True
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": others}
        if defs:
            schema["$defs"] = {name: definition for name, (_, definition) in defs.items()}
        schema = strict_schema(schema)
        if not strict:
            schema["required"] = [name for name, one in self.parameters.items() if one.is_required]
        # What has a description beside it stands there in full, and may be referred to no more.
        used = json.dumps(schema)
        kept = {name: definition for name, definition in schema.pop("$defs", {}).items() if f'"{REFS}{name}"' in used}
        return {**schema, "$defs": kept} if kept else schema

    def bind(self, given: dict[str, Any]) -> Callable[[], Any]:
        """Return the call of the function with the decoded arguments that the model gave.

        Raises:
            Invalid: the arguments are not those of the function.
        """
        arguments: dict[str, Any] = {}
        reasons: list[Reason] = []
        for name, parameter in self.parameters.items():
            if name in given:
                parameter.read(name, given[name], arguments, reasons)
            elif parameter.is_required:
                reasons.append(Reason(name, "it is missing"))
        for name, value in given.items():
            if name in self.parameters:
                continue
            if self.others is None:
                reasons.append(Reason(name, "there is no such argument"))
            else:
                self.others.read(name, value, arguments, reasons)
        if reasons:
            raise Invalid(reasons)
        return partial(self._function, **arguments)

    @override
    def __repr__(self) -> str:
        return f"<signature of {self.name}: {', '.join(self.parameters)}>"


def _apart(annotation: Any) -> tuple[Any, str | None]:
    """Return an annotation without the texts that `Annotated` adds to it, and the text that describes it."""
    beside = getattr(annotation, "__metadata__", ())
    said = [text for text in (getattr(one, "documentation", one) for one in beside) if isinstance(text, str)]
    if not said:
        return annotation, None
    rest = [one for one in beside if not isinstance(getattr(one, "documentation", one), str)]
    inner = annotation.__origin__
    with_rest = (inner, *rest)
    return Annotated[with_rest] if rest else inner, said[-1]


def _settled(function: Any) -> set[str]:
    """Return the arguments that `partial` has settled: they are no business of the model's."""
    names: set[str] = set()
    while isinstance(function, partial):
        names.update(function.keywords)
        function = function.func
    return names


def _innermost(function: Any) -> Any:
    """Return the function in partials, methods and callable objects."""
    while isinstance(function, partial):
        function = function.func
    return function


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def _doc_of(function: object) -> str | None:
    if hasattr(function, "__name__"):
        return inspect.getdoc(function)
    # A callable object is told of by its method, or by its class.
    cls = type(function)
    return inspect.getdoc(cls.__call__) or inspect.getdoc(cls)


def _hints(function: Any) -> Callable[[str, Any], Any]:
    """Return what reads an annotation of a function's parameter; those that are text are looked up where it is."""
    if isinstance(function, type):
        function = vars(function).get("__init__", function)
    elif (
        not hasattr(function, "__code__") and not hasattr(function, "__func__") and not hasattr(function, "__wrapped__")
    ):
        function = type(function).__call__
    function = inspect.unwrap(getattr(function, "__func__", function))

    def read(name: str, annotation: Any) -> Any:
        if annotation is _ABSENT:
            return Any

        def holder() -> None: ...

        holder.__annotations__ = {name: annotation}
        names = getattr(function, "__globals__", {})
        try:
            return get_type_hints(holder, names, include_extras=True)[name]
        except NameError:
            pass
        try:
            return get_type_hints(holder, names, names_around(function), include_extras=True)[name]
        except NameError as error:
            raise TypeError(f"the annotation {annotation!r} cannot be read: {error}") from error

    return read

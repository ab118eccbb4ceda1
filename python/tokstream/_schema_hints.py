"""The annotations of a class, with names in texts resolved and type variables bound."""

from __future__ import annotations

import typing
from sys import modules
from typing import Any

# Frames that are searched for a name: a class that was defined in a function is known there alone.
_FRAMES = 100


def hints_of(cls: Any) -> dict[str, Any]:
    """Return the annotations of a class.

    Raises:
        TypeError: a name in them means nothing.
    """
    try:
        return _hints(cls, {cls.__name__: cls})
    except NameError:
        pass
    try:
        return _hints(cls, {**_names_of_callers(), cls.__name__: cls})
    except NameError as error:
        raise TypeError(f"{cls.__name__} has no JSON Schema: {error} in its annotations") from None


def _hints(cls: Any, names: dict[str, Any]) -> dict[str, Any]:
    # Where a program has the newer one it may have used what only that knows.
    read = getattr(modules.get("typing_extensions"), "get_type_hints", typing.get_type_hints)
    return read(cls, localns=_Names(vars_of_module(cls), names), include_extras=True)  # type: ignore[no-any-return]


class _Names(dict):  # type: ignore[type-arg]
    """Names of a module, and others for those that it lacks."""

    def __init__(self, first: dict[str, Any], rest: dict[str, Any]) -> None:
        super().__init__({**rest, **first})


def vars_of_module(of: Any) -> dict[str, Any]:
    """Return the names of the module in which something was defined."""
    return vars(modules[of.__module__]) if getattr(of, "__module__", None) in modules else {}


def _names_of_callers() -> dict[str, Any]:
    from sys import _getframe

    names: dict[str, Any] = {}
    frame = _getframe(1)
    for _ in range(_FRAMES):
        if not str(frame.f_globals.get("__name__", "")).startswith(f"{__package__}."):
            for name, value in (*frame.f_locals.items(), *frame.f_globals.items()):
                names.setdefault(name, value)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return names


def evaluated(annotation: Any, within: Any) -> Any:
    """Return what an annotation stands for that was written as a text.

    Raises:
        TypeError: a name in it means nothing.
    """
    text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
    module = getattr(annotation, "__forward_module__", None)
    names = vars(module) if module is not None else vars_of_module(within) if within is not None else {}
    for more in (dict, _names_of_callers):
        try:
            return eval(text, {**more(), **vars(typing), **names})  # noqa: S307 - as typing.get_type_hints does
        except NameError as error:
            complaint = error
        except SyntaxError as error:
            raise TypeError(f"{text!r} is no annotation: {error.msg}") from None
    raise TypeError(f"the annotation {text!r} has no JSON Schema: {complaint}")


def generic_bindings(type_: Any, outer: dict[Any, Any]) -> dict[Any, Any]:
    """Return what stands for the type variables of a generic class and of its bases."""
    origin = typing.get_origin(type_) or type_
    args = [outer.get(arg, arg) if isinstance(arg, typing.TypeVar) else arg for arg in typing.get_args(type_)]
    parameters = getattr(origin, "__parameters__", ())
    bound = dict(zip(parameters, args, strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        inner = typing.get_origin(base)
        if isinstance(inner, type) and inner is not typing.Generic:
            bound = {**generic_bindings(base, {**outer, **bound}), **bound}
    return bound

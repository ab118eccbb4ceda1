"""The annotations of a class, with names in texts resolved and type variables bound."""

from __future__ import annotations

import typing
from sys import modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Frames that are searched for a name: a class that was defined in a function is known there alone.
_FRAMES = 100
# How the names of this package's modules begin.
_OWN = f"{__name__.partition('.')[0]}."


def hints_of(cls: Any) -> dict[str, Any]:
    """Return the annotations of a class.

    Raises:
        TypeError: a name in them means nothing.
    """
    try:
        return _hints(cls, names_around(cls))
    except NameError:
        pass
    names = {**_names_of_callers(), cls.__name__: cls}
    for base in cls.__mro__:
        for name in names.keys() & vars_of_module(base).keys():
            del names[name]
    try:
        return _hints(cls, {**names, **names_around(cls)})
    except NameError as error:
        raise TypeError(f"{cls.__name__} has no JSON Schema: {error} in its annotations") from None


def _hints(cls: Any, names: dict[str, Any]) -> dict[str, Any]:
    # Where a program has the newer one it may have used what only that knows.
    read = getattr(modules.get("typing_extensions"), "get_type_hints", typing.get_type_hints)
    # Python 3.12 first forgot these where an annotation is a text.
    variables = {variable.__name__: variable for variable in getattr(cls, "__type_params__", ())}
    return read(cls, localns={**names, **variables}, include_extras=True)


def vars_of_module(of: Any) -> dict[str, Any]:
    """Return the names of a module, or of the one in which something was defined."""
    module = modules.get(getattr(of, "__module__", "")) if not isinstance(of, ModuleType) else of
    return vars(module) if module is not None else {}


def _frames() -> Iterator[FrameType]:
    """Give the frames of the program that is calling, innermost first."""
    from sys import _getframe

    frame: FrameType | None = _getframe(1)
    for _ in range(_FRAMES):
        if frame is None:
            break
        if not str(frame.f_globals.get("__name__", "")).startswith(_OWN):
            yield frame
        frame = frame.f_back


def names_around(of: Any) -> dict[str, Any]:
    """Return the names of the functions in which a class or a function was defined, as far as they are running still.

    Its own name is among them.
    """
    outer = [part.rpartition(".")[2] for part in getattr(of, "__qualname__", "").split(".<locals>")[:-1]]
    if not outer:
        return {}
    names: dict[str, Any] = {of.__name__: of}
    for frame in _frames():
        if frame.f_code.co_name in outer and frame.f_globals.get("__name__") == of.__module__:
            names = {**frame.f_locals, **names}
    return names


def _names_of_callers() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for frame in _frames():
        names.update((name, value) for name, value in frame.f_locals.items() if name not in names)
        names.update((name, value) for name, value in frame.f_globals.items() if name not in names)
    return names


def evaluated(annotation: Any, within: Any) -> Any:
    """Return what an annotation stands for that was written as a text.

    Args:
        annotation: the text, or typing's object for it.
        within: what it was written in: a class, an alias of a type, or None.

    Raises:
        TypeError: a name in it means nothing.
    """
    text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
    module: Any = getattr(annotation, "__forward_module__", None)
    names = {**vars_of_module(within if module is None else module), **names_around(within)}
    try:
        # Names in the order in which they are looked up, last first.
        return eval(text, {**vars(typing), **_names_of_callers(), **names})  # noqa: S307 - as typing.get_type_hints does
    except NameError as error:
        raise TypeError(f"the annotation {text!r} has no JSON Schema: {error}") from None
    except SyntaxError as error:
        raise TypeError(f"{text!r} is no annotation: {error.msg}") from None


def generic_bindings(type_: Any, outer: dict[Any, Any]) -> dict[Any, Any]:
    """Return what stands for the type variables of a generic class and of its bases."""
    origin = typing.get_origin(type_) or type_
    args = [bound(arg, outer) for arg in typing.get_args(type_)]
    bindings = dict(zip(getattr(origin, "__parameters__", ()), args, strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        inner = typing.get_origin(base)
        if isinstance(inner, type) and inner is not typing.Generic:
            bindings = {**generic_bindings(base, {**outer, **bindings}), **bindings}
    return bindings


def bound(arg: Any, bindings: dict[Any, Any]) -> Any:
    """Return a type with what stands for the type variables in it."""
    if isinstance(arg, typing.TypeVar):
        return bindings.get(arg, arg)
    variables: Any = getattr(arg, "__parameters__", ()) if typing.get_origin(arg) is not None else ()
    return arg[tuple(bindings.get(one, one) for one in variables)] if variables else arg

"""A Griffe extension that makes the stubs the source of the reference.

Griffe reads a stub as a side note to the module beside it: it keeps the signatures of the module, and a function whose
every definition in a stub is an overload has no entry at all. Here the stub comes first, and an overloaded function
appears with its last signature, which is the widest, and with the first docstring among its overloads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import griffe

# In every parameter's type, and of no interest to readers: they leave the parameter out.
LEFT_OUT = {"_Missing", "NotGiven", "Omit"}


class Stubs(griffe.Extension):
    """Puts each stub in the place of its module."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: Any) -> None:
        for module in [pkg, *_modules(pkg)]:
            path = module.filepath
            if isinstance(path, Path) and path.with_suffix(".pyi").exists():
                _replace(module, path.with_suffix(".pyi"), loader)


def _modules(module: griffe.Module) -> list[griffe.Module]:
    return [inner for child in module.modules.values() for inner in (child, *_modules(child))]


def _replace(module: griffe.Module, stub: Path, loader: griffe.GriffeLoader) -> None:
    visited = griffe.visit(
        module.name,
        filepath=stub,
        code=stub.read_text("utf-8"),
        parent=module.parent,
        docstring_parser=loader.docstring_parser,
        docstring_options=loader.docstring_options,
        lines_collection=loader.lines_collection,
        modules_collection=loader.modules_collection,
    )
    for name, submodule in module.modules.items():
        visited.members[name] = submodule
    _tidy(visited)
    if module.parent is not None:
        module.parent.members[module.name] = visited  # as an item it would be merged with the module


def _tidy(scope: griffe.Module | griffe.Class) -> None:
    for name, overloads in scope.overloads.items():
        if overloads and name not in scope.members:
            shown = overloads[-1]
            shown.docstring = next((one.docstring for one in overloads if one.docstring), None)
            scope[name] = shown
    if "__new__" in scope.members:
        # The constructor of an extension class, which readers know as `__init__`.
        constructor = scope.members.pop("__new__")
        constructor.name = "__init__"
        scope.members["__init__"] = constructor
    scope.members = dict(sorted(scope.members.items(), key=lambda member: _line(member[1])))
    for member in scope.members.values():
        if isinstance(member, griffe.Function):
            for parameter in member.parameters:
                parameter.annotation = _shortened(parameter.annotation)
        elif isinstance(member, griffe.Class):
            _tidy(member)


def _line(member: griffe.Object | griffe.Alias) -> int:
    return (member.alias_lineno if isinstance(member, griffe.Alias) else member.lineno) or 0


def _shortened(annotation: str | griffe.Expr | None) -> str | griffe.Expr | None:
    if not isinstance(annotation, griffe.ExprBinOp) or annotation.operator != "|":
        return annotation
    left, right = _shortened(annotation.left), _shortened(annotation.right)
    if str(right) in LEFT_OUT:
        return left
    if str(left) in LEFT_OUT:
        return right
    return griffe.ExprBinOp(left or "None", "|", right or "None")

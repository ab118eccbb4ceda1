"""What a docstring says of a function and of its parameters, in the styles of Google, NumPy and reStructuredText."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARAMETERS = {
    "args",
    "arguments",
    "attributes",
    "keyword args",
    "keyword arguments",
    "other parameters",
    "parameters",
    "params",
}
_SECTIONS = _PARAMETERS | {
    "example",
    "examples",
    "except",
    "exceptions",
    "note",
    "notes",
    "raises",
    "references",
    "return",
    "returns",
    "see also",
    "todo",
    "warning",
    "warnings",
    "warns",
    "yield",
    "yields",
}
_UNDERLINE = re.compile(r"\s*(-{3,}|={3,})\s*\Z")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:(?!\S)\s*(.*)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?\Z")
_FIELD = re.compile(r":(\w+)(?:\s+([^:]*))?:(?!\S)\s*(.*)")
_PARAMETER_FIELDS = {"param", "parameter", "arg", "argument", "key", "keyword", "kwarg"}


class Docstring(NamedTuple):
    """What was read of a docstring.

    Attributes:
        description: the text before its first section.
        parameters: what it says of each parameter.
    """

    description: str
    parameters: dict[str, str]


def parse(text: str | None) -> Docstring:
    """Read a docstring."""
    lines = cleandoc(text or "").splitlines()
    if lines and _is_headed(lines[0]) and min((_indent(line) for line in lines[1:] if line.strip()), default=1) == 0:
        # Of a docstring that is one section alone, cleaning took its indent.
        lines[1:] = [f"    {line}" for line in lines[1:]]
    first = next((at for at in range(len(lines)) if _begins_section(lines, at)), len(lines))
    found: dict[str, list[str]] = {}
    at = first
    while at < len(lines):
        end = next((next_ for next_ in range(at + 1, len(lines)) if _begins_section(lines, next_)), len(lines))
        for name, parts in _parameters(lines[at:end]):
            found.setdefault(name, parts)
        at = end
    parameters = {name: " ".join(" ".join(parts).split()) for name, parts in found.items()}
    return Docstring("\n".join(lines[:first]).strip(), {name: said for name, said in parameters.items() if said})


def _begins_section(lines: list[str], at: int) -> bool:
    line = lines[at]
    if line.startswith(":"):
        return _FIELD.match(line) is not None
    if _is_underlined(lines, at):
        return True
    if not _is_headed(line):
        return False
    below = next((below for below in lines[at + 1 :] if below.strip()), "")
    return _indent(below) > _indent(line)


def _is_headed(line: str) -> bool:
    return line.endswith(":") and line[:-1].strip().lower() in _SECTIONS


def _is_underlined(lines: list[str], at: int) -> bool:
    return (
        at + 1 < len(lines) and lines[at].strip().lower() in _SECTIONS and _UNDERLINE.match(lines[at + 1]) is not None
    )


def _parameters(section: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Give the parameters of a section, each with the lines that are said of it."""
    head = section[0].strip()
    field = _FIELD.match(head)
    if field is not None:
        # The type may stand before the name: `:param int days: how many`.
        name = (field[2] or "").split()[-1:]
        if field[1] in _PARAMETER_FIELDS and name:
            yield name[0].lstrip("*\\"), [field[3], *_indented(section[1:])]
        return
    if head.rstrip(":").lower() not in _PARAMETERS:
        return
    underlined = _is_underlined(section, 0)
    entry = _NUMPY_ENTRY if underlined else _GOOGLE_ENTRY
    body = section[2:] if underlined else _indented(section[1:])
    margin = min((_indent(line) for line in body if line.strip()), default=0)
    names: list[str] = []
    said: list[str] = []
    for line in body:
        begun = entry.match(line.strip()) if _indent(line) == margin and line.strip() else None
        if begun is None:
            said.append(line)
            continue
        yield from ((name, said) for name in names)
        names = [name.strip().lstrip("*") for name in begun[1].split(",")]
        said = [begun[2]] if not underlined else []
    yield from ((name, said) for name in names)


def _indented(lines: list[str]) -> list[str]:
    """Return the lines up to the first that is not indented."""
    end = next((at for at, line in enumerate(lines) if line.strip() and not line[0].isspace()), len(lines))
    return lines[:end]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())

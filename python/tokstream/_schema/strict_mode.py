"""A JSON Schema as strict mode wants it, and the references within one."""

from __future__ import annotations

from typing import Any

from tokstream._typing import is_dict, is_list

# Keywords whose values are schemas by name, lists of schemas, and schemas.
_MAPS = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLES = frozenset({"items", "additionalProperties", "not"})


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema as strict mode wants it; the one given stays as it is.

    Objects are closed (`additionalProperties: false`) where nothing else is said, all their properties are required,
    and a `$ref` stands alone: one with a description beside it is replaced by what it refers to.
    """
    made: dict[str, Any] = _strict(schema, schema, ())
    return made


def _strict(schema: Any, root: dict[str, Any], opened: tuple[str, ...]) -> Any:
    if not is_dict(schema):
        return schema
    ref = schema.get("$ref")
    if isinstance(ref, str) and len(schema) > 1:
        target = resolve(ref, root)
        if ref in opened:
            return {"$ref": ref}
        if is_dict(target):
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return _strict({**target, **beside}, root, (*opened, ref))
    made = {key: _strict_part(key, value, root, opened) for key, value in schema.items()}
    if made.get("default", made) is None:
        del made["default"]
    if made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    if is_dict(made.get("properties")):
        made["required"] = list(made["properties"])
    parts = made.get("allOf")
    if is_list(parts) and len(parts) == 1 and is_dict(parts[0]):
        del made["allOf"]
        made.update(parts[0])
    return made


def _strict_part(key: str, value: Any, root: dict[str, Any], opened: tuple[str, ...]) -> Any:
    if key in _MAPS and is_dict(value):
        return {name: _strict(inner, root, opened) for name, inner in value.items()}
    if key in _LISTS and is_list(value):
        return [_strict(inner, root, opened) for inner in value]
    return _strict(value, root, opened) if key in _SINGLES else value


def resolve(ref: str, root: dict[str, Any]) -> Any:
    """Return what a reference within a schema refers to; `None` if that is nothing."""
    if ref == "#":
        return root
    found: Any = root
    for key in ref.split("/")[1:] if ref.startswith("#/") else [""]:
        found = found.get(key.replace("~1", "/").replace("~0", "~")) if is_dict(found) else None
    return found

"""Types as strict JSON Schema."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, Union

import annotated_types
import pydantic
import pytest
import typing_extensions

from schema_types import (
    INTEGER,
    NULL,
    STRING,
    Box,
    Color,
    IntBox,
    Json,
    Level,
    Name,
    Newer,
    Options,
    Pair,
    Point,
    Tree,
    closed,
    named,
)
from tokstream._schema import json_schema


@dataclasses.dataclass
class Documented:
    """What it is.

    And more.
    """

    a: Annotated[int, "the first"]
    b: Annotated[Tree, "the second"]
    c: str = dataclasses.field(default="x", metadata={"description": "the third"})
    d: Annotated[str, typing_extensions.Doc("the fourth")] = ""
    e: dataclasses.InitVar[int] = 1
    f: int = dataclasses.field(default=1, init=False)


@pytest.mark.parametrize(
    ("type_", "schema"),
    [
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, NULL),
        (Any, {}),
        (object, {}),
        (Name, STRING),
        (int | None, {"anyOf": [INTEGER, NULL]}),
        (Optional[int], {"anyOf": [INTEGER, NULL]}),  # noqa: UP045 - both spellings
        (Union[int, str], {"anyOf": [INTEGER, STRING]}),  # noqa: UP007
        (list, {"type": "array", "items": {}}),
        (list[int], {"type": "array", "items": INTEGER}),
        (typing.List[int], {"type": "array", "items": INTEGER}),  # noqa: UP006
        (Sequence[int], {"type": "array", "items": INTEGER}),
        (set[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (tuple, {"type": "array", "items": {}}),
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (tuple[int, str], {"type": "array", "prefixItems": [INTEGER, STRING], "minItems": 2, "maxItems": 2}),
        (tuple[()], {"type": "array", "minItems": 0, "maxItems": 0}),
        (dict, {"type": "object", "additionalProperties": True}),
        (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (Mapping[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (dict[int, int], {"type": "object", "additionalProperties": INTEGER}),
        (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
        (Literal["a"], {"const": "a", "type": "string"}),
        (Literal["a", 1, None], {"enum": ["a", 1, None]}),  # noqa: PYI061
        (Literal[Color.RED], {"const": "red", "type": "string"}),
        (Color, {"description": "A color.", "enum": ["red", "blue"], "type": "string"}),
        (Level, {"enum": [1, 2], "type": "integer"}),
        (dt.datetime, {"type": "string", "format": "date-time"}),
        (dt.date, {"type": "string", "format": "date"}),
        (dt.time, {"type": "string", "format": "time"}),
        (dt.timedelta, {"type": "string", "format": "duration"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (decimal.Decimal, {"type": "string", "format": "decimal"}),
        (Annotated[int, "a count"], {"type": "integer", "description": "a count"}),
        (Annotated[int, annotated_types.Ge(1)], {"type": "integer", "minimum": 1}),
        (
            Annotated[int, annotated_types.Interval(gt=0, lt=9)],
            {**INTEGER, "exclusiveMinimum": 0, "exclusiveMaximum": 9},
        ),
        (Annotated[str, annotated_types.Len(1, 3)], {"type": "string", "minLength": 1, "maxLength": 3}),
        (Annotated[list[int], annotated_types.MaxLen(3)], {"type": "array", "items": INTEGER, "maxItems": 3}),
        (Point, closed(x=INTEGER, y={"type": "number"})),
        (Options, closed(a=INTEGER, b={"anyOf": [STRING, NULL]}, c={"anyOf": [INTEGER, NULL]})),
        (Newer, closed(a=INTEGER, b={"anyOf": [{**STRING, "description": "B"}, NULL]}, c=INTEGER)),
        (Box[int], closed(content=INTEGER, spare={"anyOf": [INTEGER, NULL]})),
        (IntBox, closed(content=INTEGER, spare={"anyOf": [INTEGER, NULL]}, label=STRING)),
        (Pair[int], {"type": "array", "prefixItems": [INTEGER, INTEGER], "minItems": 2, "maxItems": 2}),
    ],
    ids=named,
)
def test_a_type_has_a_schema(type_, schema):
    assert json_schema(type_) == schema


def test_a_recursive_type_refers_to_itself():
    tree = {
        "description": "A tree.",
        **closed(value=INTEGER, children={"type": "array", "items": {"$ref": "#/$defs/Tree"}}),
    }
    assert json_schema(Tree) == {**tree, "$defs": {"Tree": tree}}
    assert json_schema(list[Tree]) == {"type": "array", "items": {"$ref": "#/$defs/Tree"}, "$defs": {"Tree": tree}}
    assert json_schema(Json)["$defs"]["Json"]["anyOf"][0] == {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/Json"},
    }


def test_descriptions():
    schema = json_schema(Documented)
    assert schema["description"] == "What it is.\n\nAnd more."
    assert list(schema["properties"]) == ["a", "b", "c", "d", "e"]
    assert [schema["properties"][name]["description"] for name in "abcd"] == [
        "the first",
        "the second",
        "the third",
        "the fourth",
    ]
    # In strict mode nothing may stand beside a reference.
    assert "$ref" not in schema["properties"]["b"]
    assert schema["properties"]["b"]["properties"]["value"] == INTEGER


@pytest.mark.parametrize(
    "type_",
    [
        object(),
        3,
        "Nope",
        list["Nope"],  # noqa: F821 - there is none
        complex,
        range,
        lambda: 1,
        typing.Callable[[int], int],
        typing.Iterator[int],
        dict[tuple[int, int], int],
        Literal[b"x"],
        enum.Enum("Odd", {"A": object()}),
        dataclasses.make_dataclass("Held", [("field_of_it", complex)]),
        pydantic.create_model("Holding", field_of_it=(typing.Callable[[int], int], ...)),
    ],
    ids=lambda type_: named(type_)[:40],
)
def test_a_type_without_a_schema(type_):
    with pytest.raises(TypeError, match="JSON Schema"):
        json_schema(type_)


def test_where_a_type_without_a_schema_is():
    holder = dataclasses.make_dataclass("Holder", [("a", list[complex])])
    with pytest.raises(TypeError, match=r"complex.*a field of Holder"):
        json_schema(dict[str, holder])

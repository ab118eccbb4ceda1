"""JSON Schemas that a caller gives: made strict, and held against plain data."""

from __future__ import annotations

import copy
import json

import pytest

from schema_types import INTEGER, Box, Options, Recursive, Tree, closed
from shapes import Model
from tokstream._schema import Invalid, json_schema, strict
from tokstream._schema.check import check_json


def test_a_given_schema_becomes_strict():
    given = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/$defs/A", "description": "d"},
            "b": {"anyOf": [{"type": "object", "properties": {"x": {}}}]},
            "c": {"type": "array", "items": {"type": "object", "properties": {"default": {"default": None}}}},
            "d": {"allOf": [{"type": "string"}]},
        },
        "$defs": {"A": {"type": "object", "properties": {"next": {"$ref": "#/$defs/A", "title": "t"}}}},
    }
    before = copy.deepcopy(given)
    made = strict(given)
    assert given == before
    assert made["required"] == ["a", "b", "c", "d"]
    assert made["properties"]["a"]["description"] == "d"
    assert made["properties"]["a"]["additionalProperties"] is False
    assert made["properties"]["a"]["properties"]["next"] == {"$ref": "#/$defs/A"}
    assert made["properties"]["b"]["anyOf"][0]["required"] == ["x"]
    assert made["properties"]["c"]["items"]["properties"]["default"] == {}
    assert made["properties"]["d"] == {"type": "string"}


def test_a_given_schema_that_is_strict_stays_as_it_is():
    for type_ in (Model, Recursive, Tree, Options, list[Box[int]]):
        assert strict(json_schema(type_)) == json_schema(type_)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, ["1", "1.0"], ["true", "1.5", '"1"']),
        ({"type": ["string", "null"]}, ["null", '"a"'], ["1"]),
        ({"enum": [1, "a"]}, ["1", '"a"'], ["true", '"b"']),
        ({"const": 0}, ["0"], ["false"]),
        ({"minimum": 1, "maximum": 3}, ["1", '"x"'], ["0", "4"]),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 3}, ["2"], ["1", "3"]),
        ({"multipleOf": 2}, ["4"], ["3"]),
        ({"minLength": 1, "maxLength": 2, "pattern": "^a"}, ['"ab"'], ['""', '"abc"', '"b"']),
        ({"pattern": "(?<x"}, ['"a"'], []),
        ({"items": {"type": "integer"}, "minItems": 1, "maxItems": 2}, ["[1]", "{}"], ["[]", '["a"]', "[1, 2, 3]"]),
        ({"prefixItems": [{"type": "integer"}], "items": False}, ["[1]", "[]"], ['["a"]', "[1, 2]"]),
        ({"uniqueItems": True}, ["[1, 2]"], ["[1, 1]"]),
        ({"required": ["a"], "properties": {"a": {"type": "null"}}}, ['{"a": null, "b": 1}'], ["{}", '{"a": 1}']),
        ({"additionalProperties": {"type": "integer"}}, ['{"a": 1}'], ['{"a": "x"}']),
        ({"properties": {}, "additionalProperties": False}, ["{}"], ['{"a": 1}']),
        ({"anyOf": [{"type": "integer"}, {"required": ["a"], "type": "object"}]}, ["1", '{"a": 1}'], ["{}", '"x"']),
        ({"allOf": [{"type": "integer"}, {"minimum": 2}]}, ["2"], ["1", '"x"']),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, ["1"], ['"x"']),
        ({"type": "array", "items": {"$ref": "#"}}, ["[[], [[]]]"], ["[1]"]),
        ({"$ref": "#/nowhere"}, ["1"], []),
        ({"$ref": "#"}, [], ["1"]),
        ({"type": "unheard of", "enum": "x", "properties": 1, "anyOf": 2, "minimum": "y"}, ["1", "{}"], []),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_plain_data_is_held_against_its_schema(schema, good, bad):
    for text in good:
        assert check_json(schema, text) == json.loads(text)
    for text in bad:
        with pytest.raises(Invalid):
            check_json(schema, text)


def test_where_plain_data_does_not_fit():
    schema = {"properties": {"a": {"items": {"anyOf": [{"type": "null"}, closed(x=INTEGER)]}}}}
    with pytest.raises(Invalid) as caught:
        check_json(schema, '{"a": [null, {"x": 1}, {"x": "y"}]}')
    assert [reason.path for reason in caught.value.reasons] == ["a[2].x"]


def test_many_items_of_which_none_comes_twice():
    assert len(check_json({"uniqueItems": True}, json.dumps(list(range(100_000))))) == 100_000

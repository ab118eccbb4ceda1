"""Decoded JSON as values of types, and what is wrong with what is none."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime as dt
import decimal
import ipaddress
import json
import pathlib
import pickle
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import annotated_types
import attrs
import pytest
from hypothesis import given, strategies as st

from schema_types import Box, Cat, Color, Dog, IntBox, Json, Level, Name, Newer, Options, Pair, Pet, Point, Tree, named
from shapes import OSLO, Data, Model, Named, Struct, Typed
from tokstream._schema import Invalid, Reason, json_schema, strict, validate, validate_json
from tokstream._schema.check import check_json

# --- What fits ---


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (int, "1.0", 1),
        (float, "1", 1.0),
        (int | float, "1", 1),
        (int | float, "1.5", 1.5),
        (float | int, "1", 1),
        (bool | int, "true", True),
        (int | bool, "true", True),
        (Level, "2", Level.HIGH),
        (Level, "2.0", Level.HIGH),
        (Literal[1, True], "true", True),
        (Name, '"x"', "x"),
        (tuple[int, str], '[1, "a"]', (1, "a")),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (set[int], "[1, 1]", {1}),
        (frozenset[str], '["a"]', frozenset("a")),
        (collections.deque[int], "[1]", collections.deque([1])),
        (Sequence[int], "[1]", [1]),
        (dict[int, str], '{"1": "a"}', {1: "a"}),
        (dict[Color, int], '{"red": 1}', {Color.RED: 1}),
        (dict[Literal["a"], int], '{"a": 1}', {"a": 1}),
        (collections.OrderedDict[str, int], '{"a": 1}', collections.OrderedDict(a=1)),
        (dt.datetime, '"2026-01-02T03:04:05Z"', dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)),
        (dt.datetime, '"2026-01-02T03:04:05.5+01:00"', dt.datetime.fromisoformat("2026-01-02T03:04:05.500000+01:00")),
        (dt.date, '"2026-01-02"', dt.date(2026, 1, 2)),
        (dt.time, '"03:04:05"', dt.time(3, 4, 5)),
        (dt.timedelta, '"P1DT2H3M4.5S"', dt.timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        (dt.timedelta, '"-PT1M"', dt.timedelta(minutes=-1)),
        (dt.timedelta, "90", dt.timedelta(seconds=90)),
        (uuid.UUID, '"12345678123456781234567812345678"', uuid.UUID("12345678123456781234567812345678")),
        (decimal.Decimal, "1.10", decimal.Decimal("1.1")),
        (decimal.Decimal, '"1.10"', decimal.Decimal("1.10")),
        (bytes, '"aGk="', b"hi"),
        (pathlib.Path, '"/a"', pathlib.Path("/a")),
        (ipaddress.IPv4Address, '"127.0.0.1"', ipaddress.IPv4Address("127.0.0.1")),
        (Options, '{"a": 1, "b": null, "c": null, "x": 1}', {"a": 1, "c": None}),
        (Newer, '{"a": 1, "b": "x", "c": 2}', {"a": 1, "b": "x", "c": 2}),
        (Point, '{"x": 1, "y": 2}', Point(1, 2.0)),
        (Point, "[1]", Point(1)),
        (Tree, '{"value": 1, "children": [{"value": 2}]}', Tree(1, [Tree(2)])),
        (Box[Box[int]], '{"content": {"content": 1}}', Box(Box(1))),
        (IntBox, '{"content": 1, "label": "x"}', IntBox(1, None, "x")),
        (Json, '{"a": [1, "x", null]}', {"a": [1, "x", None]}),
        (Pair[int], "[1, 2]", (1, 2)),
        (Annotated[int, annotated_types.Ge(1)], "1", 1),
        (Pet, '{"kind": "dog"}', Dog(kind="dog")),
        (list[Pet], '[{"kind": "cat", "lives": 9}]', [Cat(kind="cat", lives=9)]),
        # Of several objects the one that knows the most keys.
        (Point | Data, OSLO, Data("Oslo", 700)),
        (Data | Box[int], '{"content": 1}', Box(1)),
    ],
    ids=named,
)
def test_a_text_becomes_a_value(type_, text, value):
    got = validate_json(type_, text)
    assert got == value
    assert type(got) is type(value)
    again = validate(type_, json.loads(text))
    assert again == value


def test_named_and_typed_shapes_are_plain():
    assert validate_json(Typed, OSLO) == {"name": "Oslo", "people": 700}
    assert validate_json(Named, OSLO) == Named("Oslo", 700)


def test_unions_keep_their_order_and_read_a_number_as_what_it_is():
    for type_, order in ((int | float, ["integer", "number"]), (float | int, ["number", "integer"])):
        assert [part["type"] for part in json_schema(dict[str, type_])["additionalProperties"]["anyOf"]] == order
        assert [type(validate_json(type_, text)) for text in ("1", "1.5")] == [int, float]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_plain_data_stays_what_it_is(value):
    assert validate_json(Json, json.dumps(value)) == value
    assert validate_json(Any, json.dumps(value)) == value


# --- What does not ---


@pytest.mark.parametrize(
    ("type_", "text", "path", "complaint"),
    [
        (int, "true", "", "expected an integer, and there is true"),
        (int, "1.5", "", "expected an integer, and there is the number 1.5"),
        (float, '"1"', "", "expected a number"),
        (str, "null", "", "expected a string, and there is null"),
        (bool, "1", "", "expected true or false"),
        (Color, '"green"', "", "'red', 'blue'"),
        (Level, "true", "", "expected one of 1, 2"),
        (list[int], '[1, "x"]', "[1]", "integer"),
        (tuple[int, str], "[1]", "", "an array of 2"),
        (dict[str, int], '{"a": {}}', "a", "an integer, and there is an object"),
        (dict[int, int], '{"x": 1}', "x", "integer"),
        (int | None, '"x"', "", "expected an integer or null, and there is the string 'x'"),
        (int | Data, '{"name": "x"}', "people", "it is missing"),
        (int | list[int], '["x"]', "[0]", "integer"),
        (Tree, '{"value": 1, "children": [{"value": "x"}]}', "children[0].value", "integer"),
        (Tree, "[]", "", "an object (Tree)"),
        (Options, "{}", "a", "it is missing"),
        (Newer, '{"a": 1, "b": 1, "c": 1}', "b", "string"),
        (dt.date, '"tomorrow"', "", "a date"),
        (dt.date, '"2026-02-30"', "", "a date"),
        (dt.timedelta, '"P"', "", "a duration"),
        (dt.timedelta, "1e300", "", "a duration"),
        (uuid.UUID, '"x"', "", "a UUID"),
        (decimal.Decimal, '"x"', "", "a decimal number"),
        (bytes, '"*"', "", "base64"),
        (Annotated[int, annotated_types.Ge(1)], "0", "", "at least 1"),
        (Annotated[str, annotated_types.Len(2)], '"a"', "", "length of 2"),
        (Annotated[int, annotated_types.Predicate(lambda n: n % 2)], "2", "", "holds"),
        (set[Any], "[[]]", "", "unhashable"),
        (Model, '{"name": "x", "people": "many"}', "people", "integer"),
        (Struct, '{"name": "x", "people": "many"}', "people", "int"),
        (list[Struct], "[{}]", "[0]", "name"),
        (Cat, '{"kind": "cat", "lives": 10}', "lives", "less than or equal to 9"),
        (dict[str, Struct | Model], '{"a": 1}', "a", "there is the number 1"),
        (Json, '{"a": true}', "a", "there is true"),
    ],
    ids=named,
)
def test_what_is_wrong_with_a_text(type_, text, path, complaint):
    with pytest.raises(Invalid) as caught:
        validate_json(type_, text)
    assert [reason.path for reason in caught.value.reasons] == [path]
    assert complaint in caught.value.reasons[0].complaint
    assert complaint in str(caught.value)


def test_all_that_is_wrong_is_told():
    with pytest.raises(Invalid) as caught:
        validate(list[Data], [{"name": 1, "people": "x"}, {}, 3])
    assert [reason.path for reason in caught.value.reasons] == [
        "[0].name",
        "[0].people",
        "[1].name",
        "[1].people",
        "[2]",
    ]
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.reasons == caught.value.reasons == copy.copy(caught.value).reasons
    assert str(Reason("", "x")) == "x"
    assert str(Reason("a[0]", "x")) == "a[0]: x"


def test_what_a_class_says_against_its_values():
    @dataclasses.dataclass
    class Positive:
        value: int

        def __post_init__(self) -> None:
            if self.value < 1:
                raise ValueError(f"{self.value} is not positive")

    @attrs.define
    class Even:
        _value: int = attrs.field(validator=attrs.validators.instance_of(int))

        @_value.validator
        def _(self, _: Any, value: int) -> None:
            assert value % 2 == 0, "odd"

    with pytest.raises(Invalid, match=r"\[0\]: 0 is not positive"):
        validate(list[Positive], [{"value": 0}])
    with pytest.raises(Invalid, match="odd"):
        validate(Even, {"value": 1})
    assert validate(Even, {"value": 2}) == Even(2)


@pytest.mark.parametrize("type_", [Json, Tree, Any, list[Any], Model, Struct], ids=named)
@pytest.mark.parametrize(
    "text", ["", " ", "{", "[" * 100_000, "NaN", "[Infinity]", "1" * 5000, "\ud800", '"\n"', "{}x"]
)
def test_texts_that_are_no_json(type_, text):
    with pytest.raises(Invalid):
        validate_json(type_, text)


def test_values_that_are_nested_too_deeply():
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Invalid, match="deep"):
        validate(Json, value)


@dataclasses.dataclass
class Left:
    next: Left | Right | None
    side: Literal["left"] = "left"


@dataclasses.dataclass
class Right:
    next: Right | Left | None
    side: Literal["right"] = "right"


def test_unions_within_unions_are_tried_once_each():
    text = '{"next": ' * 60 + "1" + "}" * 60
    with pytest.raises(Invalid):
        validate_json(Left, text)
    schema = strict(json_schema(Left))
    with pytest.raises(Invalid):
        check_json(schema, text)
    good = text.replace("1", "null")
    assert isinstance(validate_json(Left | Right, good), Left)


def test_a_check_that_fails_itself():
    broken = Annotated[int, annotated_types.Predicate(lambda n: 1 / n > 0)]
    with pytest.raises(Invalid):
        validate(broken, 0)
    for type_ in (Annotated[float, annotated_types.MultipleOf(0.1)], Annotated[int, annotated_types.MultipleOf(0.5)]):
        with pytest.raises(Invalid):
            validate_json(type_, "1" * 400)
    assert validate(Annotated[float, annotated_types.MultipleOf(0.1)], 0.3) == 0.3

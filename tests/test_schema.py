"""Types as strict JSON Schema, and decoded JSON as values of types."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import importlib
import importlib.util
import ipaddress
import json
import pathlib
import pickle
import subprocess
import sys
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import annotated_types
import attrs
import msgspec
import openai
import openai.lib._pydantic
import pydantic
import pytest
import typing_extensions
from hypothesis import given, strategies as st

import tokstream
from shapes import OSLO, SHAPES, Attrs, Data, Model, Named, PydanticData, Struct, Typed, a_city
from tokstream._schema import Invalid, Reason, json_schema, strict, validate, validate_json
from tokstream._schema.check import check_json

T = TypeVar("T")
Name = NewType("Name", str)
Json = typing_extensions.TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | None")
Pair = typing_extensions.TypeAliasType("Pair", tuple[T, T], type_params=(T,))


def named(value):
    """What names a test: the same in every process."""
    return repr(value).partition(" at 0x")[0]


class Color(enum.Enum):
    """A color."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Tree:
    """A tree."""

    value: int
    children: list[Tree] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Box(Generic[T]):
    content: T
    spare: T | None = None


@dataclasses.dataclass
class IntBox(Box[int]):
    label: str = ""


class Options(TypedDict, total=False):
    a: typing_extensions.Required[int]
    b: str
    c: int | None


class Newer(typing_extensions.TypedDict):
    a: int
    b: typing_extensions.NotRequired[Annotated[str, "B"]]
    c: typing_extensions.ReadOnly[int]


class Point(NamedTuple):
    x: int
    y: float = 0.5


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


class Recursive(pydantic.BaseModel):
    name: str = pydantic.Field(description="its name")
    inner: Recursive | None = pydantic.Field(None, description="what is in it")
    data: Data
    kinds: list[Literal["a", "b"]] = ["a"]
    color: Color = Color.RED


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, pydantic.Field(ge=1, le=9)]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


INTEGER, STRING, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}


# --- Schemas ---


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


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_each_library_says_the_same(shape):
    schema = json_schema(shape)
    assert schema["type"] == "object"
    assert schema["required"] == ["name", "people"]
    assert schema["additionalProperties"] is False
    assert {name: inner["type"] for name, inner in schema["properties"].items()} == {
        "name": "string",
        "people": "integer",
    }


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
    assert list(schema["properties"]) == ["a", "b", "c", "d"]
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
    [Model, PydanticData, Recursive, Cat, pydantic.create_model("Made", a=(int, 1), b=(list[Cat], ...), c=(Pet, ...))],
    ids=lambda type_: type_.__name__,
)
def test_a_schema_of_pydantic_is_what_openai_python_sends(type_):
    theirs = type_ if issubclass(type_, pydantic.BaseModel) else pydantic.TypeAdapter(type_)
    assert json_schema(type_) == openai.lib._pydantic.to_strict_json_schema(theirs)


@pytest.mark.parametrize("library", [Model, Struct])
def test_types_of_libraries_in_plain_ones(library):
    @dataclasses.dataclass
    class Holder:
        one: library  # type: ignore[valid-type]
        many: dict[str, library]  # type: ignore[valid-type]

    schema = json_schema(Holder)
    assert schema["properties"]["one"] == {"$ref": f"#/$defs/{library.__name__}"}
    assert schema["$defs"][library.__name__]["additionalProperties"] is False
    value = validate_json(Holder, f'{{"one": {OSLO}, "many": {{"a": {OSLO}}}}}')
    assert value == Holder(a_city(library), {"a": a_city(library)})


class Holder(TypedDict):
    model: Model
    more: typing_extensions.NotRequired[list[Model]]


def test_what_pydantic_does_not_take_is_read_around_it():
    # Before Python 3.12 pydantic refuses the TypedDict of typing.
    schema = json_schema(list[Holder])
    assert schema["$defs"]["Model"]["additionalProperties"] is False
    assert validate(list[Holder], [{"model": {"name": "x", "people": 1}}]) == [{"model": Model(name="x", people=1)}]


def test_libraries_mixed():
    schema = json_schema(list[Model | Struct | Data | Attrs])
    assert [item["$ref"] for item in schema["items"]["anyOf"]] == [
        f"#/$defs/{name}" for name in ("Model", "Struct", "Data", "Attrs")
    ]
    assert all(schema["$defs"][name]["additionalProperties"] is False for name in schema["$defs"])
    assert validate(dict[str, Model | Struct], {"a": {"name": "x", "people": 1}}) == {"a": Model(name="x", people=1)}


def test_two_classes_of_one_name():
    def make(type_: Any) -> Any:
        return dataclasses.make_dataclass("Same", [("a", type_)])

    schema = json_schema(tuple[make(int), make(str)])  # type: ignore[misc]
    assert [item["$ref"] for item in schema["prefixItems"]] == ["#/$defs/Same", "#/$defs/Same_2"]
    assert schema["$defs"]["Same_2"] == closed(a=STRING)

    one, other = (pydantic.create_model("Same", a=(type_, ...)) for type_ in (int, str))
    struct = msgspec.defstruct("Same", [("a", bool)])
    schema = json_schema(tuple[one, other, struct])  # type: ignore[valid-type]
    assert len(schema["$defs"]) == 3
    assert validate_json(tuple[one, other, struct], '[{"a": 1}, {"a": "x"}, {"a": true}]') == (  # type: ignore[valid-type]
        one(a=1),
        other(a="x"),
        struct(True),
    )


def test_classes_of_a_function():
    @dataclasses.dataclass
    class Outer:
        inner: Inner
        again: Outer | None = None

    @dataclasses.dataclass
    class Inner:
        value: int

    assert validate_json(Outer, '{"inner": {"value": 1}}') == Outer(Inner(1))
    assert validate_json(list["Inner"], '[{"value": 1}]') == [Inner(1)]


def test_a_name_means_what_it_means_where_it_was_written(tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text(
        "from __future__ import annotations\nimport dataclasses\n"
        "@dataclasses.dataclass\nclass Point:\n    far: str\n"
        "@dataclasses.dataclass\nclass Base:\n    point: Point\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    elsewhere = importlib.import_module("elsewhere")

    @dataclasses.dataclass
    class Derived(elsewhere.Base):  # type: ignore[misc,name-defined]
        point2: Point
        other: Local | None = None

    @dataclasses.dataclass
    class Local:
        derived: Derived | None = None

    value = validate(Derived, {"point": {"far": "x"}, "point2": {"x": 1}, "other": {}})
    assert value == Derived(elsewhere.Point("x"), Point(1), Local())

    class Color(enum.Enum):
        GREEN = "green"

    @dataclasses.dataclass
    class Painted:
        color: Color

    assert validate(Painted, {"color": "green"}) == Painted(Color.GREEN)


def test_unions_keep_their_order_and_read_a_number_as_what_it_is():
    for type_, order in ((int | float, ["integer", "number"]), (float | int, ["number", "integer"])):
        assert [part["type"] for part in json_schema(dict[str, type_])["additionalProperties"]["anyOf"]] == order
        assert [type(validate_json(type_, text)) for text in ("1", "1.5")] == [int, float]


Items = typing_extensions.TypeAliasType("Items", list[T], type_params=(T,))


@dataclasses.dataclass
class Shelf(Generic[T]):
    box: Box[list[T]]
    items: Items[T]


def test_what_stands_for_a_type_variable_stands_for_it_at_every_depth():
    @dataclasses.dataclass
    class Room:
        numbers: Shelf[int]
        words: Shelf[str]

    read = {"numbers": {"box": {"content": [1]}, "items": [2]}, "words": {"box": {"content": ["a"]}, "items": ["b"]}}
    assert validate(Room, read) == Room(Shelf(Box([1]), [2]), Shelf(Box(["a"]), ["b"]))
    with pytest.raises(Invalid) as caught:
        validate(Room, {**read, "numbers": read["words"]})
    assert [reason.path for reason in caught.value.reasons] == ["numbers.box.content[0]", "numbers.items[0]"]


def test_classes_of_the_same_name_are_different_ones():
    def made(type_):
        return dataclasses.make_dataclass("Made", [("x", type_)])

    number, word = made(int), made(str)
    both = dataclasses.make_dataclass("Both", [("a", Box[number]), ("b", Box[word])])
    assert validate(both, {"a": {"content": {"x": 1}}, "b": {"content": {"x": "y"}}}) == both(
        Box(number(1)), Box(word("y"))
    )
    twin = made(int)
    assert [type(validate(type_, {"x": 1})) for type_ in (number | twin, twin | number)] == [number, twin]


@pytest.mark.parametrize(
    "of",
    [lambda name: list[name], lambda name: typing.List[name], lambda name: dict[str, name]],  # noqa: UP006
    ids=["list", "List", "dict"],
)
def test_a_name_in_a_type_is_looked_up_each_time(of):
    def first():
        @dataclasses.dataclass
        class Local:
            one: int

        return json_schema(of("Local"))

    def second():
        @dataclasses.dataclass
        class Local:
            two: str

        return json_schema(of("Local"))

    for make, field in ((first, "one"), (second, "two"), (first, "one")):
        assert make()["$defs"]["Local"]["required"] == [field]


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


# --- Values ---


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


def test_many_items_of_which_none_comes_twice():
    assert len(check_json({"uniqueItems": True}, json.dumps(list(range(100_000))))) == 100_000


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_plain_data_stays_what_it_is(value):
    assert validate_json(Json, json.dumps(value)) == value
    assert validate_json(Any, json.dumps(value)) == value


# --- JSON Schemas as they are given ---


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


# --- What is loaded ---


@pytest.mark.parametrize("name", ["pydantic", "msgspec", "attrs", "attr"])
def test_no_library_is_loaded_for_types_of_others(name):
    assert importlib.util.find_spec(name) is not None
    program = """
import dataclasses, enum, sys, typing
from tokstream._schema import json_schema, validate_json
from tokstream._parsing.output import Output
@dataclasses.dataclass
class Data:
    a: list[int]
    b: typing.Literal["x"] | None = None
class Typed(typing.TypedDict):
    d: Data
print(Output(list[Typed]).format.read('[{"d": {"a": [1]}}]'))
sys.exit(sys.argv[1] in sys.modules)
"""
    folder = str(pathlib.Path(tokstream.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r})\n{program}", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert "Data(a=[1], b=None)" in done.stdout


def test_named_and_typed_shapes_are_plain():
    assert validate_json(Typed, OSLO) == {"name": "Oslo", "people": 700}
    assert validate_json(Named, OSLO) == Named("Oslo", 700)

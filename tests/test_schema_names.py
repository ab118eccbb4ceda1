"""The names in types: which class each means, and what it is called in the schema."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import importlib.util
import typing
from typing import Any, Generic

import msgspec
import pydantic
import pytest
import typing_extensions

from schema_types import STRING, Box, Color, Point, T, closed
from tokstream._schema import Invalid, json_schema, validate, validate_json


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

"""The parameters of a function that is a tool: their schemas, and the arguments that are given for them."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Annotated, Any

import pydantic
import pytest

import tokstream
from tokstream._tools.definition import tools_of
from tool_samples import City, Span, Unit, told

# --- Schemas ---


def test_types_have_their_schemas():
    def f(  # noqa: PLR0917
        a: list[int],
        b: dict[str, float],
        c: bool | None,
        d: Span,
        e: City,
        f: Annotated[int, pydantic.Field(ge=1, description="at least one")],
        g,
        h: Any,
    ): ...

    parameters = told(f)["parameters"]
    assert parameters["properties"] == {
        "a": {"type": "array", "items": {"type": "integer"}},
        "b": {"type": "object", "additionalProperties": {"type": "number"}},
        "c": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "d": {"$ref": "#/$defs/Span"},
        "e": {"$ref": "#/$defs/City"},
        "f": {"type": "integer", "minimum": 1, "description": "at least one"},
        "g": {},
        "h": {},
    }
    assert parameters["$defs"].keys() == {"Span", "City"}
    assert parameters["$defs"]["City"]["additionalProperties"] is False
    assert parameters["required"] == list("abcdefgh")


def test_what_is_described_in_place_is_not_defined_again():
    def f(city: Annotated[City, "Where."]): ...

    parameters = told(f)["parameters"]
    assert "$defs" not in parameters
    assert parameters["properties"]["city"]["description"] == "Where."
    assert parameters["properties"]["city"]["type"] == "object"


def test_classes_of_the_same_name_are_kept_apart():
    def f(a, b): ...

    f.__annotations__ = {"a": make_dataclass("Thing", [("x", int)]), "b": make_dataclass("Thing", [("x", str)])}
    parameters = told(f)["parameters"]
    refs = [parameters["properties"][name]["$ref"].removeprefix("#/$defs/") for name in "ab"]
    kinds = [parameters["$defs"][ref]["properties"]["x"]["type"] for ref in refs]
    assert kinds == ["integer", "string"]


def test_annotations_in_texts_are_looked_up_where_the_function_stands():
    class Inner(pydantic.BaseModel):
        x: int

    def f(one: Inner, many: list["Inner"]) -> NotDefinedAnywhere: ...  # noqa: F821, UP037 - nobody reads it

    assert told(f)["parameters"]["$defs"].keys() == {"Inner"}


def test_an_annotation_that_means_nothing():
    def f(x: NotDefinedAnywhere): ...  # noqa: F821 - that is the point

    with pytest.raises(TypeError, match=r"f cannot be a tool: its parameter x: .*NotDefinedAnywhere"):
        told(f)


def test_a_type_that_has_no_schema():
    class Socket: ...

    def f(x: Socket): ...

    with pytest.raises(TypeError, match=r"f cannot be a tool: its parameter x: .*Socket has no JSON Schema"):
        told(f)


def test_defaults_that_json_can_say():
    def f(a: int = 1, b: list[int] = [1], c: Span = Span(1), d: Any = object(), e: str = None, g=float("nan")): ...  # noqa: B006, B008, PLR0917, RUF013

    parameters = told(f)["parameters"]
    defaults = {name: schema.get("default", "none") for name, schema in parameters["properties"].items()}
    assert defaults == {"a": 1, "b": [1], "c": {"first": 1, "last": 9}, "d": "none", "e": "none", "g": "none"}
    assert parameters["required"] == []


def test_strict_mode_requires_everything_and_takes_null_for_a_default():
    @tokstream.tool(strict=True)
    def f(a: int, b: int = 1, c: int | None = None, d: Span = Span(1)): ...  # noqa: B008

    function = told(f)
    assert function["strict"] is True
    assert function["parameters"]["required"] == ["a", "b", "c", "d"]
    null = {"type": "null"}
    assert function["parameters"]["properties"] == {
        "a": {"type": "integer"},
        "b": {"anyOf": [{"type": "integer"}, null]},
        "c": {"anyOf": [{"type": "integer"}, null]},
        "d": {"anyOf": [{"$ref": "#/$defs/Span"}, null]},
    }


def test_further_arguments():
    def f(a: int, **others: int): ...

    assert told(f)["parameters"]["additionalProperties"] == {"type": "integer"}

    def g(**others): ...

    assert told(g)["parameters"] == {"type": "object", "properties": {}, "required": [], "additionalProperties": True}
    with pytest.raises(TypeError, match=r"g cannot be a strict tool.*\*\*others"):
        told(tokstream.tool(g, strict=True))


# --- Arguments ---


def every(
    city: City, unit: Unit, span: Span, *, many: list[Span] | None = None, n: int = 5, maybe: int | None = 7
) -> Any:
    return city, unit, span, many, n, maybe


def test_arguments_become_what_the_annotations_say():
    (tool,) = tools_of([every])
    given = {"city": {"name": "Rome"}, "unit": "fahrenheit", "span": {"first": 1, "last": 2}}
    assert tool.bind(given)() == (City(name="Rome"), Unit.FAHRENHEIT, Span(1, 2), None, 5, 7)
    assert tool.bind({**given, "n": None, "maybe": None})()[4:] == (5, None)


def test_all_that_is_wrong_with_the_arguments():
    (tool,) = tools_of([every])
    with pytest.raises(ValueError, match="city") as caught:
        tool.bind({"city": {}, "unit": "kelvin", "many": [{"first": "x"}], "more": 1})
    wrong = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in wrong] == ["city.name", "unit", "span", "many[0].first", "more"]
    assert wrong[2] == "span: it is missing"
    assert wrong[4] == "more: there is no such argument"


def test_json_in_a_string_is_read_where_a_string_is_wrong():
    def f(a: int, b: list[int], c: Span, d: str, e: bool, g: int | str) -> Any:  # noqa: PLR0917
        return a, b, c, d, e, g

    (tool,) = tools_of([f])
    given = {"a": "3", "b": "[1]", "c": '{"first": 1}', "d": "4", "e": "true", "g": "5"}
    assert tool.bind(given)() == (3, [1], Span(1), "4", True, "5")
    with pytest.raises(ValueError, match=r"a: expected an integer, and there is the string '3\.5'"):
        tool.bind({**given, "a": "3.5"})


def test_further_arguments_are_validated():
    def f(**others: int) -> Any:
        return others

    (tool,) = tools_of([f])
    assert tool.bind({"a": 1, "b": 2})() == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="b: expected an integer"):
        tool.bind({"a": 1, "b": "x"})

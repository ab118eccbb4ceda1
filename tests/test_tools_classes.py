"""Classes as tools."""

from __future__ import annotations

from dataclasses import make_dataclass

import attrs
import msgspec
import openai
import pydantic
import pytest

import tokstream
from tokstream._tools.definition import tools_of
from tool_samples import City, Span, Unit, told


class Deep(pydantic.BaseModel):
    inner: list[City] = []
    unit: Unit = pydantic.Field(default=Unit.CELSIUS, description="Which.")
    other: City | None = pydantic.Field(None, description="Another.")
    itself: Deep | None = None


class Bare(pydantic.BaseModel):
    pass


@pytest.mark.parametrize("model", [City, Deep, Bare])
def test_pydantic_models_are_offered_as_openai_python_does(model):
    theirs = openai.pydantic_function_tool(model)
    assert tokstream.pydantic_function_tool(model) == theirs
    assert told(model) == theirs["function"]
    assert told(theirs) == theirs["function"]


def test_names_and_descriptions_of_pydantic_function_tool():
    for given in ({"name": "place"}, {"description": "A place."}, {"name": "x", "description": ""}):
        assert tokstream.pydantic_function_tool(City, **given) == openai.pydantic_function_tool(City, **given)
    with pytest.raises(TypeError, match="a pydantic model, or another class, was expected"):
        tokstream.pydantic_function_tool(print)


class Struct(msgspec.Struct):
    first: int
    last: int = 9


@attrs.define
class Attrs:
    first: int
    last: int = 9


@pytest.mark.parametrize("cls", [Span, Struct, Attrs])
def test_other_classes(cls):
    (tool,) = tools_of([cls])
    parameters = tool.definition["function"]["parameters"]
    assert parameters["properties"].keys() == {"first", "last"}
    assert parameters["required"] == ["first", "last"]
    assert "description" not in tool.definition["function"]
    assert tool.ends
    assert tool.bind({"first": 1})() == cls(1)


@pytest.mark.parametrize("library", [None, openai, tokstream])
def test_a_call_of_a_model_makes_an_object_of_it(library):
    (tool,) = tools_of([library.pydantic_function_tool(City) if library else City])
    assert tool.bind({"name": "Rome"})() == City(name="Rome")
    with pytest.raises(ValueError, match="name"):
        tool.bind({})


def test_objects_that_can_be_called_are():
    class Adder(pydantic.BaseModel):
        x: int

        def __call__(self) -> int:
            return self.x + 1

    (tool,) = tools_of([Adder])
    assert not tool.ends
    assert tool.bind({"x": 1})() == 2


@pytest.mark.parametrize(("doc", "words"), [(None, None), ("Where.\n\n    Or near it.\n    ", "Where.\n\nOr near it.")])
def test_a_class_says_the_same_of_itself_in_either_way(doc, words):
    place = make_dataclass("Place", [("x", int)], namespace={"__doc__": doc} if doc else {})
    made = tokstream.pydantic_function_tool(place)
    assert made == tools_of([place])[0].definition
    assert made["function"].get("description") == words

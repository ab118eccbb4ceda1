"""`tokstream.tool`, as a decorator and as a function."""

from __future__ import annotations

import functools
import types

import pydantic
import pytest

import tokstream
from tokstream._tools.definition import tools_of
from tool_samples import Service, properties, told, weather


def test_the_decorator_gives_the_function_back():
    @tokstream.tool
    def plain(x: int) -> int:
        return x

    @tokstream.tool(name="g", description="Other.", parallel=True, ends=True)
    def named(x: int) -> int:
        """Not told."""
        return x

    assert isinstance(plain, types.FunctionType)
    assert isinstance(named, types.FunctionType)
    assert named(3) == 3
    (tool,) = tools_of([named])
    assert (tool.name, tool.parallel, tool.ends) == ("g", True, True)
    assert tool.definition["function"]["description"] == "Other."


def test_it_leaves_the_function_that_it_is_called_with_as_it_is():
    other = tokstream.tool(weather, name="other")
    assert [one["name"] for one in told(weather, other)] == ["weather", "other"]
    assert other("Rome") == weather("Rome")
    again = tokstream.tool(Service().ask, description="Again.")
    assert told(again)["description"] == "Again."


def test_a_partial_of_a_decorated_function_has_its_properties():
    @tokstream.tool(name="g", ends=True)
    def f(x: int, y: int) -> int:
        return x + y

    (tool,) = tools_of([functools.partial(f, y=1)])
    assert (tool.name, tool.ends, tool.bind({"x": 1})()) == ("g", True, 2)


def test_a_decorated_method():
    class Shop:
        @tokstream.tool(name="buy")
        def get(self, what: str) -> str:
            return what

        @tokstream.tool(name="sum")
        @staticmethod
        def add(x: int) -> int:
            return x

        @tokstream.tool(name="kind")
        @classmethod
        def which(cls, x: int) -> int:
            return x

    assert [told(one)["name"] for one in (Shop().get, Shop.add, Shop.which)] == ["buy", "sum", "kind"]
    given = tokstream.tool(name="take")(Shop().get)
    assert (told(given)["name"], given("x")) == ("take", "x")
    assert properties(Shop().get) == {"what": {"type": "string"}}


def test_it_decorates_models_but_not_what_derives_from_them():
    @tokstream.tool(name="place", description="A place.", strict=False, ends=False)
    class Place(pydantic.BaseModel):
        """Not told."""

        x: int

    class Other(Place): ...

    (tool,) = tools_of([Place])
    assert (tool.name, tool.ends, tool.definition["function"].get("strict")) == ("place", False, None)
    assert tool.definition["function"]["description"] == "A place."
    assert told(Other)["name"] == "Other"


def test_it_refuses_what_cannot_be_called():
    for use in (lambda: tokstream.tool(3), lambda: tokstream.tool(name="x")(3)):
        with pytest.raises(TypeError, match="a tool must be a function or a class, not int"):
            use()

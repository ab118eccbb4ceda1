"""What can be a tool, and what cannot."""

from __future__ import annotations

import functools

import pytest

import tokstream
from tokstream._tools.definition import tools_of
from tool_samples import WEATHER, Service, Unit, later, properties, weather


@functools.cache
def cached(x: int) -> int:
    """Remember it."""
    return x


@functools.wraps(weather)
def wrapped(*args, **params):
    return weather(*args, **params)


CALLABLES = [
    (Service().ask, "ask", "Ask it.", {"question": "Why?"}, "Why? 42"),
    (Service.kind, "kind", "Which kind.", {"x": 1}, "Service 1"),
    (Service.twice, "twice", "Double it.", {"x": 2}, 4),
    (Service(), "Service", "Call it.", {"y": 3}, 3),
    (functools.partial(Service("!").ask), "ask", "Ask it.", {"question": "Why?"}, "Why? !"),
    (functools.partial(weather, "Rome"), "weather", WEATHER["description"], {"days": 1}, "Rome, celsius, 1, None"),
    (
        functools.partial(weather, unit=Unit.FAHRENHEIT),
        "weather",
        WEATHER["description"],
        {"city": "Rome"},
        "Rome, fahrenheit, 3, None",
    ),
    (cached, "cached", "Remember it.", {"x": 5}, 5),
    (wrapped, "weather", WEATHER["description"], {"city": "Oslo"}, "Oslo, celsius, 3, None"),
]


@pytest.mark.parametrize(("given", "name", "description", "arguments", "result"), CALLABLES)
def test_whatever_can_be_called(given, name, description, arguments, result):
    (tool,) = tools_of([given])
    function = tool.definition["function"]
    assert (function["name"], function["description"]) == (name, description)
    assert function["parameters"]["properties"].keys() >= arguments.keys()
    assert tool.bind(arguments)() == result
    assert not tool.is_async
    assert not tool.ends


def test_what_partial_has_settled_is_not_shown():
    assert properties(functools.partial(weather, "Rome", unit=Unit.FAHRENHEIT)).keys() == {"days", "sort"}
    (tool,) = tools_of([functools.partial(weather, unit=Unit.FAHRENHEIT)])
    with pytest.raises(ValueError, match="unit: there is no such argument"):
        tool.bind({"city": "Rome", "unit": "celsius"})


def test_what_partial_has_settled_may_be_anything():
    def query(sql: str, service: Service) -> str:
        return service.ask(sql)

    (tool,) = tools_of([functools.partial(query, service=Service("!"))])
    assert tool.definition["function"]["parameters"]["properties"] == {"sql": {"type": "string"}}
    assert tool.bind({"sql": "select 1"})() == "select 1 !"


class AsyncService:
    async def __call__(self, x: int) -> int:
        return x

    async def ask(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    "given", [later, AsyncService(), AsyncService().ask, functools.partial(later), functools.partial(later, x=1)]
)
def test_what_is_async(given):
    (tool,) = tools_of([given])
    assert tool.is_async


def starred(*args): ...


REFUSED = {
    "positional": (lambda: eval("lambda x, /: x"), "x, it can only be given by position"),
    "stars": (lambda: starred, r"starred cannot be a tool: of its parameter \*args"),
    "unbound": (lambda: Service.ask, r"ask cannot be a tool: it is a method of no object; give object\.ask"),
    "no name": (lambda: eval("lambda x: x"), r"cannot be named '<lambda>'.*name="),
    "odd name": (lambda: tokstream.tool(weather, name="the weather"), "cannot be named 'the weather'"),
    "no signature": (lambda: max, "max cannot be a tool: its parameters are not known"),
    "a number": (lambda: 3, "must be a function, a pydantic model or a dict, not 3"),
    "a text": (lambda: "weather", "must be a function, a pydantic model or a dict, not 'weather'"),
    "a plain class": (lambda: Service, "Service has no JSON Schema"),
    "int": (lambda: int, "int cannot be a tool: the arguments of a call are an object"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_cannot_be_a_tool_says_why(surface, client, which):
    given, why = REFUSED[which]
    api, server = client()
    with pytest.raises(TypeError, match=why):
        surface.create(api, tools=[given()])
    assert server.requests == []

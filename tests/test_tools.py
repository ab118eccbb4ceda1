"""What the model is told of the tools that it is offered."""

from __future__ import annotations

import functools
import subprocess
import sys
import types
from dataclasses import dataclass, make_dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import attrs
import msgspec
import openai
import pydantic
import pytest

import tokstream
from replies import completion, said
from server import reply, stream
from tokstream._tools.definition import tools_of

OK = reply(completion("ok"))


class Unit(Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class City(pydantic.BaseModel):
    """A city of the world."""

    name: str
    country: str = "IT"


@dataclass
class Span:
    first: int
    last: int = 9


def weather(
    city: str,
    unit: Annotated[Unit, "In which unit."] = Unit.CELSIUS,
    days: int = 3,
    sort: Literal["hot", "cold"] | None = None,
) -> str:
    """Tell the weather.

    It is that of now.

    Args:
        city: Where.
        unit: Annotations go before docstrings.
        days: How many days.
    """
    return f"{city}, {unit.value}, {days}, {sort}"


def told(*tools: Any) -> Any:
    """What a request says of the only one of these tools, or of all."""
    functions = [one.definition["function"] for one in tools_of(tools)]
    return functions[0] if len(functions) == 1 else functions


def properties(tool: Any) -> Any:
    return told(tool)["parameters"]["properties"]


WEATHER = {
    "name": "weather",
    "description": "Tell the weather.\n\nIt is that of now.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "unit": {
                "type": "string",
                "enum": ["celsius", "fahrenheit"],
                "description": "In which unit.",
                "default": "celsius",
            },
            "days": {"type": "integer", "description": "How many days.", "default": 3},
            "sort": {"anyOf": [{"type": "string", "enum": ["hot", "cold"]}, {"type": "null"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
}


def test_a_function():
    assert told(weather) == WEATHER


@pytest.mark.parametrize("streamed", [False, True])
def test_create_takes_functions_models_and_dicts(surface, client, streamed):
    plain = {"type": "function", "function": {"name": "plain", "mood": 1}}
    api, server = client(stream(said("ok")) if streamed else OK)
    surface.ask(api, streamed, tools=[weather, City, plain], tool_choice=weather)
    sent = server.request.json
    assert sent["tools"] == [{"type": "function", "function": WEATHER}, openai.pydantic_function_tool(City), plain]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


def test_the_event_stream_takes_functions(surface, client):
    api, server = client(stream(said("ok")))
    with surface.using(api.chat.completions.stream(messages="Hi", tools=(one for one in [weather]))) as events:
        surface.list(events)
    assert server.request.json["tools"] == [{"type": "function", "function": WEATHER}]


def test_the_choice_of_a_tool_that_is_a_dict(surface, client):
    api, server = client(OK)
    surface.create(api, tools=[tokstream.pydantic_function_tool(City)], tool_choice=City)
    assert server.request.json["tool_choice"] == {"type": "function", "function": {"name": "City"}}


@pytest.mark.parametrize("tools", [[], None, [{"type": "function"}], [{"any": "thing"}]])
def test_what_is_no_function_goes_as_it_is(surface, client, tools):
    api, server = client(OK)
    surface.create(api, tools=tools, tool_choice="auto")
    assert server.request.json["tools"] == tools
    assert server.request.json["tool_choice"] == "auto"


def test_tools_that_are_not_given(surface, client):
    api, server = client(OK)
    surface.create(api, tools=tokstream.NOT_GIVEN, tool_choice=tokstream.omit)
    assert server.request.json.keys() == {"messages", "model"}


@pytest.mark.parametrize(("doc", "words"), [(None, None), ("Where.\n\n    Or near it.\n    ", "Where.\n\nOr near it.")])
def test_a_class_says_the_same_of_itself_in_either_way(doc, words):
    place = make_dataclass("Place", [("x", int)], namespace={"__doc__": doc} if doc else {})
    made = tokstream.pydantic_function_tool(place)
    assert made == tools_of([place])[0].definition
    assert made["function"].get("description") == words


def test_dicts_and_no_tools_load_nothing():
    program = (
        "import sys, tokstream\n"
        "client = tokstream.Client(base_url='http://127.0.0.1:1/v1', api_key='k', max_retries=0)\n"
        "for tools in {}, {'tools': [{'type': 'function'}]}, {'tools': None}, {'tools': tokstream.NOT_GIVEN}:\n"
        "    try: client.chat.completions.create(messages='x', **tools)\n"
        "    except tokstream.APIConnectionError: pass\n"
        "print([name for name in sys.modules if name.startswith('tokstream._tools')])\n"
        "print([name for name in sys.modules if name in ('tokstream._schema', 'inspect')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout.split() == ["[]", "[]"]


# --- Annotations ---


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


# --- What can be a tool ---


class Service:
    """A service."""

    def __init__(self, answer: str = "42") -> None:
        self.answer = answer

    def ask(self, question: str) -> str:
        """Ask it."""
        return f"{question} {self.answer}"

    @classmethod
    def kind(cls, x: int) -> str:
        """Which kind."""
        return f"{cls.__name__} {x}"

    @staticmethod
    def twice(x: int) -> int:
        """Double it."""
        return 2 * x

    def __call__(self, y: int) -> int:
        """Call it."""
        return y


@functools.cache
def cached(x: int) -> int:
    """Remember it."""
    return x


@functools.wraps(weather)
def wrapped(*args, **params):
    return weather(*args, **params)


async def later(x: int) -> int:
    """Take time."""
    return x


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


@pytest.mark.parametrize("tools", [weather, "text", {"type": "function"}, City, 3])
def test_tools_that_are_no_list(surface, client, tools):
    api, _ = client()
    with pytest.raises(TypeError, match="tools must be a list of tools"):
        surface.create(api, tools=tools)


def test_two_tools_of_one_name():
    with pytest.raises(TypeError, match=r"two tools are named 'weather'; tokstream.tool\(…, name=…\)"):
        told(weather, functools.partial(weather, days=1))


def test_a_forced_function_has_to_be_offered(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="tool_choice is later, which is not among the tools"):
        surface.create(api, tools=[weather], tool_choice=later)


# --- tokstream.tool ---


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


# --- Classes ---


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

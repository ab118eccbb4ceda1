"""Tools in a request: what is sent of them, and what is refused."""

from __future__ import annotations

import functools
import subprocess
import sys

import openai
import pytest

import tokstream
from replies import completion, said
from server import reply, stream
from tool_samples import WEATHER, City, later, told, weather

OK = reply(completion("ok"))


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


GOOGLE = """Tell the weather.

Args:
    city (str): Where.
    days: How many,
        from today.

Returns:
    What it will be.
"""
NUMPY = """Tell the weather.

Parameters
----------
city : str
    Where.
days : int, optional
    How many,
    from today.

Returns
-------
str
    What it will be.
"""
REST = """Tell the weather.

:param str city: Where.
:param days: How many,
    from today.
:type days: int
:returns: What it will be.
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_what_docstrings_say_is_sent(surface, client, text):
    def weather(city: str, days: int = 3) -> str:
        return f"{city}, {days}"

    weather.__doc__ = text
    api, server = client(reply(completion()))
    surface.run(api.chat.completions.run_tools("Hi", tools=[weather]))
    (sent,) = server.request.json["tools"]
    assert sent["function"]["description"] == "Tell the weather."
    assert sent["function"]["parameters"]["properties"] == {
        "city": {"type": "string", "description": "Where."},
        "days": {"type": "integer", "description": "How many, from today.", "default": 3},
    }

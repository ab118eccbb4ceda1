"""What a caller passes, as it goes over the wire."""

from __future__ import annotations

import ast
import enum
import types
import typing
from collections import Counter, OrderedDict, UserDict
from pathlib import Path

import pytest

import tokstream
from replies import HELLO, MODEL, completion, said
from server import STALL, reply, stream
from tokstream.types.chat import completion_create_params

OK = reply(completion("ok"))

TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}, "strict": True},
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": True}}

# Every parameter of a chat request, with values of every type and at both ends of its range.
PARAMS = {
    "temperature": [0, 1, 0.7, 2.0],
    "top_p": [0.001, 1],
    "min_p": [0, 0.05, 1.0],
    "top_k": [0, 40, 999],
    "repetition_penalty": [0.01, 1.1, 5],
    "presence_penalty": [-2, 0.0, 2],
    "frequency_penalty": [-2.0, 0.5, 2],
    "max_tokens": [1, 16384],
    "max_completion_tokens": [1, 131072],
    "stop": ["\n", ["a", "b"], [], [f"stop {n}" for n in range(16)]],
    "n": [1, 4],
    "seed": [0, -1, -(2**63), 2**63 - 1, 2**63, 2**64 - 1],
    "logprobs": [True, False],
    "top_logprobs": [1, 20],
    "tools": [[TOOL], []],
    "tool_choice": ["none", "auto", "required", {"type": "function", "function": {"name": "f"}}],
    "parallel_tool_calls": [True, False],
    "response_format": [
        {"type": "text"},
        {"type": "json_object"},
        SCHEMA,
        {"type": "regex", "regex": r"\d{4}-\d{2}"},
    ],
    "reasoning_effort": ["none", "low", "medium", "high", "max"],
    "reasoning": [{"effort": "low", "enabled": True}],
    "service_tier": ["default", "priority", "flex"],
    "models": [["a/b"], ["a", "b", "c", "d"]],
    "fail_fast": [True, False],
    "prompt_cache_key": ["key"],
    "prompt_cache_options": [{"mode": "explicit", "ttl": "24h"}],
    "chat_template_kwargs": [{"enable_thinking": False}],
    "continue_final_message": [True],
    "ignore_eos": [True],
    "stop_token_ids": [[1, 2, 3]],
    "user": ["me"],
    "logit_bias": [{"50256": -100}],
    "metadata": [{"a": "b"}],
    "stream_options": [{"include_usage": False}],
}


@pytest.mark.parametrize("name", PARAMS)
def test_every_parameter_goes_through(surface, client, name):
    api, server = client(then=OK)
    for value in PARAMS[name]:
        surface.create(api, messages=HELLO, **{name: value})
        sent = server.requests[-1].json
        assert sent == {"model": MODEL, "messages": HELLO, name: value}
        # A number stays the kind of number it was: 1 is not 1.0.
        assert repr(sent[name]) == repr(value)


def test_all_parameters_at_once(surface, client):
    api, server = client(stream(said("ok")))
    every = {name: values[0] for name, values in PARAMS.items()}
    surface.list(surface.stream(api, messages=HELLO, **every))
    assert server.request.json == {"model": MODEL, "messages": HELLO, "stream": True, **every}


@pytest.mark.parametrize("name", [*PARAMS, "something_new"])
def test_none_is_null(surface, client, name):
    api, server = client(OK)
    surface.create(api, messages=HELLO, **{name: None})
    assert server.request.json == {"model": MODEL, "messages": HELLO, name: None}


@pytest.mark.parametrize("missing", [tokstream.NOT_GIVEN, tokstream.omit], ids=["NOT_GIVEN", "omit"])
@pytest.mark.parametrize("name", ["temperature", "tools", "model", "something_new", "stream_options"])
def test_what_is_not_given_is_left_out(surface, client, name, missing):
    api, server = client(OK)
    surface.create(api, messages=HELLO, **{name: missing})
    assert server.request.json == {"model": MODEL, "messages": HELLO}


def test_the_marks_of_what_is_not_given():
    assert isinstance(tokstream.NOT_GIVEN, tokstream.NotGiven)
    assert isinstance(tokstream.omit, tokstream.Omit)
    assert not tokstream.NOT_GIVEN
    assert not tokstream.omit
    assert repr(tokstream.NOT_GIVEN) == "NOT_GIVEN"
    assert isinstance(tokstream.Omit(), tokstream.Omit)


def test_unknown_keywords_go_through(surface, client):
    api, server = client(OK)
    surface.create(api, messages=HELLO, brand_new={"a": [1, None, True]}, other="x")
    assert server.request.json == {"model": MODEL, "messages": HELLO, "brand_new": {"a": [1, None, True]}, "other": "x"}


def test_extra_body_wins(surface, client):
    api, server = client(OK)
    surface.create(api, messages=HELLO, temperature=1, extra_body={"temperature": 0.5, "new": {"a": 1}, "null": None})
    assert server.request.json == {
        "model": MODEL,
        "messages": HELLO,
        "temperature": 0.5,
        "new": {"a": 1},
        "null": None,
    }


def test_extra_headers_and_query(surface, client):
    api, server = client(OK)
    surface.create(api, extra_headers={"X-Mine": "1"}, extra_query={"a": "é &=", "b": 2, "c": False})
    assert server.request.header("x-mine") == "1"
    assert sorted(server.request.query) == [("a", "é &="), ("b", "2"), ("c", "false")]
    assert server.request.path == "/v1/openai/chat/completions"


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    TOP = 9


class Text(str):
    __slots__ = ()


VALUES = {
    "tuple": ((1, 2), [1, 2]),
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "ordered dict": (OrderedDict(a=1, b=2), {"a": 1, "b": 2}),
    "user dict": (UserDict(a=1), {"a": 1}),
    "enum of str": (Colour.RED, "red"),
    "enum of int": (Level.TOP, 9),
    "str subclass": (Text("text"), "text"),
    "huge": (2**100, 2**100),
    "hugely negative": (-(2**100), -(2**100)),
    "large float": (1e300, 1e300),
    "tiny float": (5e-324, 5e-324),
    "long float": (0.1 + 0.2, 0.1 + 0.2),
    "negative zero": (-0.0, -0.0),
    "empty": ("", ""),
    "odd characters": ('\u2028\x00\x1f\x7f\\"/\U0001f600', '\u2028\x00\x1f\x7f\\"/\U0001f600'),
    "nested": ([[[[[]]]]], [[[[[]]]]]),
    "empty key": ({"": {"": ""}}, {"": {"": ""}}),
    "not given inside": ({"a": tokstream.NOT_GIVEN, "b": 1}, {"b": 1}),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_of_every_kind(surface, client, kind):
    value, sent = VALUES[kind]
    api, server = client(OK)
    surface.create(api, value=value)
    assert repr(server.request.json["value"]) == repr(sent)


def test_the_order_of_keys_is_kept(surface, client):
    api, server = client(OK)
    keys = list("zyxwvutsrqponm")
    surface.create(api, value=dict.fromkeys(keys, 1))
    assert list(server.request.json["value"]) == keys


def test_names_that_come_again(surface, client):
    api, server = client(OK)
    names = [f'name {number} "é\n' for number in range(100)] + ["", "role", "content", "x" * 100]
    values = [{name: {name: at} for name in names} for at in range(3)]
    surface.create(api, value=values)
    assert server.request.json["value"] == values
    assert [list(value) for value in server.request.json["value"]] == [names] * 3


def test_names_that_are_made_while_the_request_is_written(surface, client):
    class Made:
        def __init__(self, number):
            self.number = number

        def model_dump(self, **_):
            # Gone when it has been written, so that the next one may come to lie where it was.
            return {f"name {self.number}": self.number}

    api, server = client(OK)
    surface.create(api, value=[Made(number) for number in range(200)])
    assert server.request.json["value"] == [{f"name {number}": number} for number in range(200)]


@pytest.mark.slow
def test_a_large_body(surface, client):
    api, server = client(OK)
    text = "é\n" * 2_000_000
    surface.create(api, messages=text)
    assert server.request.json["messages"][0]["content"] == text


CALLS = {
    "chat": lambda api, **options: api.chat.completions.create(messages=HELLO, **options),
    "completions": lambda api, **options: api.completions.create(prompt="x", **options),
    "embeddings": lambda api, **options: api.embeddings.create(model="m", input="x", **options),
    "post": lambda api, **options: api.post("/r", body={"a": 1}, **options),
    "put": lambda api, **options: api.put("/r", body={"a": 1}, **options),
    "patch": lambda api, **options: api.patch("/r", body={"a": 1}, **options),
    "delete": lambda api, **options: api.delete("/r", **options),
    "get": lambda api, **options: api.get("/r", **options),
    "models.list": lambda api, **options: api.models.list(**options),
    "models.retrieve": lambda api, **options: api.models.retrieve("m", **options),
}
WITH_A_BODY = ("chat", "completions", "embeddings")


@pytest.mark.parametrize("call", CALLS)
def test_the_extras_of_every_call(surface, client, call):
    api, server = client(reply({**completion("ok"), "data": []}))
    extras = {"extra_headers": {"X-Mine": "1", "User-Agent": "mine/1"}, "extra_query": {"q": "a b"}, "timeout": 5}
    if call in WITH_A_BODY:
        extras["extra_body"] = {"brand_new": [1, None]}
    surface.run(CALLS[call](api, **extras))
    request = server.request
    assert (request.header("x-mine"), request.header("user-agent")) == ("1", "mine/1")
    assert ("q", "a b") in request.query
    if call in WITH_A_BODY:
        assert request.json["brand_new"] == [1, None]
        assert "timeout" not in request.json


@pytest.mark.parametrize("call", CALLS)
def test_the_timeout_of_every_call(surface, client, call):
    api, _ = client([STALL], max_retries=0)
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.run(CALLS[call](api, timeout=tokstream.Timeout(total=0.1)))
    assert caught.value.phase == "total"


def test_the_extras_of_a_stream_of_events(surface, client):
    api, server = client(stream(said("ok")))
    options = {"extra_headers": {"X-Mine": "1"}, "extra_query": {"q": "1"}, "extra_body": {"new": 1}, "timeout": 5}
    with surface.using(api.chat.completions.stream(messages=HELLO, **options)) as events:
        surface.list(events)
    assert server.request.header("x-mine") == "1"
    assert server.request.query == [("q", "1")]
    assert server.request.json == {"model": MODEL, "messages": HELLO, "stream": True, "new": 1}


STUB = ast.parse((Path(tokstream.__file__).parent / "resources" / "chat.pyi").read_text(encoding="utf-8"))
FORMS = [
    (kind.name, method)
    for kind in STUB.body
    if isinstance(kind, ast.ClassDef) and kind.name in ("Completions", "AsyncCompletions")
    for method in kind.body
    if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and method.name in ("create", "parse", "stream")
]


def test_both_clients_have_the_same_overloads():
    assert Counter((kind, method.name) for kind, method in FORMS) == {
        ("Completions", "create"): 4,
        ("Completions", "parse"): 3,
        ("Completions", "stream"): 3,
        ("AsyncCompletions", "create"): 4,
        ("AsyncCompletions", "parse"): 3,
        ("AsyncCompletions", "stream"): 3,
    }


@pytest.mark.parametrize(
    ("kind", "method"), FORMS, ids=[f"{kind}.{method.name}, line {method.lineno}" for kind, method in FORMS]
)
def test_every_parameter_has_a_type(kind, method):
    typed = {arg.arg: ast.unparse(arg.annotation) for arg in method.args.kwonlyargs}
    assert typed.keys() >= {*PARAMS, "messages", "model", "extra_headers", "extra_query", "extra_body", "timeout"}
    if method.name != "create":
        # The type of the reply is what the overloads differ in.
        assert typed.pop("response_format") in ("type[_T]", "_Missing | None", "object")
    for name in PARAMS.keys() & typed.keys():
        assert typed[name].endswith(("| _Missing | None", "| _Missing")), name
        assert not typed[name].startswith(("object", "Any")), name
    assert ast.unparse(method.args.kwarg.annotation) == "object"


def test_the_type_of_a_request_has_every_parameter():
    for form in ("NonStreaming", "Streaming"):
        request = getattr(completion_create_params, f"CompletionCreateParams{form}")
        hints = typing.get_type_hints(request)
        assert hints.keys() == {*PARAMS, "messages", "model", "stream"}
        assert not [name for name, hint in hints.items() if hint in (object, typing.Any)]

"""What a caller passes that no request can say: ordinary errors, and a client that goes on."""

from __future__ import annotations

import contextlib
import json
import math
from collections import UserDict

import pytest

import tokstream
from replies import HELLO, completion, said
from server import reply, stream

OK = reply(completion("ok"))


class Unreadable(UserDict):
    def __getitem__(self, key):
        raise LookupError("no item today")

    def __iter__(self):
        return iter(["a"])

    def __len__(self):
        return 1


class Dumps:
    def model_dump(self, **_):
        raise LookupError("no dump today")


def cyclic_list():
    loop = []
    loop.append(loop)
    return loop


def cyclic_dict():
    loop = {}
    loop["loop"] = [loop]
    return loop


def deep(levels=100_000):
    value = []
    for _ in range(levels):
        value = [value]
    return value


BAD = {
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "nested nan": lambda: [{"a": -math.inf}],
    "bytes": lambda: b"bytes",
    "bytearray": lambda: bytearray(b"x"),
    "complex": lambda: 1j,
    "object": object,
    "class": lambda: dict,
    "function": lambda: len,
    "module": lambda: json,
    "cyclic list": cyclic_list,
    "cyclic dict": cyclic_dict,
    "deep": deep,
    "surrogate": lambda: "a\ud800b",
    "surrogate key": lambda: {"\udfff": 1},
    "tuple key": lambda: {(1, 2): 3},
    "failing dict": Unreadable,
    "failing dump": Dumps,
}


@pytest.mark.parametrize("where", ["value", "messages", "content", "extra_body"])
@pytest.mark.parametrize("name", BAD)
def test_what_json_cannot_say_is_refused(surface, client, name, where):
    api, server = client(OK)
    bad = BAD[name]()
    params = {
        "value": {"value": bad},
        "messages": {"messages": [bad]},
        "content": {"messages": [{"role": "user", "content": bad}]},
        "extra_body": {"extra_body": {"value": bad}},
    }[where]
    with pytest.raises((ValueError, TypeError, RecursionError, LookupError)) as caught:
        surface.create(api, **params)
    assert str(caught.value)
    # Nothing was sent, and the client goes on.
    assert server.requests == []
    assert surface.create(api).choices[0].message.content == "ok"


@pytest.mark.parametrize("name", ["surrogate"])
def test_text_that_is_no_text_is_refused_everywhere(surface, client, name):
    api, server = client(OK)
    bad = BAD[name]()
    for params in ({"messages": bad}, {"model": bad}, {"extra_query": {"a": bad}}, {"extra_headers": {"a": bad}}):
        with pytest.raises(ValueError):
            surface.create(api, **params)
    with pytest.raises(ValueError):
        surface.client(server, api_key=bad)
    assert server.requests == []
    surface.create(api)


@pytest.mark.parametrize("messages", [b"bytes", object, [object], [b"bytes"]], ids=repr)
def test_messages_that_are_none(surface, client, messages):
    api, server = client(OK)
    with pytest.raises((TypeError, ValueError)):
        surface.create(api, messages=messages)
    assert server.requests == []
    surface.create(api)


def test_messages_are_required(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="messages"):
        surface.run(api.chat.completions.create())
    with pytest.raises(TypeError):
        surface.run(api.chat.completions.create(HELLO))


def test_messages_that_fail_while_they_are_read(surface, client):
    def messages():
        yield HELLO[0]
        raise LookupError("no more messages")

    api, server = client(OK)
    with pytest.raises(LookupError, match="no more messages"):
        surface.create(api, messages=messages())
    assert server.requests == []
    surface.create(api)


def test_a_depth_that_json_allows(surface, client):
    api, server = client(OK)
    value = deep(100)
    surface.create(api, value=value)
    assert server.request.json["value"] == value


@pytest.mark.parametrize("name", ["extra_headers", "extra_query", "extra_body"])
@pytest.mark.parametrize("value", [12, "text", [1], object], ids=repr)
def test_extras_that_are_no_mappings(surface, client, name, value):
    api, server = client(OK)
    with pytest.raises((TypeError, ValueError)):
        surface.create(api, **{name: value})
    assert server.requests == []
    surface.create(api, **{name: None})


def deep_query():
    query: dict = {}
    for _ in range(100_000):
        query = {"a": query}
    return query


@pytest.mark.parametrize("query", [cyclic_dict, deep_query, lambda: {"a": cyclic_list()}], ids=["dict", "deep", "list"])
def test_a_query_that_has_no_end_is_refused(surface, client, query):
    api, server = client(OK)
    with pytest.raises(RecursionError, match="deeper than"):
        surface.create(api, extra_query=query())
    with pytest.raises(RecursionError, match="deeper than"):
        surface.client(server, default_query=query())
    assert server.requests == []
    surface.create(api)


@pytest.mark.parametrize("text", ["a\r\nb", "a\nb", "a\rb", "a\0b"], ids=["crlf", "lf", "cr", "nul"])
@pytest.mark.parametrize(
    "query",
    [lambda bad: {"a": bad}, lambda bad: {bad: "a"}, lambda bad: {"a": [{"b": bad}]}],
    ids=["value", "name", "nested"],
)
def test_a_query_that_would_break_the_request_is_refused(surface, client, query, text):
    api, server = client(OK)
    with pytest.raises(tokstream.ConfigurationError, match="line break or a NUL"):
        surface.create(api, extra_query=query(text))
    with pytest.raises(tokstream.ConfigurationError, match="line break or a NUL"):
        surface.client(server, default_query=query(text))
    assert server.requests == []
    surface.create(api)


class Failing:
    """Fails whatever is asked of it."""

    def __getattr__(self, name):
        raise LookupError(name)

    def fail(self, *_):
        raise LookupError("not today")

    __iter__ = __len__ = __getitem__ = __str__ = __float__ = __int__ = __index__ = __bool__ = fail
    __fspath__ = __call__ = fail


class FailingText(str):
    __slots__ = ()

    def encode(self, *_):
        raise LookupError("not today")

    __str__ = encode


class FailingNumber(float):
    def __float__(self):
        raise LookupError("not today")


def failing_generator():
    yield {}
    raise LookupError("not today")


ODD = [
    *(lambda value=value: value for value in (math.nan, math.inf, -math.inf, -1, -0.0, 2**64, -(2**63) - 1, 10**5000)),
    *(lambda value=value: value for value in ("", "a\0b", "\ud800", "\r\n", b"\xff")),
    *(lambda value=value: value for value in (None, True, 1j, object, len, json)),
    *(Failing, lambda: FailingText("x"), lambda: FailingNumber(1), Unreadable, Dumps, failing_generator),
    *(cyclic_list, cyclic_dict, deep, lambda: {"a": Failing()}, lambda: [Failing()], lambda: {1: 2}, lambda: {(): 1}),
]
SETTINGS = ["api_key", "model", "timeout", "max_retries", "retry", "limits", "default_headers"]
SETTINGS += ["default_query", "proxy", "verify", "cert", "http2"]
ARGUMENTS = ["messages", "model", "stream", "temperature", "extra_headers", "extra_query", "extra_body", "timeout"]
ARGUMENTS += ["tools", "response_format", "stop", "seed", "user", "something_new", "stream_options"]

# What Python's own functions raise for bad arguments, and what the arguments raise.
ORDINARY = (tokstream.TokstreamError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, OSError)


@pytest.mark.parametrize("name", SETTINGS)
def test_odd_settings_give_ordinary_errors(surface, client, name):
    api, server = client(then=reply(completion("ok")), max_retries=0)
    for make in ODD:
        options = {"api_key": "key", "base_url": server.url, "max_retries": 0, "timeout": 5, name: make()}
        with contextlib.suppress(*ORDINARY):
            odd = surface.client_class(**options)
            try:
                surface.create(odd)
            finally:
                surface.run(odd.close())
    assert surface.create(api).choices[0].message.content == "ok"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_odd_arguments_give_ordinary_errors(surface, client, name):
    def answer(request):
        return stream(said("ok")) if request.json.get("stream") else reply(completion("ok"))

    api, _ = client(then=answer, max_retries=0, timeout=5)
    for make in ODD:
        with contextlib.suppress(*ORDINARY):
            surface.create(api, **{name: make()})
    assert surface.create(api).choices[0].message.content == "ok"

"""`client.get`, `.post`, `.put`, `.patch` and `.delete`: any route of the server."""

from __future__ import annotations

import typing

import pydantic
import pytest

import tokstream
from replies import completion, error, said
from server import head, reply, stream
from surface import KEY
from tokstream.types import Model
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk


class Pydantic(pydantic.BaseModel):
    id: str


METHODS = ["get", "post", "put", "patch", "delete"]


@pytest.mark.parametrize("method", METHODS)
def test_methods(surface, client, method):
    api, server = client(reply({"a": [1, None, "é"]}))
    body = {} if method == "get" else {"body": {"b": 2}}
    assert surface.run(getattr(api, method)("/some/route", **body)) == {"a": [1, None, "é"]}
    assert (server.request.method, server.request.path) == (method.upper(), "/v1/openai/some/route")
    assert server.request.header("authorization") == f"Bearer {KEY}"
    if method == "get":
        assert server.request.body == b""
        assert server.request.header("content-type") is None
    else:
        assert server.request.json == {"b": 2}
        assert server.request.header("content-type") == "application/json"


@pytest.mark.parametrize("path", ["route", "/route", "/route?x=1", "route?x=1"])
def test_paths(surface, client, path):
    api, server = client(reply({}), default_query={"d": "2"})
    surface.run(api.get(path))
    assert server.request.path == "/v1/openai/route"
    assert sorted(server.request.query) == ([("d", "2"), ("x", "1")] if "?" in path else [("d", "2")])


def test_a_whole_address_of_the_same_server(surface, client):
    api, server = client(reply({"v": 1}))
    assert surface.run(api.post(f"{server.origin}/v1/inference/model", body={})) == {"v": 1}
    assert server.request.target == "/v1/inference/model"


def test_the_key_goes_to_no_other_server(surface, client, serve):
    other = serve(then=reply({}))
    api, _ = client()
    try:
        surface.run(api.get(f"{other.origin}/x"))
    except tokstream.ConfigurationError:
        assert other.requests == []
    else:
        assert other.request.header("authorization") is None


@pytest.mark.parametrize("path", ["a\r\nX: 1", "a b\n", "a\rb", "a\0"])
def test_paths_that_would_break_the_request_are_refused(surface, client, path):
    api, server = client()
    with pytest.raises(ValueError):
        surface.run(api.get(path))
    assert server.requests == []


@pytest.mark.parametrize("body", [{"a": 1}, [1, 2], "text", 12, None, {}, [], True], ids=repr)
def test_bodies(surface, client, body):
    api, server = client(reply({}))
    surface.run(api.post("/r", body=body))
    if body is None:
        assert server.request.body in (b"", b"null")
    else:
        assert server.request.json == body


def test_bytes_are_sent_as_they_are(surface, client):
    api, server = client(reply({}))
    surface.run(api.post("/r", body=b"\x00\xff raw", extra_headers={"Content-Type": "application/octet-stream"}))
    assert server.request.body == b"\x00\xff raw"
    assert server.request.header("content-type") == "application/octet-stream"


@pytest.mark.parametrize("value", [{"a": 1}, [1, "two"], "text", 12, 1.5, True, None], ids=repr)
def test_json_of_every_kind_is_read(surface, client, value):
    api, _ = client(reply(value if not isinstance(value, str) else f'"{value}"'))
    assert surface.run(api.get("/r")) == value


def test_an_empty_answer(surface, client):
    api, _ = client([head(204)], reply(b""))
    assert surface.run(api.delete("/r")) is None
    assert surface.run(api.delete("/r")) is None


class Own(pydantic.BaseModel):
    id: str
    count: int = 0


def test_cast_to(surface, client):
    api, _ = client(then=reply({**completion("ok"), "id": "x"}))
    sent = {**completion("ok"), "id": "x"}
    assert surface.run(api.get("/r", cast_to=object)) == sent
    assert surface.run(api.get("/r", cast_to=dict)) == sent
    assert isinstance(surface.run(api.post("/r", cast_to=ChatCompletion, body={})), ChatCompletion)
    assert surface.run(api.get("/r", cast_to=Model)).id == "x"
    assert surface.run(api.get("/r", cast_to=Own)) == Own(id="x")
    assert isinstance(surface.run(api.get("/r", cast_to=str)), str)
    assert surface.run(api.get("/r", cast_to=bytes)).startswith(b"{")


def test_text_and_bytes(surface, client):
    api, _ = client(then=reply("naïve text".encode(), content_type="text/plain"))
    assert surface.run(api.get("/r", cast_to=str)) == "naïve text"
    assert surface.run(api.get("/r", cast_to=bytes)) == "naïve text".encode()


def test_an_answer_that_does_not_fit(surface, client):
    api, _ = client(then=reply([1, 2]), max_retries=0)
    for cls in (ChatCompletion, Own):
        with pytest.raises((tokstream.APIResponseValidationError, pydantic.ValidationError)):
            surface.run(api.get("/r", cast_to=cls))
    with pytest.raises((TypeError, ValueError)):
        surface.run(api.get("/r", cast_to=12))
    assert surface.run(api.get("/r", cast_to=list)) == [1, 2]


def test_options(surface, client):
    api, server = client(then=reply({}))
    surface.run(api.get("/r", extra_headers={"X-A": "1"}, extra_query={"q": "2"}, timeout=5))
    surface.run(api.get("/r", options={"headers": {"X-A": "1"}, "params": {"q": "2"}, "timeout": 5}))
    for request in server.requests:
        assert request.header("x-a") == "1"
        assert request.query == [("q", "2")]


def test_a_stream_of_any_route(surface, client):
    api, server = client(stream(said("A", "B")))
    cls = surface.stream_class[ChatCompletionChunk]
    answer = surface.run(
        api.post("/r", body={"stream": True}, cast_to=ChatCompletionChunk, stream=True, stream_cls=cls)
    )
    assert isinstance(answer, surface.stream_class)
    chunks = surface.list(answer)
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["A", "B", None]
    assert server.request.json == {"stream": True}


def test_raw_responses(surface, client):
    api, _ = client(then=reply({"a": 1}, headers=[("x-request-id", "r")]))
    response = surface.run(api.with_raw_response.get("/r"))
    assert (response.status_code, response.request_id, response.parse()) == (200, "r", {"a": 1})
    response = surface.run(api.with_raw_response.post("/r", body={}, cast_to=str))
    assert response.parse() == '{"a": 1}'
    with surface.using(api.with_streaming_response.get("/r")) as response:
        assert surface.run(response.json()) == {"a": 1}


@pytest.mark.parametrize("method", METHODS)
def test_the_response_around_every_method(surface, client, method):
    api, server = client(then=reply({"a": 1}, headers=[("x-request-id", "r")]))
    response = surface.run(getattr(api.with_raw_response, method)("/r", cast_to=dict))
    assert (response.status_code, response.request_id, response.parse()) == (200, "r", {"a": 1})
    assert response.http_request.method == method.upper()
    with surface.using(getattr(api.with_streaming_response, method)("/r", cast_to=dict)) as response:
        assert (response.headers["x-request-id"], response.http_request.method) == ("r", method.upper())
        assert surface.run(response.parse()) == {"a": 1}
    assert response.is_closed
    assert [request.method for request in server.requests] == [method.upper()] * 2


@pytest.mark.parametrize("method", METHODS)
def test_errors(surface, client, method):
    api, _ = client(reply(error("no such route"), 404))
    with pytest.raises(tokstream.NotFoundError, match="no such route"):
        surface.run(getattr(api, method)("/r"))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_tried_again(surface, client, method):
    policy = tokstream.RetryPolicy(initial_delay=0.01)
    api, server = client(reply(error(), 503), reply({"ok": True}), retry=policy)
    assert surface.run(getattr(api, method)("/r")) == {"ok": True}
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("cast", "sent", "wanted"),
    [
        (list, [1, {"id": "a"}], [1, {"id": "a"}]),
        (list[Model], [{"id": "a"}, {"id": "b"}], ["a", "b"]),
        (typing.List[Model], [{"id": "a"}], ["a"]),  # noqa: UP006 - as programs have it
        (dict[str, Model], {"x": {"id": "a"}}, {"x": "a"}),
        (list[list[str]], [["a"], []], [["a"], []]),
        (list[float], [1, 2.5], [1, 2.5]),
        (list[Pydantic], [{"id": "a"}], ["a"]),
        (list[typing.Any], [1, None], [1, None]),
        (dict[str, object], {"a": None}, {"a": None}),
    ],
    ids=str,
)
def test_lists_and_dicts_of_what_was_asked_for(surface, client, cast, sent, wanted):
    api, _ = client(then=reply(sent))
    got = surface.run(api.get("/route", cast_to=cast))
    inner = typing.get_args(cast)[-1] if typing.get_args(cast) else None
    if inner in (Model, Pydantic):
        items = list(got.values()) if isinstance(got, dict) else got
        assert all(isinstance(item, inner) for item in items)
        got = {key: item.id for key, item in got.items()} if isinstance(got, dict) else [item.id for item in got]
    assert got == wanted


@pytest.mark.parametrize(
    ("cast", "sent"),
    [
        (list, {"a": 1}),
        (dict, [1]),
        (list[Model], {"id": "a"}),
        (list[Model], [{"id": "a"}, 5]),
        (list[str], ["a", 1]),
        (list[int], [True]),
        (list[float], ["1"]),
        (dict[str, Model], [1]),
        (list[Pydantic], [{}]),
        (list, None),
    ],
    ids=str,
)
def test_an_answer_that_is_no_such_list(surface, client, cast, sent):
    api, _ = client(then=reply(sent), max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError) as caught:
        surface.run(api.get("/route", cast_to=cast))
    assert caught.value.status_code == 200


def test_a_cast_that_cannot_be(surface, client):
    api, _ = client(then=reply([1]), max_retries=0)
    for cast in (list[int | None], int | str, set, list[bytes]):
        with pytest.raises(TypeError, match="cast_to"):
            surface.run(api.get("/route", cast_to=cast))

"""How a client is set up: addresses, headers, query, copies and settings."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback

import openai
import pytest

import tokstream
from replies import HELLO, completion, said
from server import reply, stream
from surface import KEY

OK = reply(completion("ok"))
FAR = "http://api.example.test/v1/openai"


# ── addresses ─────────────────────────────────────────────────────────────────────────────────


def test_the_default_address(surface):
    assert str(surface.client().base_url).rstrip("/") == "https://api.deepinfra.com/v1/openai"


def test_the_address_comes_from_the_environment(surface, serve, monkeypatch):
    server = serve(OK)
    monkeypatch.setenv("DEEPINFRA_BASE_URL", server.url)
    api = surface.client()
    surface.create(api)
    assert server.request.path == "/v1/openai/chat/completions"
    assert str(api.base_url).rstrip("/") == server.url


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/a/b", "/a/b/chat/completions"),
    ],
)
def test_slashes(surface, serve, base, path):
    server = serve(OK)
    surface.create(surface.client(server.origin + base))
    assert server.request.target == path


def test_a_query_of_the_address_is_kept(surface, serve):
    server = serve(OK)
    surface.create(surface.client(server.url + "?api-version=7"), extra_query={"a": "b"})
    assert server.request.path == "/v1/openai/chat/completions"
    assert server.request.query == [("api-version", "7"), ("a", "b")]


def test_the_address_can_be_set(surface, serve):
    first, second = serve(OK), serve(OK)
    api = surface.client(first)
    surface.create(api)
    api.base_url = second.url
    assert str(api.base_url).rstrip("/") == second.url
    surface.create(api)
    assert len(first.requests) == len(second.requests) == 1


@pytest.mark.parametrize(
    "url", ["", "no-scheme/v1", "ftp://example.test/", "http://", "http://[::1", "/v1", "file:///etc"]
)
def test_bad_addresses_are_refused(surface, url):
    with pytest.raises(tokstream.ConfigurationError, match="base_url"):
        surface.create(surface.client(url or "  "))


# ── headers and query ─────────────────────────────────────────────────────────────────────────


def test_default_headers(surface, client):
    api, server = client(then=OK, default_headers={"X-Mine": "1", "User-Agent": "mine/1"})
    surface.create(api)
    surface.create(api, extra_headers={"x-mine": "2"})
    surface.create(api, extra_headers={"X-MINE": tokstream.omit})
    assert [request.header("x-mine") for request in server.requests] == ["1", "2", None]
    assert {request.header("user-agent") for request in server.requests} == {"mine/1"}


def test_what_one_call_says_in_its_headers_is_not_the_nexts(surface, client):
    api, server = client(OK, OK, OK, stream(said("ok")), OK, compress_requests=1000)
    surface.create(api, extra_headers={"X-Mine": "1", "Accept": "text/plain", "Authorization": "Basic abc"})
    surface.create(api, messages="x" * 2000)
    surface.create(api)
    assert surface.ask(api, True) == "ok"
    surface.create(api)
    names = ("x-mine", "accept", "content-encoding", "authorization")
    own = f"Bearer {KEY}"
    assert [tuple(map(request.header, names)) for request in server.requests] == [
        ("1", "text/plain", None, "Basic abc"),
        (None, "application/json", "gzip", own),
        (None, "application/json", None, own),
        (None, "text/event-stream", None, own),
        (None, "application/json", None, own),
    ]


def test_bad_headers_are_told_before_a_missing_key(surface):
    api = surface.client(FAR, api_key=None)
    with pytest.raises(tokstream.ConfigurationError, match="X-A"):
        surface.create(api, extra_headers={"X-A": "a\nb"})


def test_a_header_of_the_callers_replaces_ours(surface, client):
    api, server = client(then=OK)
    surface.create(api, extra_headers={"authorization": "Basic abc", "Content-Type": "application/json; charset=utf-8"})
    assert server.request.header("authorization") == "Basic abc"
    assert server.request.header("content-type") == "application/json; charset=utf-8"


def test_the_authorization_can_be_left_out(surface, client):
    api, server = client(OK)
    surface.create(api, extra_headers={"Authorization": tokstream.omit})
    assert server.request.header("authorization") is None


def test_default_query(surface, client):
    api, server = client(then=OK, default_query={"a": 1, "b": "x y&z"})
    surface.create(api)
    surface.create(api, extra_query={"a": 2, "c": True})
    first, second = server.requests
    assert sorted(first.query) == [("a", "1"), ("b", "x y&z")]
    assert sorted(second.query) == [("a", "2"), ("b", "x y&z"), ("c", "true")]


@pytest.mark.parametrize(
    "headers",
    [
        *({"X-A": value} for value in ("a\r\nX-B: 1", "a\nb", "a\rb", "a\0")),
        *({name: "1"} for name in ("X A", "", "X-A\r\n", "X-A\r", "X\0A")),
    ],
    ids=["crlf", "lf", "cr", "nul", "blank", "empty", "name", "name cr", "name nul"],
)
def test_headers_that_would_break_the_request_are_refused(surface, client, headers):
    api, server = client(OK)
    with pytest.raises(ValueError):
        surface.create(api, extra_headers=headers)
    with pytest.raises(ValueError):
        surface.create(surface.client(server, default_headers=headers))
    assert server.requests == []
    surface.create(api)


@pytest.mark.parametrize("headers", [{"X-A": 1}, {1: "a"}, {"X-A": ["a"]}, ["X-A"], "X-A: 1"], ids=repr)
def test_headers_that_are_no_text_are_refused(surface, client, headers):
    api, server = client(OK)
    with pytest.raises((TypeError, ValueError)):
        surface.create(api, extra_headers=headers)
    surface.create(api)
    assert len(server.requests) == 1


def test_a_value_that_is_not_ascii(surface, client):
    api, server = client(OK)
    surface.create(api, extra_headers={"X-Name": "Zoë"})
    assert server.request.header("x-name").encode("latin-1") in ("Zoë".encode(), "Zoë".encode("latin-1"))


# ── copies ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["with_options", "copy"])
def test_with_options(surface, client, method):
    api, server = client(then=OK, default_headers={"X-A": "1"}, default_query={"q": "1"}, model="of/first")
    changed = getattr(api, method)(
        api_key="other",
        default_headers={"X-B": "2"},
        default_query={"r": "2"},
        max_retries=7,
        timeout=3,
        model="of/copy",
    )
    assert type(changed) is surface.client_class
    assert (changed.max_retries, changed.timeout, changed.api_key) == (7, 3, "other")
    assert (api.max_retries, api.api_key) == (2, KEY)
    surface.create(changed)
    surface.create(api)
    copied, original = server.requests
    assert copied.header("authorization") == "Bearer other"
    assert (copied.header("x-a"), copied.header("x-b")) == ("1", "2")
    assert sorted(copied.query) == [("q", "1"), ("r", "2")]
    assert copied.json["model"] == "of/copy"
    assert original.header("x-b") is None
    assert original.query == [("q", "1")]
    assert original.json["model"] == "of/first"
    # One pool serves both.
    assert len(server.connections) == 1


def test_a_copy_may_replace_headers_and_query(surface, client):
    api, server = client(then=OK, default_headers={"X-A": "1"}, default_query={"q": "1"})
    surface.create(api.with_options(set_default_headers={"X-B": "2"}, set_default_query={"r": "2"}))
    assert (server.request.header("x-a"), server.request.header("x-b")) == (None, "2")
    assert server.request.query == [("r", "2")]


def test_a_copy_may_talk_to_another_server(surface, serve):
    first, second = serve(), serve(OK)
    surface.create(surface.client(first).with_options(base_url=second.url))
    assert len(second.requests) == 1


def test_beta_is_the_same(surface, client):
    api, server = client(OK)
    assert surface.run(api.beta.chat.completions.create(messages=HELLO)).choices[0].message.content == "ok"
    assert server.request.path.endswith("/chat/completions")
    assert api.beta.chat is api.chat
    assert api.beta.chat.completions is api.chat.completions


@pytest.mark.parametrize(
    ("option", "instead"),
    [("http_client", "proxy|verify"), ("organization", "default_headers|no "), ("project", "default_headers|no ")],
)
def test_options_of_openai_python_that_do_not_exist_here(surface, option, instead):
    with pytest.raises((TypeError, tokstream.ConfigurationError), match=rf"(?s){option}.*({instead})"):
        surface.client_class(**{option: object()})


def test_an_unknown_option_is_refused(surface):
    with pytest.raises((TypeError, tokstream.ConfigurationError), match="no_such_option"):
        surface.client_class(no_such_option=1)
    with pytest.raises(TypeError):
        surface.client_class("positional")


def test_responses_names_what_to_use(surface, client):
    api, _ = client()
    with pytest.raises((AttributeError, tokstream.TokstreamError), match=r"chat\.completions"):
        api.responses.create(model="x", input="y")
    with pytest.raises(AttributeError):
        _ = api.no_such_resource


# ── settings as values ────────────────────────────────────────────────────────────────────────

SETTINGS = [
    tokstream.Timeout(3, total=9),
    tokstream.RetryPolicy(max_retries=7, jitter=0.5),
    tokstream.Limits(event_bytes=1, body_bytes=2, error_body_bytes=3),
]


@pytest.mark.parametrize("value", SETTINGS, ids=lambda value: type(value).__name__)
def test_settings_pickle_copy_and_hash(value):
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert again == value
        assert hash(again) == hash(value)
        assert repr(again) == repr(value)
    assert value != type(value)()
    assert value != object()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", SETTINGS, ids=lambda value: type(value).__name__)
def test_settings_pickle_in_every_protocol(value, protocol):
    assert pickle.loads(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("value", SETTINGS, ids=lambda value: type(value).__name__)
def test_settings_do_not_change(value):
    for name in ("read", "max_retries", "event_bytes"):
        with pytest.raises(AttributeError):
            setattr(value, name, 1)


def test_the_default_limits():
    limits = tokstream.Limits()
    assert (limits.event_bytes, limits.body_bytes, limits.error_body_bytes) == (64 << 20, 256 << 20, 1 << 20)


@pytest.mark.parametrize("name", ["event_bytes", "body_bytes", "error_body_bytes"])
@pytest.mark.parametrize("value", [-1, 1.5, "1"], ids=repr)
def test_bad_limits_are_refused(name, value):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        tokstream.Limits(**{name: value})


def test_the_settings_of_a_client_are_checked(surface):
    for option in ({"timeout": "x"}, {"retry": 3}, {"limits": 3}, {"max_retries": "x"}, {"default_headers": 3}):
        with pytest.raises((TypeError, ValueError)):
            surface.client("http://127.0.0.1:1/v1", **option)


@pytest.mark.parametrize("option", ["http_client", "organization", "project", "webhook_secret", "websocket_base_url"])
def test_an_option_of_openai_python_that_asks_for_nothing(surface, option):
    api = surface.client(FAR, **{option: None})
    api.with_options(**{option: None}).with_options(**{option: tokstream.NOT_GIVEN})
    surface.client_class(api_key="key", _strict_response_validation=False)
    with pytest.raises(TypeError, match=option):
        api.with_options(**{option: "x"})


def test_a_client_that_was_not_set_up_can_be_shown(surface):
    bare = surface.client_class.__new__(surface.client_class)
    assert "not set up" in repr(bare)
    with pytest.raises(tokstream.ConfigurationError) as caught:
        surface.client_class(base_url="ftp://x")
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "not set up" in shown
    with pytest.raises(TypeError) as wrong:
        surface.client_class(no_such_option=1)
    assert traceback.TracebackException.from_exception(wrong.value, capture_locals=True)


OURS = {"api_key", "base_url", "timeout", "max_retries", "default_headers", "default_query"}


@pytest.mark.parametrize("name", sorted(inspect.signature(openai.OpenAI).parameters))
def test_every_option_of_openai_python_is_taken_or_answered(surface, name):
    if name in OURS:
        assert name in inspect.signature(surface.client_class).parameters
        return
    with pytest.raises(TypeError, match=rf"has no argument '{name}': \S"):
        surface.client_class(**{name: object()})


BAD_SETTINGS = [("api_key", "a\nb"), ("api_key", 5), ("base_url", "ftp://x"), ("timeout", "soon"), ("max_retries", -1)]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS, ids=[f"{name}={value!r}" for name, value in BAD_SETTINGS])
def test_what_cannot_be_set_changes_nothing(surface, client, name, value):
    api, server = client(OK)
    before = getattr(api, name)
    with pytest.raises((tokstream.ConfigurationError, TypeError)):
        setattr(api, name, value)
    assert getattr(api, name) == before
    surface.create(api)
    assert server.request.header("authorization") == f"Bearer {KEY}"

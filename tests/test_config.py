"""How a client is set up: keys, addresses, headers, proxies, TLS and protocols."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import socket
import traceback
from pathlib import Path

import openai
import pytest

import tokstream
from replies import HELLO, completion, error, said
from server import reply, stream
from surface import KEY

OK = reply(completion("ok"))
FAR = "http://api.example.test/v1/openai"
NAMES = ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN", "DEEPINFRA_API_TOKEN")


def bearer(server):
    return [request.header("authorization") for request in server.requests]


# ── keys ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", range(3))
def test_the_key_comes_from_the_environment(surface, client, monkeypatch, first):
    for name in NAMES[first:]:
        monkeypatch.setenv(name, f"key of {name}")
    api, server = client(OK, api_key=None)
    surface.create(api)
    assert bearer(server) == [f"Bearer key of {NAMES[first]}"]


def test_an_empty_variable_is_none(surface, client, monkeypatch):
    monkeypatch.setenv(NAMES[0], "")
    monkeypatch.setenv(NAMES[1], "second")
    api, server = client(OK, api_key=None)
    surface.create(api)
    assert bearer(server) == ["Bearer second"]


def test_an_argument_wins(surface, client, monkeypatch):
    monkeypatch.setenv(NAMES[0], "of the environment")
    api, server = client(OK, api_key="of the argument")
    surface.create(api)
    assert bearer(server) == ["Bearer of the argument"]
    assert api.api_key == "of the argument"


def test_a_missing_key_is_an_error_of_the_first_request(surface, serve):
    api = surface.client(FAR, api_key=None)
    for streamed in (False, True):
        with pytest.raises(tokstream.ConfigurationError) as caught:
            surface.create(api, stream=streamed)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, tokstream.TokstreamError)
        for name in NAMES:
            assert name in str(caught.value)


def test_the_default_server_needs_a_key(surface):
    with pytest.raises(tokstream.ConfigurationError, match=NAMES[0]):
        surface.create(surface.client(None, api_key=None))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_needs_no_key(surface, serve, host):
    server = serve(OK)
    surface.create(surface.client(f"http://{host}:{server.port}/v1", api_key=None))
    assert bearer(server) == [None]


def test_a_callable_key_is_asked_for_each_request(surface, client):
    keys = iter(["one", "two", "three"])
    api, server = client(OK, stream(said("ok")), OK, api_key=lambda: next(keys))
    surface.create(api)
    surface.list(surface.stream(api))
    surface.run(api.with_options(max_retries=0).chat.completions.create(messages=HELLO))
    assert bearer(server) == ["Bearer one", "Bearer two", "Bearer three"]


def test_a_callable_key_that_fails(surface, client):
    def key():
        raise LookupError("the vault is shut")

    api, server = client(OK, api_key=key)
    with pytest.raises(LookupError, match="the vault is shut"):
        surface.create(api)
    api.api_key = "found"
    surface.create(api)
    assert bearer(server) == ["Bearer found"]


@pytest.mark.parametrize("value", [None, 12, b"bytes"], ids=repr)
def test_a_callable_key_that_gives_no_text(surface, serve, value):
    api = surface.client(FAR, api_key=lambda: value)
    with pytest.raises(tokstream.ConfigurationError):
        surface.create(api)


@pytest.mark.parametrize("surface", ["async"], indirect=True)
def test_a_coroutine_gives_the_key_of_an_async_client(surface, client):
    async def key():
        return "awaited"

    api, server = client(OK, api_key=key)
    surface.create(api)
    assert bearer(server) == ["Bearer awaited"]


def test_the_key_can_be_set(surface, client):
    api, server = client(then=OK, api_key="old")
    copy = api.with_options()
    surface.create(api)
    api.api_key = "new"
    surface.create(api)
    surface.create(copy)
    assert bearer(server) == ["Bearer old", "Bearer new", "Bearer old"]


@pytest.mark.parametrize(
    "key",
    ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\rb", "a b\n", "\ra b"],
    ids=["crlf", "lf", "nul", "cr", "lf at the end", "cr at the start"],
)
def test_a_key_that_would_break_the_request_is_refused(surface, client, key):
    api, server = client(api_key="fine")
    api = api.with_options(api_key=lambda: key)
    with pytest.raises(tokstream.ConfigurationError) as caught:
        surface.create(api)
    assert key not in str(caught.value)
    assert server.requests == []
    with pytest.raises(tokstream.ConfigurationError):
        surface.create(surface.client(server, api_key=key))


def test_a_key_of_odd_but_harmless_characters(surface, client):
    api, server = client(OK, api_key="jwt:é.ü_~/+=")
    surface.create(api)
    sent = bearer(server)[0].encode("latin-1").decode()
    assert sent == "Bearer jwt:é.ü_~/+="


def test_the_key_is_not_shown(surface, client):
    api, _ = client()
    assert KEY not in repr(api)
    assert KEY.encode() not in pickle.dumps(api)


def test_a_pickled_client_reads_the_environment(surface, client, monkeypatch):
    api, server = client(OK, model="some/model")
    monkeypatch.setenv(NAMES[0], "of the environment")
    again = pickle.loads(pickle.dumps(api))
    # It is asked at the first use, and not before.
    monkeypatch.setenv(NAMES[0], "of a later environment")
    surface.create(again)
    surface.run(again.close())
    assert bearer(server) == ["Bearer of a later environment"]
    assert server.request.json["model"] == "some/model"


def key_of_the_module():
    return "of the module"


def test_a_key_that_is_a_function_is_pickled_by_its_name(surface, serve, monkeypatch):
    server = serve(OK)
    monkeypatch.setenv(NAMES[0], "of the environment")
    pickled = pickle.dumps(surface.client(server, api_key=key_of_the_module))
    assert b"key_of_the_module" in pickled
    again = pickle.loads(pickled)
    surface.create(again)
    surface.run(again.close())
    assert bearer(server) == ["Bearer of the module"]
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(surface.client(server, api_key=lambda: "no name"))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_in_this_process_keeps_its_key(surface, client, copied):
    api, server = client(OK, api_key="mine")
    again = copied(api)
    surface.create(again)
    surface.run(again.close())
    assert bearer(server) == ["Bearer mine"]


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


def test_userinfo_in_an_address_is_not_shown(surface):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        api = surface.client(f"http://user:s3cr3t@127.0.0.1:{sock.getsockname()[1]}/v1", max_retries=0)
        with pytest.raises(tokstream.APIConnectionError) as caught:
            surface.create(api)
    assert "s3cr3t" not in str(caught.value) + repr(api) + str(caught.value.request.url)


# ── headers and query ─────────────────────────────────────────────────────────────────────────


def test_default_headers(surface, client):
    api, server = client(then=OK, default_headers={"X-Mine": "1", "User-Agent": "mine/1"})
    surface.create(api)
    surface.create(api, extra_headers={"x-mine": "2"})
    surface.create(api, extra_headers={"X-MINE": tokstream.omit})
    assert [request.header("x-mine") for request in server.requests] == ["1", "2", None]
    assert {request.header("user-agent") for request in server.requests} == {"mine/1"}


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


def test_no_error_names_the_key(surface, client):
    api, _ = client(reply(error("no"), 401), max_retries=0)
    with pytest.raises(tokstream.AuthenticationError) as caught:
        surface.create(api)
    assert KEY not in repr(caught.value.request.headers) + repr(caught.value)


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


def test_a_pickle_has_no_secrets(surface):
    api = surface.client(
        "http://user:s3cret@127.0.0.1:1/v1",
        api_key="s3cret-key",
        default_headers={
            "Authorization": "Bearer s3cret",
            "X-Access-Key": "s3cret",
            "accesstoken": "s3cret",
            "X_Api_Key": "s3cret",
            "X-Mine": "1",
        },
        default_query={"api-key": "s3cret", "accessToken": "s3cret", "x-auth": "s3cret", "a": "1"},
        proxy="http://user:s3cret@127.0.0.1:2",
    )
    pickled = pickle.dumps(api)
    assert b"s3cret" not in pickled
    copied = pickle.loads(pickled)
    assert copied.base_url == "http://127.0.0.1:1/v1"
    assert (copied.default_headers, copied.default_query) == ({"X-Mine": "1"}, {"a": "1"})


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


@pytest.mark.parametrize("value", [None, 12, b"bytes"], ids=repr)
@pytest.mark.parametrize("surface", ["async"], indirect=True)
def test_an_awaited_key_that_is_no_text(surface, value):
    async def key():
        return value

    api = surface.client(FAR, api_key=key)
    with pytest.raises(tokstream.ConfigurationError, match=type(value).__name__):
        surface.create(api)


@pytest.mark.parametrize("surface", ["sync"], indirect=True)
def test_a_sync_client_awaits_no_key(surface):
    async def key():
        return "awaited"

    api = surface.client(FAR, api_key=key)
    with pytest.raises(tokstream.ConfigurationError, match="AsyncClient"):
        surface.create(api)
    gc.collect()  # a coroutine that nobody awaited would warn


def test_no_log_names_the_key(surface, client, caplog, capfd, monkeypatch):
    monkeypatch.setenv("RUST_LOG", "trace")
    caplog.set_level(0)
    api, _ = client(reply(error(f"bad key {KEY}"), 401), max_retries=0)
    with pytest.raises(tokstream.AuthenticationError):
        surface.create(api)
    captured = capfd.readouterr()
    assert KEY not in caplog.text + captured.out + captured.err


OURS = {"api_key", "base_url", "timeout", "max_retries", "default_headers", "default_query"}


@pytest.mark.parametrize("name", sorted(inspect.signature(openai.OpenAI).parameters))
def test_every_option_of_openai_python_is_taken_or_answered(surface, name):
    if name in OURS:
        assert name in inspect.signature(surface.client_class).parameters
        return
    with pytest.raises(TypeError, match=rf"has no argument '{name}': \S"):
        surface.client_class(**{name: object()})


def test_the_request_of_a_raw_response_does_not_show_the_key(surface, client):
    api, server = client(OK)
    request = surface.run(api.chat.completions.with_raw_response.create(messages=HELLO)).http_request
    assert server.request.header("authorization") == f"Bearer {KEY}"
    shown = repr(request) + repr(request.headers) + repr(request.headers.raw) + repr(vars(api))
    assert KEY not in shown
    assert KEY.encode() not in pickle.dumps(request)


@pytest.mark.parametrize("form", ["text", "callable", "environment"])
def test_the_locals_of_a_traceback_do_not_show_the_key(surface, client, monkeypatch, form):
    monkeypatch.setenv(NAMES[0], KEY)
    given = {"text": KEY, "callable": lambda: KEY, "environment": None}[form]
    api, _ = client(reply(error("no"), 401), api_key=given, max_retries=0)
    with pytest.raises(tokstream.AuthenticationError) as caught:
        surface.create(api)
    summary = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    inside = [frame for frame in summary.stack if Path(frame.filename).parent != Path(__file__).parent]
    assert inside or surface.name == "async"
    assert not [frame for frame in inside if KEY in str(frame.locals)]


def test_the_key_of_the_environment_can_be_read(surface, monkeypatch):
    monkeypatch.setenv(NAMES[2], "of the environment")
    assert surface.client(FAR, api_key=None).api_key == "of the environment"
    monkeypatch.delenv(NAMES[2])
    assert surface.client(FAR, api_key=None).api_key is None


BAD_SETTINGS = [("api_key", "a\nb"), ("api_key", 5), ("base_url", "ftp://x"), ("timeout", "soon"), ("max_retries", -1)]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS, ids=[f"{name}={value!r}" for name, value in BAD_SETTINGS])
def test_what_cannot_be_set_changes_nothing(surface, client, name, value):
    api, server = client(OK)
    before = getattr(api, name)
    with pytest.raises((tokstream.ConfigurationError, TypeError)):
        setattr(api, name, value)
    assert getattr(api, name) == before
    surface.create(api)
    assert bearer(server) == [f"Bearer {KEY}"]


MISTAKES = {
    "base_url": {"base_url": "ftp://x"},
    "an unknown argument": {"http_client": object()},
    "a line break": {"api_key": "s3cret-key\n"},
    "a header": {"default_headers": {"Authorization": "s3cret-key"}, "no_such_option": 1},
}


@pytest.mark.parametrize("how", ["client", "with_options", "copy"])
@pytest.mark.parametrize("name", MISTAKES)
def test_no_frame_of_a_mistake_has_the_key(surface, name, how):
    """Some loggers show the locals of a traceback's frames."""
    mistake = {"api_key": "s3cret-key", **MISTAKES[name]}
    make = surface.client_class if how == "client" else getattr(surface.client(), how)
    with pytest.raises((tokstream.ConfigurationError, TypeError)) as caught:
        make(**mistake)
    check_frames(caught.value)


def test_no_frame_of_a_mistaken_key_has_it(surface):
    api = surface.client()
    with pytest.raises(tokstream.ConfigurationError) as caught:
        api.api_key = "s3cret-key\n"
    check_frames(caught.value)


def check_frames(error):
    library = str(Path(tokstream.__file__).parent)
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    ours = [frame for frame in frames if frame.filename.startswith(library)]
    assert ours
    assert not [frame for frame in ours if "s3cret" in repr(frame.locals)]

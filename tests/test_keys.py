"""Where a client's key comes from, and which keys are refused."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest

import tokstream
from children import finish
from replies import HELLO, completion, said
from server import reply, stream
from surface import KEY

OK = reply(completion("ok"))
FAR = "http://api.example.test/v1/openai"
NAMES = ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN", "DEEPINFRA_API_TOKEN")


def bearer(server):
    return [request.header("authorization") for request in server.requests]


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


def test_threads_are_refused_a_key_of_the_environment_all_at_once(child):
    # The error is made by Python code, during which threads take turns.
    program = """
        import os, sys, threading
        import tokstream

        os.environ["DEEPINFRA_API_KEY"] = "a" + chr(10) + "b"
        client = tokstream.Client(base_url="http://127.0.0.1:9")
        sys.setswitchinterval(1e-6)
        refused = []

        def ask():
            for _ in range(200):
                try:
                    client.chat.completions.create(messages="Hello!")
                except tokstream.ConfigurationError as error:
                    refused.append(str(error))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        say(len(refused))
    """
    assert finish(child(program)) == ["800"]


def test_a_key_of_odd_but_harmless_characters(surface, client):
    api, server = client(OK, api_key="jwt:é.ü_~/+=")
    surface.create(api)
    sent = bearer(server)[0].encode("latin-1").decode()
    assert sent == "Bearer jwt:é.ü_~/+="


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


@pytest.mark.parametrize("form", ["", "with_raw_response", "with_streaming_response"])
def test_a_pickled_method_is_one_of_a_pickled_client(surface, client, monkeypatch, form):
    api, server = client(then=OK, model="some/model", default_headers={"X-Mine": "1"})
    monkeypatch.setenv(NAMES[0], "of the environment")
    completions = api.chat.completions
    methods = getattr(completions, form) if form else completions
    pickled = pickle.dumps(methods.create)
    assert KEY.encode() not in pickled
    asked = pickle.loads(pickled)(messages="x")
    if form == "with_streaming_response":
        with surface.using(asked) as response:
            surface.run(response.read())
    else:
        surface.run(asked)
    assert bearer(server) == ["Bearer of the environment"]
    assert server.request.json["model"] == "some/model"
    assert server.request.header("x-mine") == "1"
    for copied in (copy.copy(methods), copy.deepcopy(methods)):
        assert (type(copied), copied._form, copied._client) == (type(methods), methods._form, methods._client)


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


@pytest.mark.parametrize("value", [None, 12, b"bytes"], ids=repr)
@pytest.mark.parametrize("surface", ["async"], indirect=True)
def test_an_awaited_key_that_is_no_text(surface, value):
    async def key():
        return value

    api = surface.client(FAR, api_key=key)
    with pytest.raises(tokstream.ConfigurationError, match=type(value).__name__):
        surface.create(api)


@pytest.mark.parametrize("surface", ["async"], indirect=True)
def test_an_awaited_key_that_no_header_can_carry(surface):
    async def key():
        return "secret\ud83d"

    api = surface.client(FAR, api_key=key)
    with pytest.raises(tokstream.ConfigurationError, match="characters") as caught:
        surface.create(api)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("surface", ["sync"], indirect=True)
def test_a_sync_client_awaits_no_key(surface):
    async def key():
        return "awaited"

    api = surface.client(FAR, api_key=key)
    with pytest.raises(tokstream.ConfigurationError, match="AsyncClient"):
        surface.create(api)
    gc.collect()  # a coroutine that nobody awaited would warn


def test_the_key_of_the_environment_can_be_read(surface, monkeypatch):
    monkeypatch.setenv(NAMES[2], "of the environment")
    assert surface.client(FAR, api_key=None).api_key == "of the environment"
    monkeypatch.delenv(NAMES[2])
    assert surface.client(FAR, api_key=None).api_key is None

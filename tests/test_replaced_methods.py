"""Methods that a program replaces, as tests and tracing tools do: `client.chat.completions.create = …`."""

from __future__ import annotations

from importlib import import_module
from unittest import mock

import pytest

from replies import HELLO, completion
from server import reply

OK = reply(completion("ok"))
PATHS = {
    "chat": lambda api: api.chat.completions,
    "completions": lambda api: api.completions,
    "embeddings": lambda api: api.embeddings,
    "raw": lambda api: api.chat.completions.with_raw_response,
    "raw-client": lambda api: api.with_raw_response.chat.completions,
    "raw-chat": lambda api: api.chat.with_raw_response.completions,
    "beta": lambda api: api.beta.chat.completions,
}


@pytest.mark.parametrize("path", PATHS)
def test_a_resource_is_the_same_object_each_time(surface, client, path):
    api, _ = client()
    assert PATHS[path](api) is PATHS[path](api)


@pytest.mark.parametrize("path", PATHS)
def test_patching(surface, client, path):
    api, server = client()
    with mock.patch.object(PATHS[path](api), "create", return_value="patched") as create:
        assert PATHS[path](api).create(messages=HELLO, model="m") == "patched"
    create.assert_called_once_with(messages=HELLO, model="m")
    assert server.requests == []
    assert PATHS[path](api).create != create


def test_a_wrapper(surface, client):
    api, _ = client(OK)
    original = api.chat.completions.create
    seen = []

    def wrapper(**params):
        seen.append(params)
        return original(**params)

    api.chat.completions.create = wrapper
    assert surface.create(api, temperature=0).choices[0].message.content == "ok"
    assert seen == [{"messages": "Hello!", "temperature": 0}]


def test_a_copy_of_the_client_has_methods_of_its_own(surface, client):
    api, _ = client(OK)
    api.chat.completions.create = None
    assert surface.create(api.with_options(max_retries=0)).choices[0].message.content == "ok"


def test_models_too(surface, client):
    api, _ = client()
    with mock.patch.object(api.models, "list", return_value="patched"):
        assert api.models.list() == "patched"


RESOURCES = {
    "chat": lambda api: (api, "chat"),
    "models": lambda api: (api, "models"),
    "chat.completions": lambda api: (api.chat, "completions"),
    "beta.chat": lambda api: (api.beta, "chat"),
}


@pytest.mark.parametrize("which", RESOURCES)
def test_patching_a_resource(surface, client, which):
    api, _ = client()
    target, name = RESOURCES[which](api)
    before = getattr(target, name)
    with mock.patch.object(target, name) as replaced:
        assert getattr(target, name) is replaced
    assert getattr(target, name) is before


@pytest.mark.parametrize("module", ["chat", "completions", "embeddings"])
def test_a_class_of_one_client_is_not_that_of_the_other(module):
    resources = import_module(f"tokstream.resources.{module}")
    own = [vars(each) for each in vars(resources).values() if isinstance(each, type) and hasattr(each, "create")]
    assert len(own) == 2
    assert all("create" in methods for methods in own)

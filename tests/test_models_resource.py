"""`client.models`: the list of models, and one of them."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import pytest

import tokstream
from replies import MODEL, error
from server import reply
from surface import KEY
from tokstream._models import get_next_page, iter_pages, page_items
from tokstream.types import Model, ModelList

LLAMA = {
    "id": MODEL,
    "object": "model",
    "created": 1733443200,
    "owned_by": "meta-llama",
    "root": MODEL,
    "metadata": {
        "description": "Llama 3.3-70B Turbo",
        "context_length": 131072,
        "max_tokens": 16384,
        "pricing": {"input_tokens": 0.13, "output_tokens": 0.38, "cache_read_tokens": 0.05},
        "tags": ["chat", "fp8"],
    },
}
BARE = {"id": "some/model", "object": "model", "created": 1, "owned_by": "some", "root": None, "metadata": None}
LIST = {"object": "list", "data": [LLAMA, BARE, {"id": "only-an-id"}]}


def test_the_list(surface, client):
    api, server = client(reply(LIST))
    models = surface.run(api.models.list())
    assert isinstance(models, ModelList)
    assert models.object == "list"
    assert [model.id for model in models.data] == [MODEL, "some/model", "only-an-id"]
    assert all(isinstance(model, Model) for model in models.data)
    assert models.to_dict() == LIST
    assert (server.request.method, server.request.path) == ("GET", "/v1/openai/models")
    assert server.request.body == b""
    assert server.request.header("authorization") == f"Bearer {KEY}"


def test_asks_for_prices(surface, client):
    api, server = client(then=reply(LIST))
    surface.run(api.models.list())
    assert ("filter", "with_meta") in server.requests[0].query
    surface.run(api.models.list(extra_query={"filter": "other"}))
    assert server.requests[1].query == [("filter", "other")]


def test_prices_and_context_length(surface, client):
    api, _ = client(reply(LIST))
    llama, bare, only_an_id = surface.run(api.models.list()).data
    assert (llama.created, llama.owned_by, llama.root) == (1733443200, "meta-llama", MODEL)
    meta = llama.metadata
    assert (meta.context_length, meta.max_tokens, meta.tags) == (131072, 16384, ["chat", "fp8"])
    assert meta.description == "Llama 3.3-70B Turbo"
    assert (meta.pricing.input_tokens, meta.pricing.output_tokens, meta.pricing.cache_read_tokens) == (0.13, 0.38, 0.05)
    assert bare.metadata is None
    assert (only_an_id.metadata, only_an_id.owned_by) == (None, None)


def test_the_list_iterates(surface, client):
    api, _ = client(then=reply(LIST))
    assert [model.id for model in surface.run(api.models.list())] == [MODEL, "some/model", "only-an-id"]
    # openai-python's async list is iterated without being awaited.
    assert [model.id for model in surface.list(api.models.list())] == [MODEL, "some/model", "only-an-id"]
    assert len(surface.run(api.models.list()).data) == 3


def test_the_list_needs_no_key(surface, client):
    api, server = client(reply(LIST), api_key=None)
    assert len(surface.run(api.models.list()).data) == 3
    assert server.request.header("authorization") is None


def test_an_empty_list(surface, client):
    api, _ = client(then=reply({"object": "list", "data": []}))
    assert surface.list(api.models.list()) == []
    assert surface.run(api.models.list()).data == []


@pytest.mark.parametrize("model", [MODEL, "plain", "a/b/c", "odd name?#%é"])
def test_one_model(surface, client, model):
    api, server = client(reply({**LLAMA, "id": model}))
    found = surface.run(api.models.retrieve(model))
    assert isinstance(found, Model)
    assert found.id == model
    assert found.metadata.context_length == 131072
    assert server.request.method == "GET"
    assert unquote(server.request.target) == f"/v1/openai/models/{model}"
    assert server.request.query == []


@pytest.mark.parametrize("model", ["..", "../keys", "a/../../keys", "a\r\nb", "x?admin=1", "x#y", "./x"])
def test_names_cannot_lead_elsewhere(surface, client, model):
    api, server = client(then=reply(LLAMA))
    try:
        surface.run(api.models.retrieve(model))
    except ValueError:
        assert server.requests == []
    else:
        folder, _, name = server.request.target.rpartition("/models/")
        assert folder == "/v1/openai"
        assert unquote(name) == model
        assert ".." not in name.split("/")
        assert not set(name) & set("?#\r\n")


def test_a_name_is_needed(surface, client):
    api, _ = client()
    with pytest.raises(ValueError):
        surface.run(api.models.retrieve(""))


def test_a_model_that_is_not_there(surface, client):
    api, _ = client(reply(error("The model `x` does not exist", code="model_not_found"), 404))
    with pytest.raises(tokstream.NotFoundError, match="does not exist") as caught:
        surface.run(api.models.retrieve("x"))
    assert caught.value.code == "model_not_found"


def test_options_of_a_call(surface, client):
    api, server = client(reply(LLAMA))
    surface.run(api.models.retrieve("x", extra_headers={"X-A": "1"}, extra_query={"q": "2"}, timeout=5))
    assert server.request.header("x-a") == "1"
    assert server.request.query == [("q", "2")]


def test_a_reply_that_is_no_list(surface, client):
    api, _ = client(reply(b"<html>"), max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError):
        surface.run(api.models.list())


def test_a_list_that_is_awaited_in_a_task(client):
    _, server = client(then=reply({"object": "list", "data": [LLAMA]}))

    async def main() -> list[str]:
        async with tokstream.AsyncClient(base_url=server.url) as api:
            listed = await asyncio.create_task(api.models.list())
            return [model.id for model in listed] + [model.id async for model in listed]

    assert asyncio.run(main()) == [LLAMA["id"]] * 2


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": []}, {"models": [{"id": "a"}]}, {"object": "list"}], ids=str
)
def test_a_reply_without_a_list_iterates_as_an_empty_one(surface, client, body):
    api, _ = client(then=reply(body))
    assert page_items(surface.run(api.models.list())) == []
    if surface.name == "async":
        assert surface.list(api.models.list()) == []


@pytest.mark.parametrize("data", [5, "gpt", {"a": 1}], ids=str)
def test_data_that_is_no_list(surface, client, data):
    api, _ = client(then=reply({"data": data}), max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError):
        page_items(surface.run(api.models.list()))


def test_the_page_is_the_only_one():
    page = ModelList.model_validate({"object": "list", "data": [LLAMA]})
    assert not page.has_next_page()
    assert page.next_page_info() is None
    assert list(iter_pages(page)) == [page]
    with pytest.raises(RuntimeError, match="has_next_page"):
        get_next_page(page)

    async def gather():
        return [each async for each in iter_pages(page)]

    assert asyncio.run(gather()) == [page]


def test_the_request_id(surface, client):
    headers = [("x-request-id", "req_1")]
    api, _ = client(reply(LIST, headers=headers), reply(LLAMA, headers=headers))
    assert surface.run(api.models.list())._request_id == "req_1"
    assert surface.run(api.models.retrieve("x"))._request_id == "req_1"

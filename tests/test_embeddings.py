"""`client.embeddings`: texts as vectors."""

from __future__ import annotations

import base64
import pickle
import struct

import pytest

import tokstream
from replies import error
from server import reply
from tokstream.types import CreateEmbeddingResponse, Embedding

VECTORS = [[0.5, -1.25, 0.0], [1.0, 2.0, 3.5]]


def packed(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def served(vectors, as_text=None):
    """A server's reply, in the format that was asked for unless told otherwise."""

    def answer(request):
        asked = request.json.get("encoding_format") == "base64"
        encode = packed if (asked if as_text is None else as_text) else list
        return reply(
            {
                "object": "list",
                "model": "BAAI/bge-m3",
                "data": [
                    {"object": "embedding", "index": at, "embedding": encode(vector)}
                    for at, vector in enumerate(vectors)
                ],
                "usage": {"prompt_tokens": 4, "total_tokens": 4},
            }
        )

    return answer


@pytest.mark.parametrize("as_text", [None, False, True], ids=["as-asked", "floats", "base64"])
def test_vectors_are_lists_of_floats(surface, client, as_text):
    api, _ = client(served(VECTORS, as_text))
    result = surface.run(api.embeddings.create(model="BAAI/bge-m3", input=["a", "b"]))
    assert isinstance(result, CreateEmbeddingResponse)
    assert all(isinstance(item, Embedding) for item in result.data)
    assert [item.embedding for item in result.data] == VECTORS
    assert all(type(number) is float for item in result.data for number in item.embedding)
    assert [item.index for item in result.data] == [0, 1]
    assert [item.object for item in result.data] == ["embedding", "embedding"]
    assert (result.object, result.model) == ("list", "BAAI/bge-m3")
    assert (result.usage.prompt_tokens, result.usage.total_tokens) == (4, 4)


def test_vectors_of_responses_are_lists_of_floats(surface, client):
    api, _ = client(then=served(VECTORS, True))
    asked = {"model": "m", "input": ["a", "b"]}
    raw = surface.run(api.embeddings.with_raw_response.create(**asked))
    assert [item.embedding for item in raw.parse().data] == VECTORS
    assert raw.parse() is raw.parse()
    assert raw.parse(to=dict)["data"][0]["embedding"] == packed(VECTORS[0])
    with surface.using(api.embeddings.with_streaming_response.create(**asked)) as response:
        assert [item.embedding for item in surface.run(response.parse()).data] == VECTORS
    raw = surface.run(api.embeddings.with_raw_response.create(**asked, encoding_format="base64"))
    assert raw.parse().data[0].embedding == packed(VECTORS[0])


def test_base64_is_given_as_text_to_who_asks_for_it(surface, client):
    api, server = client(served(VECTORS))
    result = surface.run(api.embeddings.create(model="m", input="a", encoding_format="base64"))
    assert server.request.json["encoding_format"] == "base64"
    assert result.data[1].embedding == packed(VECTORS[1])


def test_floats_on_request(surface, client):
    api, server = client(served(VECTORS))
    result = surface.run(api.embeddings.create(model="m", input="a", encoding_format="float"))
    assert server.request.json == {"model": "m", "input": "a", "encoding_format": "float"}
    assert result.data[0].embedding == VECTORS[0]


@pytest.mark.parametrize("given", ["text", "", ["a", "b"], [1, 2, 3], [[1, 2], [3]], []], ids=repr)
def test_single_inputs_and_lists(surface, client, given):
    api, server = client(served(VECTORS))
    surface.run(api.embeddings.create(model="m", input=given))
    assert server.request.json["input"] == given
    assert (server.request.method, server.request.path) == ("POST", "/v1/openai/embeddings")


def test_parameters(surface, client):
    api, server = client(served(VECTORS))
    surface.run(
        api.embeddings.create(
            model="m",
            input="a",
            dimensions=3,
            user="me",
            encoding_format="float",
            service_tier=None,
            normalize=True,
            extra_body={"custom": [1]},
            extra_headers={"X-A": "1"},
            extra_query={"q": "2"},
            timeout=5,
        )
    )
    assert server.request.json == {
        "model": "m",
        "input": "a",
        "dimensions": 3,
        "user": "me",
        "encoding_format": "float",
        "service_tier": None,
        "normalize": True,
        "custom": [1],
    }
    assert server.request.header("x-a") == "1"
    assert server.request.query == [("q", "2")]


def test_what_is_not_given_is_left_out(surface, client):
    api, server = client(served(VECTORS))
    surface.run(api.embeddings.create(model="m", input="a", dimensions=tokstream.NOT_GIVEN, user=tokstream.omit))
    assert server.request.json.keys() <= {"model", "input", "encoding_format"}


def test_floats_keep_their_precision(surface, client):
    vector = [0.1, 1e-30, -3.4028234663852886e38, 5e-324, 0.0]
    api, _ = client(served([vector], False))
    assert surface.run(api.embeddings.create(model="m", input="a")).data[0].embedding == vector


def test_whole_numbers_are_floats(surface, client):
    api, _ = client(served([[1, 0, -2]], False))
    vector = surface.run(api.embeddings.create(model="m", input="a")).data[0].embedding
    assert vector == [1.0, 0.0, -2.0]


def test_a_large_reply(surface, client):
    vectors = [[float(at)] * 1024 for at in range(200)]
    api, _ = client(served(vectors))
    result = surface.run(api.embeddings.create(model="m", input=["a"] * 200))
    assert [item.embedding[1023] for item in result.data] == [float(at) for at in range(200)]


def test_an_error(surface, client):
    api, _ = client(reply(error("input is too long", param="input"), 400))
    with pytest.raises(tokstream.BadRequestError, match="input is too long"):
        surface.run(api.embeddings.create(model="m", input="a"))


@pytest.mark.parametrize("text", ["not base64!", "AAA", "AAAAAAA="], ids=["alphabet", "length", "not-floats"])
def test_vectors_that_cannot_be_read(surface, client, text):
    api, _ = client(
        reply({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": text}]}), max_retries=0
    )
    with pytest.raises(tokstream.APIResponseValidationError, match="base64") as caught:
        surface.run(api.embeddings.create(model="m", input="a"))
    assert caught.value.status_code == 200


@pytest.mark.parametrize("bad", [float("nan"), b"bytes", object], ids=["nan", "bytes", "class"])
def test_bad_input(surface, client, bad):
    api, server = client(served(VECTORS))
    with pytest.raises((TypeError, ValueError)):
        surface.run(api.embeddings.create(model="m", input=bad))
    assert server.requests == []
    surface.run(api.embeddings.create(model="m", input="a"))


def test_a_model_is_needed(surface, client):
    api, server = client(then=served(VECTORS))
    with pytest.raises(TypeError, match="model"):
        surface.run(api.embeddings.create(input="a"))
    with pytest.raises(TypeError, match="model"):
        surface.run(pickle.loads(pickle.dumps(api.with_options(timeout=5))).embeddings.create(input="a"))
    assert server.requests == []
    surface.run(api.with_options(model="of the copy").with_options(timeout=5).embeddings.create(input="a"))
    api.model = "set"
    surface.run(api.embeddings.create(input="a"))
    assert [request.json["model"] for request in server.requests] == ["of the copy", "set"]


def test_a_success_that_says_it_is_an_error(surface, client):
    api, _ = client(reply(error("no such model", code="lost")), max_retries=0)
    with pytest.raises(tokstream.APIError, match="no such model") as caught:
        surface.run(api.embeddings.create(model="m", input="a"))
    assert caught.value.code == "lost"


def test_the_request_id(surface, client):
    sent = {"object": "list", "data": []}
    api, _ = client(reply(sent, headers=[("x-request-id", "req_1")]), reply(sent))
    assert surface.run(api.embeddings.create(model="m", input="a"))._request_id == "req_1"
    assert surface.run(api.embeddings.create(model="m", input="a"))._request_id is None

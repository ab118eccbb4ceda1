"""What openai-python and tokstream read of models, embeddings and completions of text."""

from __future__ import annotations

import pytest

from parity import Programs
from replies import sse
from server import reply, stream

program = Programs()

PAGE = {"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in "ab"]}


@program(reply(PAGE), reply(PAGE))
def pages(surface, client, library):
    page = surface.run(client.models.list())
    return [
        page.has_next_page(),
        page.next_page_info(),
        [model.id for model in surface.list(page)] if surface.name == "async" else [model.id for model in page],
        sorted(model.id for model in surface.list(client.models.list())),
        page.to_dict() == PAGE,
    ]


@program(
    reply({"object": "list", "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "x", "extra": [1]}]}),
    reply({"object": "list", "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "x"}]}),
    reply({"id": "a", "object": "model", "created": 1, "owned_by": "x", "extra": {"y": 2}}),
)
def models(surface, client, library):
    listed = surface.run(client.models.list())
    iterated = [model.id for model in surface.list(client.models.list())]
    one = surface.run(client.models.retrieve("a"))
    return [
        [model.to_dict() for model in listed.data],
        listed.data[0].extra,
        listed.object,
        iterated,
        one.to_dict(),
        one.extra,
        (one.id, one.created, one.owned_by, one.object),
    ]


def vectors(request):
    # Eight bytes: the floats 0.5 and -2 in base64.
    vector = "AAAAPwAAAMA=" if request.json.get("encoding_format") == "base64" else [0.5, -2.0]
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return reply({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 2}})


@program(vectors, vectors, vectors)
def embeddings(surface, client, library):
    seen = []
    for params in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        result = surface.run(client.embeddings.create(model="m", input=["a"], **params))
        (only,) = result.data
        seen.append([only.embedding, only.index, only.object, result.model, result.object])
        seen.append([result.usage.prompt_tokens, result.usage.total_tokens])
    return seen


@program(
    reply({"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"text": "t", "index": 0}]}),
    stream(
        sse(
            {"id": "c", "choices": [{"text": "a", "index": 0}]},
            {"id": "c", "choices": [{"text": "b", "index": 0, "finish_reason": "stop"}]},
        )
    ),
)
def completions(surface, client, library):
    result = surface.run(client.completions.create(model="m", prompt="p", max_tokens=5))
    pieces = surface.list(surface.run(client.completions.create(model="m", prompt="p", stream=True)))
    return [result.to_dict(), result.choices[0].text, [piece.choices[0].text for piece in pieces]]


@pytest.mark.parametrize("name", program.known)
def test_the_same_program_reads_the_same(surface, serve, name):
    theirs, ours = program.run(name, surface, serve)
    assert ours.result == theirs.result
    assert ours.sent == theirs.sent

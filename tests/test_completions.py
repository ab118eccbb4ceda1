"""`client.completions`: text after a prompt, whole and streamed."""

from __future__ import annotations

import pytest

import tokstream
from replies import MODEL, USAGE, error, event, sse
from server import CLOSE, Gate, reply, stream
from tokstream.types import Completion


def completion(text="once", **fields):
    choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None, **fields}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 5,
        "model": MODEL,
        "choices": [choice],
        "usage": USAGE,
    }


def piece(text, finish_reason=None, index=0, **fields):
    choice = {"index": index, "text": text, "finish_reason": finish_reason}
    return {"id": "cmpl-1", "object": "text_completion", "created": 5, "model": MODEL, "choices": [choice], **fields}


def test_whole(surface, client):
    api, server = client(reply(completion(" upon a time")))
    result = surface.run(api.completions.create(prompt="Once"))
    assert isinstance(result, Completion)
    (choice,) = result.choices
    assert (choice.text, choice.index, choice.finish_reason, choice.logprobs) == (" upon a time", 0, "stop", None)
    assert (result.id, result.object, result.created, result.model) == ("cmpl-1", "text_completion", 5, MODEL)
    assert result.usage.estimated_cost == USAGE["estimated_cost"]
    assert result.system_fingerprint is None
    assert server.request.path == "/v1/openai/completions"
    assert server.request.json == {"model": MODEL, "prompt": "Once"}


@pytest.mark.parametrize("prompt", ["text", ["a", "b"], [1, 2], [[1], [2, 3]], None], ids=repr)
def test_prompts(surface, client, prompt):
    api, server = client(reply(completion()))
    surface.run(api.completions.create(model="m", prompt=prompt))
    assert server.request.json == {"model": "m", "prompt": prompt}


def test_parameters(surface, client):
    api, server = client(reply(completion()))
    params = {
        "best_of": 2,
        "echo": True,
        "frequency_penalty": 0.5,
        "logit_bias": {"1": 2},
        "logprobs": 5,
        "max_tokens": 7,
        "n": 2,
        "presence_penalty": -0.5,
        "seed": 2**64 - 1,
        "stop": ["a"],
        "suffix": "the end",
        "temperature": 0,
        "top_p": 0.5,
        "user": None,
        "brand_new": [1],
    }
    surface.run(api.completions.create(model="m", prompt="p", **params, extra_body={"more": 1}, top_k=tokstream.omit))
    assert server.request.json == {"model": "m", "prompt": "p", **params, "more": 1}


def test_logprobs(surface, client):
    logprobs = {
        "tokens": ["a", "b"],
        "token_logprobs": [None, -0.5],
        "text_offset": [0, 1],
        "top_logprobs": [None, {"b": -0.5, "c": -2.0}],
    }
    api, _ = client(reply(completion("ab", logprobs=logprobs)))
    read = surface.run(api.completions.create(prompt="p", logprobs=2)).choices[0].logprobs
    assert (read.tokens, read.token_logprobs, read.text_offset) == (["a", "b"], [None, -0.5], [0, 1])
    assert read.top_logprobs == [None, {"b": -0.5, "c": -2.0}]


def test_streamed(surface, client):
    gate = Gate()
    api, server = client(stream(event(piece(" upon")), gate, sse(piece(""), piece(" a"), piece("", "stop"))))
    answer = surface.run(api.completions.create(prompt="Once", stream=True))
    assert isinstance(answer, surface.stream_class)
    first = surface.next(answer)
    assert isinstance(first, Completion)
    assert first.choices[0].text == " upon"
    gate.open()
    rest = surface.list(answer)
    assert [c.choices[0].text for c in rest] == ["", " a", ""]
    assert rest[-1].choices[0].finish_reason == "stop"
    assert server.request.json == {"model": MODEL, "prompt": "Once", "stream": True}


def test_the_text_of_a_stream(surface, client):
    api, _ = client(then=stream(sse(piece(" a"), piece(""), piece("b "), piece("", "stop", usage=USAGE))))
    answer = surface.run(api.completions.create(prompt="p", stream=True))
    assert surface.list(answer.text_stream) == [" a", "b "]
    assert answer.usage.total_tokens == 31
    assert surface.run(surface.run(api.completions.create(prompt="p", stream=True)).get_final_text()) == " ab "


def test_the_final_completion_of_a_stream(surface, client):
    api, _ = client(
        stream(
            sse(
                piece("a"),
                piece("x", index=1),
                piece("b"),
                piece("", "length"),
                piece("", "stop", index=1),
                {**piece(""), "choices": [], "usage": USAGE},
            )
        )
    )
    answer = surface.run(api.completions.create(prompt="p", stream=True, n=2))
    final = surface.run(answer.get_final_completion())
    assert isinstance(final, Completion)
    assert [(c.index, c.text, c.finish_reason) for c in final.choices] == [(0, "ab", "length"), (1, "x", "stop")]
    assert final.usage.to_dict() == USAGE


def test_a_cut_stream(surface, client):
    api, _ = client(stream(event(piece("a")), CLOSE))
    answer = surface.run(api.completions.create(prompt="p", stream=True))
    assert surface.next(answer).choices[0].text == "a"
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.next(answer)
    assert caught.value.partial.choices[0].text == "a"


def test_errors(surface, client):
    api, _ = client(then=reply(error("no such model"), 404))
    for streamed in (False, True):
        with pytest.raises(tokstream.NotFoundError, match="no such model"):
            surface.run(api.completions.create(prompt="p", stream=streamed))


def test_a_stream_in_a_with_block(surface, client):
    api, _ = client(stream(sse(piece("a"), piece("b", "stop"))))
    with surface.using(surface.run(api.completions.create(prompt="p", stream=True))) as answer:
        assert [c.choices[0].text for c in surface.list(answer)] == ["a", "b"]


def test_the_request_id(surface, client):
    api, _ = client(reply(completion(), headers=[("x-request-id", "req_1")]), reply(completion()))
    assert surface.run(api.completions.create(prompt="p"))._request_id == "req_1"
    assert surface.run(api.completions.create(prompt="p"))._request_id is None


def test_what_a_stream_knows_about_itself(surface, client):
    headers = [("x-request-id", "req_1")]
    api, _ = client(stream(sse(piece("a"), piece("b", "stop", usage=USAGE)), headers=headers))
    answer = surface.run(api.completions.create(prompt="p", stream=True))
    assert surface.next(answer).choices[0].text == "a"
    assert answer.current_completion_snapshot.choices[0].text == "a"
    surface.list(answer)
    assert answer.current_completion_snapshot.choices[0].text == "ab"
    assert (answer.response.status_code, answer.response.request_id) == (200, "req_1")
    assert 0 <= answer.timings.first_token <= answer.timings.total

"""What `parse` returns: completions with values, and raw responses."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import tokstream
from replies import USAGE, completion
from server import reply
from shapes import OSLO, SHAPES, Model, a_city, calls
from tokstream.types.chat import ChatCompletion, ChatCompletionMessage, ParsedChatCompletion

# --- Completions ---


def test_a_parsed_completion_is_a_completion(parse):
    got = parse(OSLO, response_format=Model)
    assert type(got) is ParsedChatCompletion
    assert isinstance(got, ChatCompletion)
    assert isinstance(got, ParsedChatCompletion)
    assert isinstance(got.choices[0].message, ChatCompletionMessage)
    assert got.id == "chatcmpl-1"
    assert got.usage.total_tokens == USAGE["total_tokens"]
    assert ParsedChatCompletion[Model].__args__ == (Model,)
    assert "parsed" in dir(got.choices[0].message)
    assert "parsed=Model(name='Oslo', people=700)" in repr(got)
    with pytest.raises(AttributeError):
        _ = got.no_such_name


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_dumps(parse, shape):
    got = parse(OSLO, response_format=shape)
    dumped = got.model_dump()
    assert dumped["choices"][0]["message"]["parsed"] == {"name": "Oslo", "people": 700}
    assert dumped["usage"]["total_tokens"] == USAGE["total_tokens"]
    assert json.loads(got.model_dump_json()) == dumped
    # What the server sent, and what goes back to it.
    assert got.to_dict() == completion(OSLO)
    assert json.loads(got.to_json()) == completion(OSLO)
    assert got.model_dump(include={"id"}) == {"id": "chatcmpl-1"}
    assert "parsed" not in got.model_dump(exclude={"choices": {0: {"message": {"parsed"}}}})["choices"][0]["message"]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_copies(parse, shape):
    got = parse(OSLO, response_format=shape)
    for again in (pickle.loads(pickle.dumps(got)), copy.copy(got), copy.deepcopy(got), got.model_copy()):
        assert again == got
        assert type(again) is ParsedChatCompletion
        assert again.choices[0].message.parsed == a_city(shape)
    assert copy.deepcopy(got).choices[0].message.parsed is not got.choices[0].message.parsed
    assert got.model_copy(update={"id": "x"}).id == "x"
    assert got.id == "chatcmpl-1"


def test_changes(parse):
    got = parse(OSLO, response_format=Model)
    message = got.choices[0].message
    message.content = "x"
    message.parsed = None
    message.tag = 1
    assert got.to_dict()["choices"][0]["message"] == {"role": "assistant", "content": "x", "tag": 1}
    del message.tag
    assert not hasattr(message, "tag")
    with pytest.raises(AttributeError):
        del message.parsed
    assert got != parse(OSLO, response_format=Model)
    assert got != 1


def test_a_message_goes_back_without_what_was_parsed(surface, client):
    api, server = client(reply(calls(OSLO)), reply(completion("Hi!")))
    got = surface.run(api.chat.completions.parse(messages="x", tools=[Model]))
    message = got.choices[0].message
    assert message.tool_calls[0].function.parsed_arguments == a_city(Model)
    surface.create(api, messages=[message, {"role": "assistant", "tool_calls": message.tool_calls}])
    one, other = server.requests[1].json["messages"]
    sent = calls(OSLO)["choices"][0]["message"]
    assert one == sent
    assert other["tool_calls"] == sent["tool_calls"]


# --- Raw responses ---


def test_a_raw_response(surface, client):
    api, _ = client(reply(completion(OSLO), headers=[("X-Request-Id", "r")]))
    raw = surface.run(api.chat.completions.with_raw_response.parse(messages="x", response_format=Model))
    assert (raw.status_code, raw.request_id) == (200, "r")
    assert raw.json()["choices"][0]["message"]["content"] == OSLO
    assert raw.parse().choices[0].message.parsed == a_city(Model)
    assert raw.parse() is raw.parse()
    assert raw.parse()._request_id == "r"


def test_a_raw_response_that_does_not_fit(surface, client):
    api, _ = client(reply(completion("?")))
    raw = surface.run(api.chat.completions.with_raw_response.parse(messages="x", response_format=Model))
    with pytest.raises(tokstream.OutputValidationError):
        raw.parse()


def test_a_raw_response_after_asking_again(surface, client):
    api, _ = client(reply(completion("?")), reply(completion(OSLO)))
    completions = api.chat.completions.with_raw_response
    raw = surface.run(completions.parse(messages="x", response_format=Model, max_reasks=1))
    assert raw.parse().choices[0].message.parsed == a_city(Model)
    assert raw.parse().usage.total_tokens == 2 * USAGE["total_tokens"]


def test_a_streaming_response(surface, client):
    api, _ = client(reply(completion(OSLO)))
    completions = api.chat.completions.with_streaming_response
    with surface.using(completions.parse(messages="x", response_format=Model)) as response:
        assert response.status_code == 200
        assert surface.run(response.parse()).choices[0].message.parsed == a_city(Model)

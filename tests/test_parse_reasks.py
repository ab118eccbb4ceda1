"""Replies that do not fit, and asking again: `max_reasks`."""

from __future__ import annotations

import pytest

import tokstream
from replies import USAGE, completion
from server import reply
from shapes import NO_CITY, OSLO, Model, a_city, calls, cut


def test_asking_again(surface, client):
    api, server = client(reply(completion(NO_CITY)), reply(completion("What?")), reply(completion(OSLO)))
    got = surface.run(api.chat.completions.parse(messages="Where?", response_format=Model, max_reasks=2))
    assert got.parsed == a_city(Model)
    assert got.usage.total_tokens == 3 * USAGE["total_tokens"]
    assert got.usage.estimated_cost == pytest.approx(3 * USAGE["estimated_cost"])
    assert type(got.usage).__name__ == "CompletionUsage"
    assert api.usage.requests == 3
    first, second, third = [request.json["messages"] for request in server.requests]
    assert first == [{"role": "user", "content": "Where?"}]
    assert second[:2] == [*first, {"role": "assistant", "content": NO_CITY}]
    assert second[2]["role"] == "user"
    assert "people" in second[2]["content"]
    assert third[:3] == second
    assert third[3] == {"role": "assistant", "content": "What?"}


def test_asking_again_in_vain(surface, client):
    api, _ = client(reply(completion(NO_CITY)), reply(completion("What?")))
    with pytest.raises(tokstream.OutputValidationError) as caught:
        surface.run(api.chat.completions.parse(messages="Where?", response_format=Model, max_reasks=1))
    assert caught.value.text == "What?"
    assert caught.value.completion.usage.total_tokens == 2 * USAGE["total_tokens"]


@pytest.mark.parametrize("reasks", [-1, 1.5, "1", None, True])
def test_how_often_to_ask_again_is_a_count(surface, client, reasks):
    api, _ = client()
    with pytest.raises(TypeError, match="max_reasks"):
        surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=reasks))


def test_asking_again_does_not_help_an_answer_that_was_cut(surface, client):
    api, server = client(reply(cut("length")))
    with pytest.raises(tokstream.LengthFinishReasonError):
        surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=3))
    assert len(server.requests) == 1


def test_asking_again_about_the_arguments_of_a_tool(surface, client):
    api, server = client(reply(calls(OSLO, NO_CITY)), reply(calls(OSLO)))
    got = surface.run(api.chat.completions.parse(messages="x", tools=[Model], max_reasks=1))
    assert got.choices[0].message.tool_calls[0].function.parsed_arguments == a_city(Model)
    assistant, first, second = server.requests[1].json["messages"][1:]
    assert assistant["tool_calls"][1]["function"]["arguments"] == NO_CITY
    assert [first["tool_call_id"], second["tool_call_id"]] == ["call_0", "call_1"]
    assert "people" in second["content"]
    assert "people" not in first["content"]


def test_what_the_model_thought_is_sent_back(surface, client):
    api, server = client(reply(completion("?", message={"reasoning_content": "hm"})), reply(completion(OSLO)))
    surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=1))
    assert server.requests[1].json["messages"][1]["reasoning_content"] == "hm"


HALF = "\ud83d"


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ({"content": None}, {"content": ""}),
        ({"content": "?", "audio": None, "annotations": [], "extra_content": {"a": 1}}, {"extra_content": {"a": 1}}),
        ({"content": f"{HALF}?"}, {"content": "\ufffd?"}),
    ],
    ids=["nothing", "nulls", "half a pair of surrogates"],
)
def test_a_reply_is_sent_back_as_servers_take_it(surface, client, said, again):
    api, server = client(reply(completion(None, message=said)), reply(completion(OSLO)))
    surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=1))
    assert server.requests[1].json["messages"][1] == {"role": "assistant", "content": "?", **again}


@pytest.mark.parametrize("arguments", [None, {"name": "Oslo"}, f'{{"name": "{HALF}"}}'])
def test_a_call_is_sent_back_as_servers_take_it(surface, client, arguments):
    odd = {"id": None, "type": None, "function": {"name": "Model", "arguments": arguments}}
    wrong = completion(None, message={"tool_calls": [None, odd]})
    api, server = client(reply(wrong), reply(calls(OSLO)))
    surface.run(api.chat.completions.parse(messages="x", tools=[Model], max_reasks=1))
    said, result = server.requests[1].json["messages"][1:]
    (call,) = said["tool_calls"]
    assert (call["type"], type(call["id"]), type(call["function"]["arguments"])) == ("function", str, str)
    assert result["tool_call_id"] == call["id"]
    assert result["content"].startswith("The arguments of this call")

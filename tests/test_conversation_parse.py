"""Conversations whose replies are read as values of a type, and the parameters that are none of a request."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from replies import USAGE, choice, chunk, completion, finish, sse, text
from server import reply, stream
from tokstream import BudgetExceededError, ConfigurationError, OutputValidationError
from tokstream.types.chat import ChatCompletion, ParsedChatCompletion

QUESTION = {"role": "user", "content": "One"}
OSLO = '{"name": "Oslo"}'
CALL = {"id": "call-1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


class City(pydantic.BaseModel):
    name: str


def weather(city: str) -> str:
    """How the weather is in a city."""
    return f"sunny in {city}"


def kept(content: str) -> list[Any]:
    return [QUESTION, {"role": "assistant", "content": content}]


def calling() -> Any:
    return reply(completion(None, message={"tool_calls": [CALL]}))


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_reply_of_a_type(surface, client, everywhere):
    api, server = client(*[reply(completion(OSLO))] * 2)
    params = {"response_format": City}
    conversation = api.conversation(**(params if everywhere else {}))
    answer = surface.run(conversation.send("One", **({} if everywhere else params)))
    assert isinstance(answer, ParsedChatCompletion)
    assert answer.parsed == City(name="Oslo")
    assert conversation.messages == kept(OSLO)
    assert server.request.json["response_format"]["json_schema"]["schema"]["required"] == ["name"]
    assert conversation.usage.requests == 1
    plain = surface.run(conversation.send("Two", response_format={"type": "json_object"}))
    assert type(plain) is ChatCompletion
    assert conversation.messages[1] == kept(OSLO)[1]


def test_a_wrapped_value_is_kept_as_the_model_wrote_it(surface, client):
    api, _ = client(reply(completion('{"answer": [1, 2]}')))
    conversation = api.conversation()
    assert surface.run(conversation.send("One", response_format=list[int])).parsed == [1, 2]
    assert conversation.messages == kept('{"answer": [1, 2]}')


@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_reply_that_does_not_fit(surface, client, keep_partial):
    api, _ = client(reply(completion("Oslo")))
    conversation = api.conversation(keep_partial=keep_partial)
    with pytest.raises(OutputValidationError):
        surface.run(conversation.send("One", response_format=City))
    assert conversation.messages == (kept("Oslo") if keep_partial else [])
    assert conversation.usage.total_tokens == USAGE["total_tokens"]


def test_asking_again(surface, client):
    usage = {**USAGE, "estimated_cost": 0.25}
    api, server = client(*[reply(completion(content, usage=usage)) for content in ("Oslo", OSLO)])
    conversation = api.conversation()
    assert surface.run(conversation.send("One", response_format=City, max_reasks=1)).parsed.name == "Oslo"
    assert conversation.messages == kept(OSLO)
    assert conversation.cost == 0.5
    assert len(server.requests) == 2


def test_no_asking_again_beyond_the_budget(surface, client):
    usage = {**USAGE, "estimated_cost": 0.25}
    api, server = client(reply(completion("Oslo", usage=usage)))
    conversation = api.conversation(max_cost=0.2)
    with pytest.raises(BudgetExceededError):
        surface.run(conversation.send("One", response_format=City, max_reasks=1))
    assert len(server.requests) == 1


@pytest.mark.parametrize("fits", [False, True])
def test_the_answer_of_a_run_of_tools(surface, client, fits):
    api, server = client(calling(), reply(completion(OSLO if fits else "Oslo")))
    conversation = api.conversation(tools=[weather], keep_partial=True)
    if fits:
        assert surface.run(conversation.send("One", response_format=City)).parsed == City(name="Oslo")
    else:
        with pytest.raises(OutputValidationError):
            surface.run(conversation.send("One", response_format=City))
    assert [message["role"] for message in conversation.messages] == ["user", "assistant", "tool", "assistant"]
    assert conversation.usage.requests == 2
    assert all("json_schema" in request.json["response_format"] for request in server.requests)


@pytest.mark.parametrize("tools", [False, True])
def test_a_streamed_reply_of_a_type(surface, client, tools):
    called = stream(sse(chunk(choice(tool_calls=[{"index": 0, **CALL}])), finish("tool_calls")))
    said = stream(sse(*map(text, (OSLO[:5], OSLO[5:])), finish()))
    api, _ = client(*[called, said][1 - tools :])
    conversation = api.conversation(response_format=City, **({"tools": [weather]} if tools else {}))
    answer = surface.run(conversation.stream("One"))
    assert "".join(surface.list(answer.text_stream)) == OSLO
    assert surface.run(answer.get_final_completion()).parsed == City(name="Oslo")
    assert conversation.messages[-1] == kept(OSLO)[1]


@pytest.mark.parametrize("options", [{"tools": [weather]}, {"streamed": True}])
def test_where_it_cannot_be_asked_again(surface, client, options):
    api, server = client()
    conversation = api.conversation(response_format=City, max_reasks=1, tools=options.get("tools"))
    with pytest.raises(TypeError, match="max_reasks"):
        surface.run((conversation.stream if options.get("streamed") else conversation.send)("One"))
    assert server.requests == []
    assert conversation.messages == []


def test_what_runs_of_tools_take_is_sent_to_no_server(surface, client):
    api, server = client(reply(completion()), stream(sse(text("Hi"), finish())))
    conversation = api.conversation(max_turns=5, parallel=True, on_tool_error="raise")
    surface.run(conversation.send("One", max_cost=1))
    surface.run(surface.run(conversation.stream("Two", max_cost=1)).until_done())
    for request in server.requests:
        assert {"messages", "model", "stream", "stream_options"} >= set(request.json)


def test_what_one_reply_may_cost(surface, client):
    usage = {**USAGE, "estimated_cost": 0.25}
    whole = completion("A", usage=usage)
    whole["choices"][0]["finish_reason"] = "length"
    api, server = client(*[reply(whole)] * 2, calling(), calling(), reply(completion()))
    conversation = api.conversation(max_cost=0.9)
    with pytest.raises(BudgetExceededError) as caught:
        surface.run(conversation.send("One", auto_continue=True, max_cost=0.5))
    assert (caught.value.limit, caught.value.spent) == (0.5, 0.5)
    assert len(server.requests) == 2
    with pytest.raises(BudgetExceededError):
        surface.run(conversation.send("One", max_cost=0))
    with pytest.raises(ConfigurationError, match="max_cost"):
        surface.run(conversation.send("One", max_cost=-1))
    assert len(server.requests) == 2
    surface.run(conversation.send("One", tools=[weather], max_cost=5))
    assert len(server.requests) == 5


def test_the_smaller_limit_holds_for_a_run(surface, client):
    usage = {**USAGE, "estimated_cost": 0.25}
    api, server = client(*[reply(completion(None, message={"tool_calls": [CALL]}, usage=usage))] * 2)
    conversation = api.conversation(max_cost=0.5, tools=[weather])
    with pytest.raises(BudgetExceededError):
        surface.run(conversation.send("One", max_cost=5))
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", ["system", "keep_partial", "on_overflow", "context_length"])
def test_settings_of_a_conversation_are_sent_to_no_server(surface, client, name):
    api, server = client()
    conversation = api.conversation()
    for method in (conversation.send, conversation.stream):
        with pytest.raises(TypeError, match=f"{name}="):
            surface.run(method("One", **{name: "x"}))
    assert server.requests == []

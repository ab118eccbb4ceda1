"""Runs of tools: the model is asked, the calls that it asks for are run, and so on until it answers."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path
from typing import Any

import openai
import pytest

import tokstream
from replies import HELLO, USAGE, completion
from server import reply
from tool_runs import ANSWER, EXTRA, call, calls, weather

# --- The loop ---


def test_it_runs_the_calls_and_goes_on_until_the_model_answers(run):
    first = call("weather", '{"city": "Rome"}', "a")
    second = call("weather", '{"city": "Oslo", "days": 2}', "b")
    got, server = run(calls(first), calls(second), ANSWER, temperature=0.5, extra_headers={"x-mine": "1"})
    assert got.content == "It is warm."
    assert got.turns == 3
    assert got.choices[0].finish_reason == "stop"
    assert got.completion.to_dict() == completion("It is warm.")
    assert len(got.completions) == 3
    assert got.messages == [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [first]},
        {"role": "tool", "tool_call_id": "a", "content": "warm in Rome for 1"},
        {"role": "assistant", "content": None, "tool_calls": [second]},
        {"role": "tool", "tool_call_id": "b", "content": "warm in Oslo for 2"},
        {"role": "assistant", "content": "It is warm."},
    ]
    assert [request.json["messages"] for request in server.requests] == [got.messages[:count] for count in (1, 3, 5)]
    for request in server.requests:
        assert request.json["temperature"] == 0.5
        assert request.header("x-mine") == "1"
        assert [one["function"]["name"] for one in request.json["tools"]] == ["weather"]
        assert "tool_choice" not in request.json


def test_messages_of_the_caller_stay_as_they_are(surface, client):
    api, _ = client(calls(call("weather", '{"city": "Rome"}')), ANSWER)
    given = list(HELLO)
    surface.run(api.chat.completions.run_tools(messages=given, tools=[weather]))
    assert given == HELLO


def test_a_string_is_a_message_of_the_user(surface, client):
    api, server = client(ANSWER)
    surface.run(api.chat.completions.run_tools("Hello!", tools=[weather]))
    assert server.request.json["messages"] == HELLO


def test_usage_is_summed(run):
    details = {"completion_tokens_details": {"reasoning_tokens": 3}, "prompt_tokens_details": None}
    one = completion(None, message={"tool_calls": [call("weather", '{"city": "Rome"}')]}, usage={**USAGE, **details})
    got, _ = run(reply(one), reply(completion("ok", usage={**USAGE, **details, "mood": 1})))
    assert got.usage.total_tokens == 62
    assert got.usage.estimated_cost == got.cost == pytest.approx(2 * USAGE["estimated_cost"])
    assert got.usage.completion_tokens_details.reasoning_tokens == 6
    assert got.usage.prompt_tokens_details is None
    assert got.usage.mood == 1


def test_usage_that_no_server_told(run):
    got, _ = run(reply({**completion("ok"), "usage": None}))
    assert got.usage is None
    assert got.cost == 0


def test_without_tools_it_is_one_request(run):
    got, server = run(ANSWER, tools=[])
    assert got.content == "It is warm."
    assert "tools" not in server.request.json


def test_reasoning_and_extra_content_go_back_and_nulls_do_not(run):
    asked = call("weather", '{"city": "Rome"}', "a", extra_content=EXTRA)
    sent = {"reasoning_content": "Hm.", "name": None, "refusal": None, "mood": {"calm": None}}
    got, server = run(calls(asked, content="Let me see.", **sent), ANSWER)
    (_, again, _) = server.requests[1].json["messages"]
    assert again == {
        "role": "assistant",
        "content": "Let me see.",
        "reasoning_content": "Hm.",
        "mood": {"calm": None},
        "tool_calls": [asked],
    }
    assert got.messages[1] == again


@pytest.mark.parametrize("content", [None, ""])
def test_a_content_that_is_null_or_empty_goes_back_so(run, content):
    _, server = run(calls(call("weather", '{"city": "Rome"}'), content=content), ANSWER)
    assert server.requests[1].json["messages"][1]["content"] == content


def test_a_message_without_content_is_given_a_null(run):
    whole = completion(None, message={"tool_calls": [call("weather", '{"city": "Rome"}')]})
    del whole["choices"][0]["message"]["content"]
    _, server = run(reply(whole), ANSWER)
    assert server.requests[1].json["messages"][1]["content"] is None


def test_the_stop_reason_does_not_matter_where_there_are_calls(run):
    got, _ = run(calls(call("weather", '{"city": "Rome"}'), finish_reason="stop"), ANSWER)
    assert got.turns == 2


@pytest.mark.parametrize("none", [None, []])
def test_no_calls_are_an_answer(run, none):
    got, _ = run(reply(completion("ok", message={"tool_calls": none})))
    assert got.messages[-1] == {"role": "assistant", "content": "ok"}


@pytest.mark.parametrize("choices", [[], None, [{"index": 0}], [{"index": 0, "message": None}]])
def test_a_reply_without_a_message_ends_the_run(run, choices):
    got, _ = run(reply({**completion(), "choices": choices}))
    assert (got.content, got.turns, got.messages) == (None, 1, HELLO)


def test_openai_python_can_go_on_from_the_messages(run, serve):
    got, _ = run(calls(call("weather", '{"city": "Rome"}')), ANSWER)
    server = serve(ANSWER)
    openai.OpenAI(base_url=server.url, api_key="k").chat.completions.create(model="m", messages=got.messages)
    assert server.request.json["messages"] == got.messages


def test_a_replaced_create_is_asked(surface, client):
    api, server = client(ANSWER)
    seen = []
    original = api.chat.completions.create

    def create(**params: Any) -> Any:
        seen.append(params)
        return original(**params)

    api.chat.completions.create = create
    surface.run(api.chat.completions.run_tools(HELLO, tools=[weather]))
    assert [one["messages"] for one in seen] == [HELLO]
    assert len(server.requests) == 1


def test_raw_clients_run_tools_as_others_do(surface, client):
    api, _ = client(calls(call("weather", '{"city": "Rome"}')), ANSWER)
    got = surface.run(api.chat.completions.with_raw_response.run_tools(HELLO, tools=[weather]))
    assert got.content == "It is warm."


# --- What it shows of itself ---


def test_its_stub_has_the_parameters_of_create():
    stub = ast.parse((Path(tokstream.__file__).parent / "resources" / "chat.pyi").read_text(encoding="utf-8"))
    for kind in stub.body:
        if isinstance(kind, ast.ClassDef) and kind.name in ("Completions", "AsyncCompletions"):
            names: dict[str, list[set[str]]] = {"create": [], "run_tools": []}
            for method in kind.body:
                if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and method.name in names:
                    names[method.name].append({arg.arg for arg in method.args.kwonlyargs})
            assert len(names["run_tools"]) == 3
            own = {"max_turns", "parallel", "on_tool_error", "max_cost"}
            # Answers with tools are not continued, and have no alternatives.
            elsewhere = {"messages", "n", "auto_continue", "resume", "stream_under"}
            assert all(given - own == names["create"][0] - elsewhere for given in names["run_tools"])


def test_a_run_shows_what_it_is(run):
    got, _ = run(ANSWER)
    assert repr(got).startswith("ToolRun(content='It is warm.', turns=1, usage=CompletionUsage(")
    again = pickle.loads(pickle.dumps(got))
    assert (again.messages, again.content, again.usage) == (got.messages, got.content, got.usage)


def test_a_run_without_an_answer(tools_fail):
    error, _ = tools_fail(tokstream.BudgetExceededError, max_cost=0)
    assert error.run.content is None
    with pytest.raises(AttributeError, match="the model has not answered yet"):
        _ = error.run.completion

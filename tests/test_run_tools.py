"""Runs of tools: the model is asked, the calls that it asks for are run, and so on until it answers."""

from __future__ import annotations

import ast
import asyncio
import copy
import json
import pickle
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest

import tokstream
from replies import HELLO, USAGE, completion, said
from server import reply, stream
from tool_runs import ANSWER, EXTRA, broken, call, calls, failure, results, runner, streamed_calls, weather


@pytest.fixture
def run(surface, client):
    return runner(surface, client)


@pytest.fixture
def fails(surface, client):
    return failure(surface, client)


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


# --- What tools return ---


class Mood(Enum):
    CALM = "calm"


class Report(pydantic.BaseModel):
    day: date


@dataclass
class Point:
    x: int
    inner: Any = None


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ("as it is é", "as it is é"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (["é", {"a": None}], '["é", {"a": null}]'),
        (Report(day=date(2026, 1, 2)), '{"day": "2026-01-02"}'),
        ([Point(1, Point(2))], '[{"x": 1, "inner": {"x": 2, "inner": null}}]'),
        (
            {"mood": Mood.CALM, "days": (date(2026, 1, 2),), "set": {1}},
            '{"mood": "calm", "days": ["2026-01-02"], "set": [1]}',
        ),
    ],
)
def test_results_are_texts_or_json(run, result, content):
    def tool() -> Any:
        return result

    got, server = run(calls(call("tool")), ANSWER, tools=[tool])
    assert results(server.requests[1]) == [("call-1", content)]
    assert got.result is None


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize("result", [object(), b"bytes", {(1, 2): 3}, LOOP, Point])
def test_results_that_json_cannot_say(run, result):
    def tool() -> Any:
        return result

    _, server = run(calls(call("tool")), ANSWER, tools=[tool])
    ((_, content),) = results(server.requests[1])
    assert content.startswith("Error: The result of tool cannot be sent to the model: ")


# --- What goes wrong ---


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def odd() -> None:
    raise Odd


def stopped() -> None:
    raise StopIteration(3)


def told() -> None:
    raise tokstream.ToolError("Ask again tomorrow.")


WRONG = {
    "unknown": (call("wether"), "There is no tool named 'wether'. There are: weather, broken, odd, stopped, told."),
    "no name": ({"id": "call-1", "type": "function", "function": None}, "There is no tool named 'None'."),
    "custom": (
        {"id": "call-1", "type": "custom", "custom": {"name": "x", "input": "y"}},
        "There is no tool named 'x'.",
    ),
    "missing": (call("weather"), "The arguments of weather are not valid:\n- city: it is missing"),
    "empty": (call("weather", ""), "The arguments of weather are not valid:\n- city: it is missing"),
    "wrong": (call("weather", '{"city": 1}'), "The arguments of weather are not valid:\n- city: expected a string"),
    "more": (
        call("weather", '{"city": "x", "y": 1}'),
        "The arguments of weather are not valid:\n- y: there is no such argument",
    ),
    "no JSON": (call("weather", '{"city": "Ro'), "The arguments of weather are not valid:\n- it is no JSON"),
    "deep JSON": (call("weather", "[" * 100_000), "The arguments of weather are not valid:\n- it is nested too deeply"),
    "no object": (call("weather", '"Rome"'), "The arguments of weather are not valid:\n- an object was expected"),
    "exception": (call("broken"), "broken failed: KeyError: 0"),
    "odd exception": (call("odd"), "odd failed: Odd"),
    "StopIteration": (call("stopped"), "stopped failed: StopIteration: 3"),
    "its own words": (call("told"), "Ask again tomorrow."),
}
TOOLS = (weather, broken, odd, stopped, told)


@pytest.mark.parametrize("which", WRONG)
def test_the_model_is_told_what_is_wrong(run, which):
    asked, message = WRONG[which]
    got, server = run(calls(asked), ANSWER, tools=TOOLS)
    ((id_, content),) = results(server.requests[1])
    assert id_ == "call-1"
    assert content.startswith(f"Error: {message}")
    assert got.content == "It is warm."


@pytest.mark.parametrize("which", WRONG)
def test_or_an_error_is_raised(fails, which):
    asked, message = WRONG[which]
    error, server = fails(tokstream.ToolError, calls(asked), tools=TOOLS, on_tool_error="raise")
    if which == "no name":
        asked = {**asked, "function": {"name": "None", "arguments": "{}"}}
    function = asked.get("function") or {}
    assert error.message.startswith(message)
    assert error.call_id == "call-1"
    assert error.arguments == function.get("arguments", "")
    assert error.run.messages[1]["tool_calls"] == [asked]
    assert error.run.turns == len(server.requests) == 1


def test_the_cause_of_an_error_is_chained(fails):
    error, _ = fails(tokstream.ToolError, calls(call("broken", '{"x": 7}')), tools=[broken], on_tool_error="raise")
    assert (error.name, error.arguments) == ("broken", '{"x": 7}')
    assert isinstance(error.__cause__, KeyError)
    again = pickle.loads(pickle.dumps(error))
    assert (again.name, again.arguments, again.call_id, str(again)) == ("broken", '{"x": 7}', "call-1", str(error))
    assert again.run.messages == error.run.messages
    assert copy.copy(error).run is error.run


@pytest.mark.parametrize("arguments", ["", " ", None, "{}", "null", {}])
def test_empty_arguments_are_none(run, arguments):
    def tool(x: int = 5) -> int:
        return x

    _, server = run(calls(call("tool", arguments)), ANSWER, tools=[tool])
    assert results(server.requests[1]) == [("call-1", "5")]


def test_arguments_that_are_no_text(run):
    _, server = run(calls(call("weather", {"city": "Rome"})), ANSWER)
    assert results(server.requests[1]) == [("call-1", "warm in Rome for 1")]
    (again,) = server.requests[1].json["messages"][1]["tool_calls"]
    assert json.loads(again["function"]["arguments"]) == {"city": "Rome"}


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        ({}, {"name": "None", "arguments": "{}"}),
        ({"type": None, "function": None}, {"name": "None", "arguments": "{}"}),
        ({"function": "weather"}, {"name": "None", "arguments": "{}"}),
        ({"function": {"name": ["weather"], "arguments": [1]}}, {"name": "['weather']", "arguments": "[1]"}),
        ({"function": {"name": "weather", "arguments": None}}, {"name": "weather", "arguments": "{}"}),
    ],
)
def test_a_call_is_sent_back_as_servers_take_one(run, asked, again):
    _, server = run(reply(completion(None, message={"tool_calls": [{"id": "call-1", **asked}]})), ANSWER)
    (sent,) = server.requests[1].json["messages"][1]["tool_calls"]
    assert sent == {"id": "call-1", "type": "function", "function": again}


HALF = "a\ud83d"


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [call("echo", json.dumps({"text": HALF}))]},
        {"tool_calls": [call("echo", f'{{"text": "{HALF}"}}')]},
        {"tool_calls": [call(HALF)]},
        {"tool_calls": [call("echo", '{"text": "x"}')], "reasoning_content": HALF, "extra_content": {"x": [HALF]}},
    ],
    ids=["escaped arguments", "arguments", "name", "more"],
)
def test_half_of_a_surrogate_pair_goes_back_as_a_replacement(run, message):
    def echo(text: str) -> str:
        return text

    got, server = run(reply(completion(None, message=message)), ANSWER, tools=[echo])
    assert got.content == "It is warm."
    assert HALF not in json.dumps(server.requests[1].json["messages"], ensure_ascii=False)


def test_arguments_that_are_the_json_of_json(run):
    _, server = run(calls(call("weather", json.dumps('{"city": "Rome"}'))), ANSWER)
    assert results(server.requests[1]) == [("call-1", "warm in Rome for 1")]


def test_calls_of_one_id_are_both_answered(run):
    pair = [call("weather", '{"city": "Rome"}', "same"), call("weather", '{"city": "Oslo"}', "same")]
    _, server = run(calls(*pair), ANSWER)
    assert results(server.requests[1]) == [("same", "warm in Rome for 1"), ("same", "warm in Oslo for 1")]


@pytest.mark.parametrize("missing", [None, "", 7])
def test_calls_without_an_id_are_given_one(run, missing):
    pair = [call("weather", '{"city": "Rome"}', missing), call("weather", '{"city": "Oslo"}', missing)]
    _, server = run(calls(*pair), ANSWER)
    ids = [one["id"] for one in server.requests[1].json["messages"][1]["tool_calls"]]
    assert len(set(ids)) == 2
    assert results(server.requests[1]) == [(ids[0], "warm in Rome for 1"), (ids[1], "warm in Oslo for 1")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_what_ends_programs_goes_through(surface, client, error, kind):
    def plain() -> None:
        raise error("now")

    async def later() -> None:
        raise error("now")

    api, server = client(calls(call("tool"), call("weather", '{"city": "Rome"}')))
    given = tokstream.tool(plain if kind == "plain" else later, name="tool")
    caught = None
    try:
        surface.run(api.chat.completions.run_tools(HELLO, tools=[given, weather]))
    except BaseException as raised:  # noqa: BLE001 - that is the point
        caught = raised
    assert type(caught) is error
    assert len(server.requests) == 1


def test_a_call_that_was_cut_is_not_run(fails):
    error, server = fails(
        tokstream.LengthFinishReasonError,
        calls(call("weather", '{"city": "Ro'), finish_reason="length"),
        match="max_tokens",
    )
    assert error.completion.choices[0].finish_reason == "length"
    assert error.run.turns == 1
    assert len(server.requests) == 1


def test_a_call_that_was_filtered_is_not_run(fails):
    fails(tokstream.ContentFilterFinishReasonError, calls(call("weather", '{"ci'), finish_reason="content_filter"))


def test_a_text_that_was_cut_is_an_answer(run):
    cut = completion("It is")
    cut["choices"][0]["finish_reason"] = "length"
    got, _ = run(reply(cut))
    assert (got.content, got.choices[0].finish_reason) == ("It is", "length")


def test_an_error_of_a_later_request_has_the_run_so_far(fails):
    down = reply({"error": {"message": "down"}}, status=503)
    error, _ = fails(tokstream.InternalServerError, calls(call("weather", '{"city": "Rome"}')), down)
    assert [one["role"] for one in error.run.messages] == ["user", "assistant", "tool"]
    assert error.run.usage.total_tokens == 31


# --- Limits ---


def test_the_limit_of_turns(fails):
    asked = calls(call("weather", '{"city": "Rome"}'))
    error, server = fails(tokstream.MaxTurnsExceededError, asked, asked, match="each of 2 turns", max_turns=2)
    assert error.max_turns == 2
    assert error.run.turns == len(server.requests) == 2
    # All calls are answered, so that one can go on from here.
    assert [one["role"] for one in error.run.messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert error.run.usage.total_tokens == 62


def test_ten_turns_are_enough_unless_told_otherwise(fails, run):
    asked = calls(call("weather", '{"city": "Rome"}'))
    _, server = fails(tokstream.MaxTurnsExceededError, *[asked] * 10)
    assert len(server.requests) == 10
    got, _ = run(*[asked] * 12, ANSWER, max_turns=None)
    assert got.turns == 13


def test_the_limit_of_cost(fails, run):
    asked = calls(call("weather", '{"city": "Rome"}'))
    cost = USAGE["estimated_cost"]
    error, server = fails(tokstream.BudgetExceededError, asked, asked, match="No further request", max_cost=2 * cost)
    assert (error.limit, error.spent) == (2 * cost, 2 * cost)
    assert error.run.turns == len(server.requests) == 2
    # The answer may cost more than was left.
    got, _ = run(asked, ANSWER, max_cost=1.5 * cost)
    assert got.content == "It is warm."


def test_no_budget_at_all(fails):
    _, server = fails(tokstream.BudgetExceededError, max_cost=0)
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"max_turns": 0}, ValueError, "max_turns must be at least 1, not 0"),
        ({"max_turns": float("nan")}, ValueError, "max_turns must be at least 1, not nan"),
        ({"max_turns": "3"}, TypeError, "max_turns must be a number or None, not '3'"),
        ({"max_cost": "1"}, TypeError, "max_cost must be a number of US dollars or None, not '1'"),
        ({"max_reasks": 1}, TypeError, "run_tools.. has no max_reasks"),
        ({"max_cost": -1}, ValueError, "max_cost must be a number of US dollars, not -1"),
        ({"max_cost": float("nan")}, ValueError, "max_cost must be"),
        ({"on_tool_error": "ignore"}, ValueError, "on_tool_error must be 'return' or 'raise', not 'ignore'"),
        ({"n": 2}, ValueError, "n must be 1"),
        ({"tools": weather}, TypeError, "tools must be a list"),
        ({"tools": [print]}, TypeError, "print cannot be a tool"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_options_that_mean_nothing(fails, options, error, why, streamed):
    _, server = fails(error, match=why, stream=streamed, **options)
    assert server.requests == []


def test_messages_that_are_none(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="messages must be"):
        surface.run(api.chat.completions.run_tools({"role": "user"}, tools=[weather]))


# --- Forced calls, and tools that end the run ---


@pytest.mark.parametrize("forced", ["required", weather, {"type": "function", "function": {"name": "weather"}}])
def test_a_call_is_forced_once(run, forced):
    _, server = run(calls(call("weather", '{"city": "Rome"}')), ANSWER, tool_choice=forced)
    sent = [request.json["tool_choice"] for request in server.requests]
    named = {"type": "function", "function": {"name": "weather"}}
    assert sent == ["required" if forced == "required" else named, "auto"]


@pytest.mark.parametrize("choice_", ["auto", "none", None])
def test_what_forces_nothing_stays(run, choice_):
    _, server = run(calls(call("weather", '{"city": "Rome"}')), ANSWER, tool_choice=choice_)
    assert [request.json["tool_choice"] for request in server.requests] == [choice_, choice_]


def test_a_tool_that_ends_the_run(run):
    @tokstream.tool(ends=True)
    def submit(grade: int) -> dict[str, int]:
        return {"grade": grade}

    pair = [call("submit", '{"grade": 2}', "a"), call("weather", '{"city": "Rome"}', "b")]
    got, server = run(calls(*pair), tools=[weather, submit])
    assert (got.result, got.content, got.turns) == ({"grade": 2}, '{"grade": 2}', 1)
    assert [one.get("content") for one in got.messages[2:]] == ['{"grade": 2}', "warm in Rome for 1"]
    assert len(server.requests) == 1


def test_a_tool_that_fails_does_not_end_the_run(run):
    got, _ = run(calls(call("broken")), ANSWER, tools=[tokstream.tool(broken, ends=True)])
    assert (got.turns, got.result) == (2, None)


class City(pydantic.BaseModel):
    """A city."""

    name: str


def test_a_call_of_a_model_ends_the_run_with_its_object(run):
    got, _ = run(calls(call("City", "{}")), calls(call("City", '{"name": "Rome"}')), tools=[weather, City])
    assert got.result == City(name="Rome")
    assert got.content == '{"name": "Rome"}'
    assert got.turns == 2
    assert got.messages[2]["content"].startswith("Error: The arguments of City are not valid:\n- name: ")


def test_a_tool_without_a_function_ends_the_run(run):
    plain = {"type": "function", "function": {"name": "plain", "parameters": {"type": "object"}}}
    asked = [call("plain", '{"x": 1}', "a"), call("weather", '{"city": "Rome"}', "b")]
    got, server = run(calls(*asked), tools=[plain, weather])
    assert got.pending_calls == [asked[0]]
    assert [one["role"] for one in got.messages] == ["user", "assistant", "tool"]
    assert server.request.json["tools"][0] == plain


# --- Answers of a type ---


OSLO = '{"name": "Oslo"}'


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_of_a_type(surface, client, streamed):
    asked, answer = call("weather", '{"city": "Rome"}'), (OSLO[:5], OSLO[5:])
    whole = [calls(asked), reply(completion(OSLO))]
    api, server = client(*[streamed_calls(asked), stream(said(*answer))] if streamed else whole)
    got = api.chat.completions.run_tools(HELLO, tools=[weather], response_format=City, stream=streamed)
    if streamed:
        with surface.using(got) as events:
            told = surface.list(events)
        assert [one.parsed for one in told if one.type == "content.done"] == [City(name="Oslo")]
        assert told[-1].completion.parsed == City(name="Oslo")
        got = events.run
    else:
        got = surface.run(got)
    assert got.parsed == got.completion.parsed == City(name="Oslo")
    assert got.messages[-1] == {"role": "assistant", "content": OSLO}
    assert [request.json["response_format"]["json_schema"]["name"] for request in server.requests] == ["City"] * 2


def test_a_schema_for_the_answer(run):
    got, _ = run(reply(completion('{"answer": [1]}')), response_format={"type": "array", "items": {"type": "integer"}})
    assert got.parsed == [1]


def test_a_format_of_the_server_goes_as_it_is(run):
    got, server = run(reply(completion("Hi!")), response_format={"type": "json_object"})
    assert got.content == "Hi!"
    assert server.request.json["response_format"] == {"type": "json_object"}
    with pytest.raises(AttributeError, match="parsed"):
        _ = got.parsed


def test_an_answer_that_does_not_fit(fails):
    error, server = fails(
        tokstream.OutputValidationError,
        calls(call("weather", '{"city": "Rome"}')),
        reply(completion("Hm.")),
        response_format=City,
    )
    assert error.text == error.run.content == "Hm."
    assert error.run.usage.total_tokens == 2 * USAGE["total_tokens"]
    assert len(server.requests) == 2


def test_a_run_that_a_tool_ended_has_no_such_answer(run):
    got, _ = run(calls(call("City", OSLO)), tools=[City], response_format=City)
    assert got.result == City(name="Oslo")
    with pytest.raises(AttributeError, match="parsed"):
        _ = got.parsed


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


def test_a_run_without_an_answer(fails):
    error, _ = fails(tokstream.BudgetExceededError, max_cost=0)
    assert error.run.content is None
    with pytest.raises(AttributeError, match="the model has not answered yet"):
        _ = error.run.completion

"""How a run of tools ends: its limits, forced calls, tools that end it, answers of a type."""

from __future__ import annotations

import pydantic
import pytest

import tokstream
from replies import HELLO, USAGE, completion, said
from server import reply, stream
from tool_runs import ANSWER, broken, call, calls, streamed_calls, weather

# --- Limits ---


def test_the_limit_of_turns(tools_fail):
    asked = calls(call("weather", '{"city": "Rome"}'))
    error, server = tools_fail(tokstream.MaxTurnsExceededError, asked, asked, match="each of 2 turns", max_turns=2)
    assert error.max_turns == 2
    assert error.run.turns == len(server.requests) == 2
    # All calls are answered, so that one can go on from here.
    assert [one["role"] for one in error.run.messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert error.run.usage.total_tokens == 62


def test_ten_turns_are_enough_unless_told_otherwise(tools_fail, run):
    asked = calls(call("weather", '{"city": "Rome"}'))
    _, server = tools_fail(tokstream.MaxTurnsExceededError, *[asked] * 10)
    assert len(server.requests) == 10
    got, _ = run(*[asked] * 12, ANSWER, max_turns=None)
    assert got.turns == 13


def test_the_limit_of_cost(tools_fail, run):
    asked = calls(call("weather", '{"city": "Rome"}'))
    cost = USAGE["estimated_cost"]
    error, server = tools_fail(
        tokstream.BudgetExceededError, asked, asked, match="No further request", max_cost=2 * cost
    )
    assert (error.limit, error.spent) == (2 * cost, 2 * cost)
    assert error.run.turns == len(server.requests) == 2
    # The answer may cost more than was left.
    got, _ = run(asked, ANSWER, max_cost=1.5 * cost)
    assert got.content == "It is warm."


def test_no_budget_at_all(tools_fail):
    _, server = tools_fail(tokstream.BudgetExceededError, max_cost=0)
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
def test_options_that_mean_nothing(tools_fail, options, error, why, streamed):
    _, server = tools_fail(error, match=why, stream=streamed, **options)
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


def test_an_answer_that_does_not_fit(tools_fail):
    error, server = tools_fail(
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

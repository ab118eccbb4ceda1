"""What goes wrong in a run of tools."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle

import pytest

import tokstream
from replies import HELLO, completion
from server import reply
from tool_runs import ANSWER, broken, call, calls, results, weather


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
def test_or_an_error_is_raised(tools_fail, which):
    asked, message = WRONG[which]
    error, server = tools_fail(tokstream.ToolError, calls(asked), tools=TOOLS, on_tool_error="raise")
    if which == "no name":
        asked = {**asked, "function": {"name": "None", "arguments": "{}"}}
    function = asked.get("function") or {}
    assert error.message.startswith(message)
    assert error.call_id == "call-1"
    assert error.arguments == function.get("arguments", "")
    assert error.run.messages[1]["tool_calls"] == [asked]
    assert error.run.turns == len(server.requests) == 1


def test_the_cause_of_an_error_is_chained(tools_fail):
    error, _ = tools_fail(tokstream.ToolError, calls(call("broken", '{"x": 7}')), tools=[broken], on_tool_error="raise")
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


def test_a_call_that_was_cut_is_not_run(tools_fail):
    error, server = tools_fail(
        tokstream.LengthFinishReasonError,
        calls(call("weather", '{"city": "Ro'), finish_reason="length"),
        match="max_tokens",
    )
    assert error.completion.choices[0].finish_reason == "length"
    assert error.run.turns == 1
    assert len(server.requests) == 1


def test_a_call_that_was_filtered_is_not_run(tools_fail):
    tools_fail(tokstream.ContentFilterFinishReasonError, calls(call("weather", '{"ci'), finish_reason="content_filter"))


def test_a_text_that_was_cut_is_an_answer(run):
    cut = completion("It is")
    cut["choices"][0]["finish_reason"] = "length"
    got, _ = run(reply(cut))
    assert (got.content, got.choices[0].finish_reason) == ("It is", "length")


def test_an_error_of_a_later_request_has_the_run_so_far(tools_fail):
    down = reply({"error": {"message": "down"}}, status=503)
    error, _ = tools_fail(tokstream.InternalServerError, calls(call("weather", '{"city": "Rome"}')), down)
    assert [one["role"] for one in error.run.messages] == ["user", "assistant", "tool"]
    assert error.run.usage.total_tokens == 31

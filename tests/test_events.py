"""The events of a stream: which there are, and when they come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk as TheirChunk

from event_samples import TOKEN, call, told
from replies import USAGE, choice, chunk, finish, text
from tokstream._events.state import EventState
from tokstream.types.chat import ChatCompletionChunk


def fed(*chunks: dict[str, Any], ended: bool = True) -> list[tuple[Any, ...]]:
    """What the events of these chunks tell."""
    state = EventState()
    events = [event for sent in chunks for event in state.feed(ChatCompletionChunk.model_construct(**sent))]
    return told(events + state.finish() if ended else events)


def test_the_events_of_an_answer(events):
    got = events(text(""), text("Hi"), text(" there"), finish(usage=USAGE))
    assert [event.type for event in got] == [
        "chunk",
        "content.delta",
        "chunk",
        "content.delta",
        "chunk",
        "content.delta",
        "chunk",
        "content.done",
    ]
    assert told(got) == [
        ("content.delta", "", "", None),
        ("content.delta", "Hi", "Hi", None),
        ("content.delta", " there", "Hi there", None),
        ("content.done", "Hi there", None),
    ]
    assert [event.chunk.choices[0].delta.content for event in got if event.type == "chunk"] == [
        "",
        "Hi",
        " there",
        None,
    ]


def test_an_answer_without_content_is_not_done(events):
    assert told(events(chunk(choice(role="assistant", content=None)), text(""), finish())) == [
        ("content.delta", "", "", None)
    ]


def test_a_refusal():
    assert fed(chunk(choice(refusal="I ")), chunk(choice(refusal="can't")), finish()) == [
        ("refusal.delta", "I ", "I "),
        ("refusal.delta", "can't", "I can't"),
        ("refusal.done", "I can't"),
    ]


def test_log_probabilities():
    one, two = (
        chunk({**choice(content="A"), "logprobs": {"content": [TOKEN], "refusal": None}}),
        chunk({**choice(refusal="A"), "logprobs": {"content": [TOKEN, TOKEN], "refusal": [TOKEN]}}),
    )
    got = fed(one, two, finish())
    token = ChatCompletionChunk.model_construct(**one).choices[0].logprobs.content[0]
    assert got == [
        ("content.delta", "A", "A", None),
        ("logprobs.content.delta", [token], [token]),
        ("refusal.delta", "A", "A"),
        ("logprobs.content.delta", [token, token], [token] * 3),
        ("logprobs.refusal.delta", [token], [token]),
        ("content.done", "A", None),
        ("refusal.done", "A"),
        ("logprobs.content.done", [token] * 3),
        ("logprobs.refusal.done", [token]),
    ]


def test_empty_log_probabilities_tell_nothing():
    empty = {**choice(content="A"), "logprobs": {"content": [], "refusal": []}}
    assert fed(chunk(empty), chunk(empty)) == [
        ("content.delta", "A", "A", None),
        ("content.delta", "A", "AA", None),
        ("content.done", "AA", None),
    ]


def test_a_tool_call_in_fragments(events):
    fragments = [call(0, "", "get_weather"), call(0, '{"city": '), call(0, '"Oslo"}')]
    got = events(*[chunk(choice(tool_calls=[one])) for one in fragments], finish("tool_calls"))
    assert told(got) == [
        ("tool_calls.function.arguments.delta", "get_weather", 0, "", None, ""),
        ("tool_calls.function.arguments.delta", "get_weather", 0, '{"city": ', None, '{"city": '),
        ("tool_calls.function.arguments.delta", "get_weather", 0, '{"city": "Oslo"}', {"city": "Oslo"}, '"Oslo"}'),
        ("tool_calls.function.arguments.done", "get_weather", 0, '{"city": "Oslo"}', {"city": "Oslo"}),
    ]


def test_the_next_tool_call_ends_what_came_before():
    got = fed(
        text("Wait."),
        chunk(choice(tool_calls=[call(0, "{}", "f")])),
        chunk(choice(tool_calls=[call(1, "[", "g")])),
        chunk(choice(tool_calls=[call(1, "]")])),
        finish("tool_calls"),
    )
    assert [(kind, *rest[:2]) for kind, *rest in got] == [
        ("content.delta", "Wait.", "Wait."),
        ("tool_calls.function.arguments.delta", "f", 0),
        ("content.done", "Wait.", None),
        ("tool_calls.function.arguments.delta", "g", 1),
        ("tool_calls.function.arguments.done", "f", 0),
        ("tool_calls.function.arguments.delta", "g", 1),
        ("tool_calls.function.arguments.done", "g", 1),
    ]


@pytest.mark.parametrize("separate", [True, False], ids=["finish apart", "finish beside"])
def test_whole_tool_calls_in_one_chunk(separate):
    calls = [call(0, '{"a": 1}', "f"), call(1, "nonsense", "g")]
    last = chunk(choice(None if separate else "tool_calls", tool_calls=calls))
    got = fed(last, finish("tool_calls")) if separate else fed(last, ended=False)
    assert got == [
        ("tool_calls.function.arguments.delta", "f", 0, '{"a": 1}', {"a": 1}, '{"a": 1}'),
        ("tool_calls.function.arguments.delta", "g", 1, "nonsense", None, "nonsense"),
        ("tool_calls.function.arguments.done", "f", 0, '{"a": 1}', {"a": 1}),
        ("tool_calls.function.arguments.done", "g", 1, "nonsense", None),
    ]


def test_a_name_that_is_repeated_or_in_pieces():
    repeated = fed(*[chunk(choice(tool_calls=[call(0, "{", "get_weather")]))] * 2)
    assert {one[1] for one in repeated} == {"get_weather"}
    pieces = fed(*[chunk(choice(tool_calls=[call(0, "", name)])) for name in ("get_", "weather")])
    assert [one[1] for one in pieces] == ["get_", "get_weather", "get_weather"]


def test_calls_of_other_things_than_functions_tell_nothing():
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}
    assert fed(chunk(choice(tool_calls=[custom])), finish("tool_calls")) == []


def test_several_choices_are_kept_apart(events):
    got = events(
        chunk(choice(content="a"), choice(index=1, content="b")),
        chunk(choice(index=1, content="B")),
        chunk(choice("stop", content="A")),
        chunk(choice("length", index=1)),
    )
    assert told(got) == [
        ("content.delta", "a", "a", None),
        ("content.delta", "b", "b", None),
        ("content.delta", "B", "bB", None),
        ("content.delta", "A", "aA", None),
        ("content.done", "aA", None),
        ("content.done", "bB", None),
    ]


def test_what_no_finish_reason_ends_the_end_does(events):
    got = events(text("Hi"), chunk(choice(tool_calls=[call(0, "{}", "f")])))
    assert [event.type for event in got if event.type != "chunk"] == [
        "content.delta",
        "tool_calls.function.arguments.delta",
        "content.done",
        "tool_calls.function.arguments.done",
    ]


def test_nothing_is_ended_twice(events):
    got = events(text("Hi"), finish(), finish(), chunk(usage=USAGE))
    assert [event.type for event in got].count("content.done") == 1


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None, 7, "x", {}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"index": None, "delta": {"content": None, "tool_calls": None, "refusal": None}}]},
        {"choices": [{"index": 0, "delta": {"content": 7, "refusal": [], "tool_calls": [{}, None]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": None}]}, "logprobs": {}}]},
        {"choices": [{"index": "0", "delta": {"content": {"a": 1}}, "logprobs": 7}]},
        {"object": "", "choices": [{"index": 0, "content_filter_results": {}}]},
    ],
)
def test_odd_chunks_are_chunks_alone(events, odd):
    got = events(odd, text("Hi"), finish())
    assert told(got) == [("content.delta", "Hi", "Hi", None), ("content.done", "Hi", None)]
    assert got[0].type == "chunk"
    assert got[0].chunk.to_dict() == odd


# --- Side by side with openai-python ---


PIECES = st.none() | st.sampled_from(["", " ", "hé", "</s>"])
LOGPROBS = st.sampled_from(
    [None, {"content": [TOKEN], "refusal": None}, {"refusal": [TOKEN]}, {"content": [TOKEN] * 2}]
)


@st.composite
def streams(draw: Any) -> list[dict[str, Any]]:
    """Chunks as openai-python expects them: choices in order at first, one fragment of a call in each."""
    count = draw(st.integers(1, 3))
    calls, finished = [0] * count, [False] * count
    chunks: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 10))):
        choices: list[dict[str, Any]] = []
        for index in range(count):
            if number and draw(st.integers(0, 2)) == 0:
                continue
            delta: dict[str, Any] = {} if number else {"role": "assistant"}
            one: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": None}
            for name, often in (("content", 2), ("refusal", 6)):
                if draw(st.integers(0, often)) == 0:
                    delta[name] = draw(PIECES)
            if draw(st.integers(0, 4)) == 0:
                one["logprobs"] = draw(LOGPROBS)
            kind = draw(st.sampled_from(["text", "text", "call", "finish"]))
            if kind == "call" and not finished[index]:
                new = not calls[index] or draw(st.booleans())
                calls[index] += new
                at = calls[index] - 1 if new else draw(st.integers(0, calls[index] - 1))
                delta["tool_calls"] = [call(at, draw(st.sampled_from(['{"a": ', "1}"])), f"f{at}" if new else None)]
            elif kind == "finish":
                one["finish_reason"] = draw(st.sampled_from(["stop", "tool_calls"]))
                finished[index] = True
            choices.append(one)
        chunks.append(chunk(*choices))
    return chunks


def comparable(got: Any) -> dict[str, Any]:
    """An event but for the chunk itself and for values that only `strict` tools have in openai-python."""
    dumped = got.model_dump()
    names = {"snapshot", "chunk"} if got.type == "chunk" else {"parsed_arguments"}
    return {name: value for name, value in dumped.items() if name not in names}


@settings(max_examples=200, deadline=None)
@given(streams())
def test_the_events_are_openai_pythons(chunks):
    ours, theirs = EventState(), ChatCompletionStreamState()
    for sent in chunks:
        expected = theirs.handle_chunk(TheirChunk.construct(**json.loads(json.dumps(sent))))
        got = ours.feed(ChatCompletionChunk.model_construct(**sent))
        assert [comparable(one) for one in got] == [comparable(one) for one in expected]

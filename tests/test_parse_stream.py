"""Replies parsed while they arrive: the partial values of events, and what they cost."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from typing import Any

import pytest

import tokstream
from replies import HELLO, USAGE, choice, chunk, finish, said, said_tools, sse, text
from server import stream
from shapes import NO_CITY, OSLO, SHAPES, Data, Model, a_city
from tokstream._events.state import EventState
from tokstream._events.types import ContentDeltaEvent
from tokstream._parsing.output import Output
from tokstream.types.chat import ChatCompletionChunk, ParsedChatCompletion

PIECES = ['{"na', 'me": "Os', 'lo", "peo', 'ple": 7', "00", "}"]
PARTS = [{}, {"name": "Os"}, {"name": "Oslo"}, {"name": "Oslo"}, {"name": "Oslo"}, {"name": "Oslo", "people": 700}]


@pytest.fixture
def events(surface, client):
    """All events of a stream, and its final completion."""

    def events(sent, **params):
        api, events.server = client(stream(sent))
        with surface.using(api.chat.completions.stream(messages=HELLO, **params)) as answer:
            events.so_far = []
            with contextlib.suppress(StopIteration):
                while True:
                    events.so_far.append(surface.next(answer))
            return events.so_far, surface.run(answer.get_final_completion())

    return events


def of_type(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_value_grows(events, shape):
    got, final = events(said(*PIECES), response_format=shape)
    assert [event.parsed for event in of_type(got, "content.delta")] == PARTS
    (done,) = of_type(got, "content.done")
    assert done.parsed == a_city(shape)
    assert type(final) is ParsedChatCompletion
    assert final.choices[0].message.parsed == a_city(shape)
    sent = events.server.request.json
    assert sent["stream"] is True
    assert sent["response_format"]["json_schema"]["strict"] is True


def test_a_list_in_its_object_grows(events):
    got, final = events(said('{"ans', 'wer": [', "1, 2", ", 3", "]}"), response_format=list[int])
    assert [event.parsed for event in of_type(got, "content.delta")] == [None, [], [1], [1, 2], [1, 2, 3]]
    assert final.parsed == [1, 2, 3]


def test_a_bare_list_grows(events):
    got, final = events(said("[", "1, 2", ", 3", "]"), response_format=list[int])
    assert [event.parsed for event in of_type(got, "content.delta")] == [[], [1], [1, 2], [1, 2, 3]]
    assert final.parsed == [1, 2, 3]


def test_events_are_snapshots_in_whatever_order_they_are_read(events):
    got, _ = events(said(*PIECES), response_format=Model)
    deltas = of_type(got, "content.delta")
    assert [event.parsed for event in reversed(deltas)] == PARTS[::-1]
    again = [pickle.loads(pickle.dumps(copy.copy(event))) for event in deltas]
    assert [event.parsed for event in again] == PARTS
    assert again[0].model_dump()["parsed"] == {}


def test_the_completion_so_far(surface, client):
    api, _ = client(stream(said(*PIECES)))
    with surface.using(api.chat.completions.stream(messages=HELLO, response_format=Model)) as answer:
        assert answer.current_completion_snapshot is None
        seen = []
        for _ in range(4):
            surface.next(answer)
            seen.append(answer.current_completion_snapshot.choices[0].message.parsed)
    # Of each chunk there are two events.
    assert seen == [{}, {}, {"name": "Os"}, {"name": "Os"}]


def test_the_completion_of_a_chunk_has_the_value_so_far(surface, client):
    api, _ = client(stream(said(*PIECES)))
    with surface.using(api.chat.completions.stream(messages=HELLO, response_format=Model)) as answer:
        seen = []
        for _ in PIECES:
            seen.append(surface.next(answer).snapshot.choices[0].message.parsed)
            surface.next(answer)
        *_, last = of_type(surface.list(answer), "chunk")
    assert seen == PARTS
    assert last.snapshot.choices[0].message.parsed == a_city(Model)
    assert answer.current_completion_snapshot.choices[0].message.parsed == a_city(Model)
    assert pickle.loads(pickle.dumps(last)).snapshot == last.snapshot


def test_the_completion_of_a_chunk_has_the_arguments_so_far(surface, client):
    api, _ = client(stream(said_tools("Model", '{"name": "Os', 'lo"', ', "people": 700}')))
    with surface.using(api.chat.completions.stream(messages=HELLO, tools=[Model])) as answer:
        seen = []
        for _ in range(3):
            (call,) = surface.next(answer).snapshot.choices[0].message.tool_calls
            seen.append(call.function.parsed_arguments)
            surface.next(answer)
        *_, last = of_type(surface.list(answer), "chunk")
    (call,) = last.snapshot.choices[0].message.tool_calls
    assert seen == [None, {"name": "Os"}, {"name": "Oslo"}]
    assert call.function.parsed_arguments == a_city(Model)


def test_the_models_own_mark_of_the_end(events):
    _, final = events(said(*PIECES, "</s>"), response_format=Model)
    assert final.parsed == a_city(Model)


def test_formats_of_the_server(events):
    given = {"type": "json_object"}
    got, final = events(said('{"a": ', "1}"), response_format=given)
    assert events.server.request.json["response_format"] == given
    assert [event.parsed for event in of_type(got, "content.delta")] == [{}, {"a": 1}]
    assert of_type(got, "content.done")[0].parsed == {"a": 1}
    assert final.choices[0].message.parsed == {"a": 1}


@pytest.mark.parametrize("content", ["Hello", '{"a": ', ""])
def test_formats_of_the_server_demand_nothing(events, content):
    sent = sse(text(content), finish("length"))
    _, final = events(sent, response_format={"type": "json_object"})
    assert final.choices[0].message.content == content
    assert final.choices[0].message.parsed is None


def test_a_regex_is_sent_as_it_is(events):
    given = {"type": "regex", "regex": "[0-9]+"}
    got, final = events(said("1", "2"), response_format=given)
    assert events.server.request.json["response_format"] == given
    assert [event.parsed for event in of_type(got, "content.delta")] == [None, None]
    assert final.choices[0].message.content == "12"


def test_an_answer_that_does_not_fit(events):
    with pytest.raises(tokstream.OutputValidationError) as caught:
        events(said(NO_CITY), response_format=Model)
    assert caught.value.text == NO_CITY
    assert [reason.path for reason in caught.value.reasons] == ["people"]
    assert caught.value.completion.choices[0].message.content == NO_CITY
    # All that came before it was told.
    assert [event.type for event in events.so_far] == ["chunk", "content.delta"]


def test_an_answer_without_content(events):
    with pytest.raises(tokstream.OutputValidationError) as caught:
        events(sse(finish()), response_format=Model)
    assert caught.value.text == ""


def test_an_answer_without_a_finish_reason(events):
    got, final = events(sse(text(OSLO)), response_format=Model)
    assert of_type(got, "content.done")[0].parsed == final.parsed == a_city(Model)
    with pytest.raises(tokstream.OutputValidationError):
        events(sse(text(NO_CITY)), response_format=Model)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("length", tokstream.LengthFinishReasonError),
        ("content_filter", tokstream.ContentFilterFinishReasonError),
    ],
)
@pytest.mark.parametrize("params", [{"response_format": Model}, {"tools": [Model]}], ids=["format", "tools"])
def test_an_answer_that_was_cut_or_withheld(events, reason, error, params):
    with pytest.raises(error) as caught:
        events(sse(text('{"name": "Os'), finish(reason, usage=USAGE)), **params)
    assert caught.value.completion.choices[0].message.content == '{"name": "Os'
    assert caught.value.completion.usage.total_tokens == USAGE["total_tokens"]


def test_a_refusal(events):
    got, final = events(sse(chunk(choice(refusal="No.")), finish()), response_format=Model)
    assert of_type(got, "refusal.done")[0].refusal == "No."
    assert final.choices[0].message.parsed is None
    with pytest.raises(tokstream.RefusalError, match="No"):
        _ = final.parsed


def test_several_answers(events):
    sent = sse(
        chunk(choice(content='{"name": '), choice(index=1, content='{"name": "Rome", ')),
        chunk(choice(content='"Oslo", "people": 700}'), choice(index=1, content='"people": 2}')),
        chunk(choice("stop"), choice("stop", index=1)),
    )
    got, final = events(sent, response_format=Data, n=2)
    assert [event.parsed for event in of_type(got, "content.done")] == [a_city(Data), a_city(Data, "Rome", 2)]
    assert [one.message.parsed.name for one in final.choices] == ["Oslo", "Rome"]


def test_arguments_of_a_tool_grow(events):
    got, final = events(said_tools("Model", '{"name": "Os', 'lo", "people"', ": 700}"), tools=[Model])
    deltas = of_type(got, "tool_calls.function.arguments.delta")
    assert [event.parsed_arguments for event in deltas] == [
        None,
        {"name": "Os"},
        {"name": "Oslo"},
        {"name": "Oslo", "people": 700},
    ]
    (done,) = of_type(got, "tool_calls.function.arguments.done")
    assert done.parsed_arguments == a_city(Model)
    assert final.choices[0].message.tool_calls[0].function.parsed_arguments == a_city(Model)
    assert events.server.request.json["tools"][0]["function"]["name"] == "Model"


def test_arguments_that_do_not_fit(events):
    with pytest.raises(tokstream.OutputValidationError, match="people"):
        events(said_tools("Model", NO_CITY), tools=[Model])


def test_arguments_of_a_tool_without_a_type(events):
    tool = {"type": "function", "function": {"name": "f"}}
    got, final = events(said_tools("f", '{"a"', ": 1}"), tools=[tool])
    deltas = of_type(got, "tool_calls.function.arguments.delta")
    assert [event.parsed_arguments for event in deltas] == [None, None, {"a": 1}]
    assert final.choices[0].message.tool_calls[0].function.parsed_arguments is None


def test_words_before_a_call_are_no_answer(events):
    begun = {"index": 0, "id": "c", "type": "function", "function": {"name": "Model", "arguments": OSLO}}
    sent = sse(text("Let me see."), chunk(choice(tool_calls=[begun])), finish("tool_calls"))
    got, final = events(sent, tools=[Model], response_format=Data)
    assert of_type(got, "content.done")[0].parsed is None
    assert final.choices[0].message.parsed is None
    assert final.choices[0].message.tool_calls[0].function.parsed_arguments == a_city(Model)


def test_a_stream_is_not_asked_again(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="max_reasks"):
        api.chat.completions.stream(messages="x", response_format=Model, max_reasks=1)


def test_a_type_without_a_schema(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="JSON Schema"):
        api.chat.completions.stream(messages="x", response_format=complex)


@pytest.mark.parametrize("surface", ["sync"], indirect=True)
def test_the_work_for_a_long_answer_is_linear(surface):
    count = 20_000
    state = EventState(output=Output({"type": "array", "items": {"type": "string"}}))
    one = '"ab", '
    whole = "[" + one * count + '"ab"]'
    partial = None
    for position in range(0, len(whole), 6):
        sent = chunk(choice(content=whole[position : position + 6]))
        event = state.feed(ChatCompletionChunk.model_construct(**sent))[-1]
        assert isinstance(event, ContentDeltaEvent)
        partial = event._parsed[0]
        if position % 6000 == 0:
            assert len(event.parsed) == position // 6 + 1
    assert event.parsed == json.loads(whole)
    # Each character was looked at once, whoever asked.
    assert partial.reader.work == len(whole)

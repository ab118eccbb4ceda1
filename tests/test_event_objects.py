"""What events carry: their snapshots, and themselves as objects."""

from __future__ import annotations

import copy
import json
import pickle
import tracemalloc

import pytest

from event_samples import TOKEN, call
from replies import HELLO, choice, chunk, finish, said, text
from server import stream
from tokstream._events import types
from tokstream._events.state import EventState
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk, chat_completion_stream_event

# --- Snapshots ---


def test_a_snapshot_read_in_the_loop_ends_with_its_chunk(surface, client):
    api, _ = client(stream(said("a", "b", "c")))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        seen = []
        for _ in range(3):
            got = surface.next(answer)
            seen.append((got.snapshot, got.snapshot.choices[0].message.content))
            surface.next(answer)
    assert [content for _, content in seen] == ["a", "ab", "abc"]
    assert all(isinstance(snapshot, ChatCompletion) for snapshot, _ in seen)
    assert [snapshot.choices[0].message.content for snapshot, _ in seen] == ["a", "ab", "abc"]


def test_a_snapshot_first_read_later_has_what_came_meanwhile(events):
    first, delta, *_ = events(text("a"), text("b"), finish())
    assert first.snapshot.choices[0].message.content == "ab"
    assert first.snapshot is first.snapshot
    assert delta.snapshot == "a"


def test_texts_and_lists_are_those_of_their_event_whenever_they_are_read():
    state = EventState()
    got = []
    for letter in "abcd":
        sent = {**choice(content=letter), "logprobs": {"content": [{**TOKEN, "token": letter}]}}
        got += state.feed(ChatCompletionChunk.model_construct(**chunk(sent)))
    texts = [one for one in got if one.type == "content.delta"]
    lists = [one for one in got if one.type == "logprobs.content.delta"]
    assert [one.snapshot for one in reversed(texts)] == ["abcd", "abc", "ab", "a"]
    assert [one.snapshot for one in texts] == ["a", "ab", "abc", "abcd"]
    assert [len(one.snapshot) for one in lists] == [1, 2, 3, 4]
    lists[0].snapshot.clear()
    assert len(lists[1].snapshot) == 2


def test_events_that_are_kept_cost_no_more_than_their_chunks():
    piece = ChatCompletionChunk.model_construct(**text("x" * 100))
    state = EventState()
    tracemalloc.start()
    kept = [state.feed(piece) for _ in range(5000)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 5,000 snapshots of 250 kB on average would be more than a gigabyte.
    assert size < 20_000_000
    assert len(kept[-1][1].snapshot) == 500_000


# --- Events as objects ---


@pytest.fixture
def each():
    """An event of every kind."""
    state = EventState()
    sent = [
        {**choice(content="A", refusal="B"), "logprobs": {"content": [TOKEN], "refusal": [TOKEN]}},
        choice(tool_calls=[call(0, '{"a": 1}', "f")]),
        choice("tool_calls"),
    ]
    events = [one for part in sent for one in state.feed(ChatCompletionChunk.model_construct(**chunk(part)))]
    kinds = {one.type: one for one in events}
    assert len(kinds) == len(types.ChatCompletionStreamEvent.__args__)
    return list(kinds.values())


def test_events_are_typed(each):
    for one in each:
        assert isinstance(one, types.ChatCompletionStreamEvent)
        assert type(one).__name__ in chat_completion_stream_event.__all__
        assert not hasattr(one, "__dict__")


def test_events_pickle_and_copy(each):
    for one in each:
        for again in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
            assert again is not one
            assert type(again) is type(one)
            assert again == one


def test_a_chunk_event_pickles_with_its_snapshot(events):
    first = events(text("a"), finish())[0]
    again = pickle.loads(pickle.dumps(first))
    assert (again.chunk, again.snapshot) == (first.chunk, first.snapshot)
    assert again.snapshot.choices[0].message.content == "a"


def test_events_compare(each):
    for one in each:
        assert [other == one for other in each].count(True) == 1
        assert one != one.model_dump()
        with pytest.raises(TypeError):
            hash(one)


def test_events_are_built_by_name():
    made = types.ContentDeltaEvent(delta="b", snapshot="ab")
    assert repr(made) == "ContentDeltaEvent(type='content.delta', delta='b', snapshot='ab', parsed=None)"
    assert made == types.ContentDeltaEvent("b", "ab", None)
    assert made != types.ContentDeltaEvent("b", "b")
    assert types.RefusalDeltaEvent(delta="b", snapshot="ab").snapshot == "ab"
    assert types.FunctionToolCallArgumentsDeltaEvent("f", 0, "{}").parsed_arguments == {}


def test_events_match():
    match types.ContentDoneEvent(content="x"):
        case types.ContentDoneEvent(content):
            assert content == "x"


def test_events_dump(each):
    for one in each:
        dumped = one.model_dump()
        assert list(dumped) == ["type", *one.__match_args__]
        assert json.loads(one.model_dump_json()) == dumped
        assert json.loads(one.to_json()) == one.to_dict()
        assert one.to_json().startswith('{\n  "type": "')
        assert one.model_dump(include={"type"}) == {"type": one.type}
        assert "type" not in one.model_dump(exclude={"type"})
    logprobs = next(one for one in each if one.type == "logprobs.content.done")
    assert logprobs.to_dict() == {"type": "logprobs.content.done", "content": [TOKEN]}
    done = next(one for one in each if one.type == "content.done")
    assert done.model_dump(exclude_none=True) == {"type": "content.done", "content": "A"}

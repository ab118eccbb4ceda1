"""The event form of a stream: which events there are, when they come, and what they carry."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk as TheirChunk

import tokstream
from replies import HELLO, MODEL, USAGE, choice, chunk, completion, event, finish, said, sse, text
from server import CLOSE, STALL, reply, stream
from tokstream._events import types
from tokstream._events.state import EventState
from tokstream._events.streams import AsyncChatCompletionStream, ChatCompletionStreamManager
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk

# Seconds in which a connection that was given up must be gone.
PROMPT = 2.0
TOKEN = {"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}


def call(index: int, arguments: str | None = None, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """A fragment of a tool call."""
    function = {"name": name, "arguments": arguments}
    sent = {"index": index, "function": {key: value for key, value in function.items() if value is not None}}
    return {**sent, "id": f"call_{index}", "type": "function", **fields} if name else {**sent, **fields}


def told(events: list[Any]) -> list[tuple[Any, ...]]:
    """Type and fields of each event but for those of chunks."""
    return [
        (event.type, *[getattr(event, name) for name in event.__match_args__])
        for event in events
        if event.type != "chunk"
    ]


def fed(*chunks: dict[str, Any], ended: bool = True) -> list[tuple[Any, ...]]:
    """What the events of these chunks tell."""
    state = EventState()
    events = [event for sent in chunks for event in state.feed(ChatCompletionChunk.model_construct(**sent))]
    return told(events + state.finish() if ended else events)


@pytest.fixture
def events(surface, client):
    """All events of a stream of these chunks."""

    def events(*chunks):
        api, _ = client(stream(sse(*chunks)))
        with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
            return surface.list(answer)

    return events


# --- Which events come, and when ---


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


# --- The stream itself ---


def test_asks_for_a_stream(surface, client):
    api, server = client(stream(said("Hi")))
    with surface.using(api.chat.completions.stream(messages=HELLO, temperature=0.5)) as answer:
        surface.list(answer)
    assert server.request.json == {"model": MODEL, "messages": HELLO, "temperature": 0.5, "stream": True}


def test_nothing_is_sent_before_the_block_is_entered(surface, client):
    api, server = client()
    api.chat.completions.stream(messages=HELLO)
    assert server.requests == []


def test_the_final_completion(surface, client):
    api, _ = client(stream(sse(text("Hi"), text(" there"), finish(usage=USAGE))))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        surface.take(answer, 2)
        assert answer.current_completion_snapshot.choices[0].message.content == "Hi"
        final = surface.run(answer.get_final_completion())
        assert (final.choices[0].message.content, final.usage.total_tokens) == ("Hi there", 31)
        assert surface.run(answer.get_final_text()) == "Hi there"
        assert surface.run(answer.until_done()) is answer
        assert surface.list(answer) == []
        assert answer.usage == final.usage
        assert answer.timings.total > 0
        assert answer.response.status_code == 200


def test_the_text(surface, client):
    api, _ = client(stream(sse(text(""), text("Hi"), chunk(choice(index=1, content="no")), {}, text(" you"), finish())))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        assert surface.list(answer.text_stream) == ["Hi", " you"]


@pytest.mark.parametrize(
    "choices",
    [
        [{"delta": {"content": "A"}}],
        [{"index": None, "delta": {"content": "A"}}],
        [{"index": 1, "delta": {"content": "B"}}, {"index": 0, "delta": {"content": "A"}}],
        [{"index": 0, "delta": {"role": "assistant"}}, {"index": 0, "delta": {"content": "B"}}],
        [{"index": 0, "delta": None}, {"delta": {"content": "B"}}],
    ],
    ids=["no index", "null", "second", "twice", "none"],
)
def test_the_text_is_that_of_the_stream(surface, client, choices):
    """Which choice is the first one does not depend on how it is read."""
    api, _ = client(then=stream(sse({**chunk(), "choices": choices}, text("C"))))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        read = surface.list(answer.text_stream)
    assert read == surface.list(surface.stream(api).text_stream)
    assert read[-1] == "C"


def test_a_loop_left_early_can_go_on(surface, client):
    api, _ = client(stream(said("a", "b")))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        assert surface.first(answer).type == "chunk"
        assert [event.type for event in surface.list(answer)][:2] == ["content.delta", "chunk"]


def test_leaving_the_block_ends_the_request(surface, client):
    api, server = client(stream(event(text("a")), STALL), reply(completion("next")))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        assert surface.next(answer).type == "chunk"
        assert not server.connections[0].ended.is_set()
    assert server.connections[0].ended.wait(PROMPT)
    assert surface.list(answer) == []
    assert surface.create(api).choices[0].message.content == "next"


def test_closing_drops_what_was_not_read(surface, client):
    api, _ = client(stream(said("a", "b")))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        surface.next(answer)
        surface.run(answer.close())
        surface.run(answer.close())
        assert surface.list(answer) == []


def test_an_error_comes_after_the_events_before_it(surface, client):
    api, _ = client(stream(event(text("a")), CLOSE))
    with surface.using(api.chat.completions.stream(messages=HELLO)) as answer:
        assert [event.type for event in surface.take(answer, 2)] == ["chunk", "content.delta"]
        with pytest.raises(tokstream.StreamTruncatedError) as caught:
            surface.next(answer)
        assert caught.value.partial.choices[0].message.content == "a"
        assert surface.list(answer) == []


@pytest.mark.parametrize(
    ("reason", "error"),
    [("length", tokstream.LengthFinishReasonError), ("content_filter", tokstream.ContentFilterFinishReasonError)],
)
@pytest.mark.parametrize("strict", [True, False])
def test_an_answer_to_be_parsed_must_be_whole(surface, client, reason, error, strict):
    api, _ = client(stream(sse(text('{"a":'), finish(reason))))
    manager = type(api.chat.completions.stream(messages=HELLO))
    opened = manager(lambda: api.chat.completions.create(messages=HELLO, stream=True), strict=strict)
    with surface.using(opened) as answer:
        if not strict:
            assert surface.run(answer.get_final_completion()).choices[0].finish_reason == reason
            return
        with pytest.raises(error) as caught:
            surface.run(answer.get_final_completion())
        assert caught.value.completion.choices[0].message.content == '{"a":'
        assert surface.list(answer) == []


def test_a_manager_may_be_entered_again():
    class Raw:
        def __init__(self, letter):
            self.chunks = iter([ChatCompletionChunk.model_construct(**text(letter))])

        def __next__(self):
            return next(self.chunks)

        def close(self):
            pass

    letters = iter("ab")
    manager = ChatCompletionStreamManager(lambda: Raw(next(letters)))
    for letter in "ab":
        with manager as answer:
            assert told(list(answer))[0] == ("content.delta", letter, letter, None)


def test_the_chunks_of_an_async_stream_are_those_of_one_loop():
    """The iterator of one loop uses its awaitable again."""

    class Raw:
        async def __aiter__(self):
            for letter in "ab":
                yield ChatCompletionChunk.model_construct(**text(letter))

    async def read():
        return [event async for event in AsyncChatCompletionStream(Raw())]

    assert [delta for kind, delta, *_ in told(asyncio.run(read())) if kind == "content.delta"] == ["a", "b"]


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
        assert type(one).__name__ in types.__all__
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

"""A streamed chat completion: chunks, text, and what a stream knows about itself."""

from __future__ import annotations

import asyncio

import pytest

import tokstream
from replies import DONE, HELLO, MODEL, USAGE, choice, chunk, event, finish, said, sse, text
from server import CLOSE, STALL, Gate, stream
from tokstream.types.chat import ChatCompletionChunk


def contents(chunks):
    return [chunk.choices[0].delta.content for chunk in chunks]


def test_asks_for_a_stream(surface, client):
    api, server = client(stream(said("Hi")))
    surface.list(surface.stream(api, messages=HELLO))
    assert server.request.json == {"model": MODEL, "messages": HELLO, "stream": True}
    assert server.request.path == "/v1/openai/chat/completions"


def test_iterates_chunks(surface, client):
    api, _ = client(stream(said("A", "B")))
    answer = surface.stream(api)
    assert isinstance(answer, surface.stream_class)
    chunks = surface.list(answer)
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    assert contents(chunks) == ["A", "B", None]
    first, _, last = chunks
    assert (first.id, first.object, first.created, first.model) == (
        "chatcmpl-1",
        "chat.completion.chunk",
        1694623354,
        MODEL,
    )
    assert (first.choices[0].index, first.choices[0].delta.role, first.choices[0].finish_reason) == (
        0,
        "assistant",
        None,
    )
    assert last.choices[0].finish_reason == "stop"
    assert last.choices[0].delta.role is None


def test_the_stream_class_takes_a_type_at_run_time():
    for cls in (tokstream.Stream, tokstream.AsyncStream):
        assert cls[ChatCompletionChunk].__origin__ is cls


def test_text_stream_gives_the_contents_as_they_were_sent(surface, client):
    pieces = [" ", " Hi", "!", "", "</s>", "\n\n", "\u2028", "é\U0001f600", "  trailing  "]
    api, _ = client(stream(said(*pieces)))
    assert surface.list(surface.stream(api).text_stream) == [piece for piece in pieces if piece]


def test_chunks_keep_empty_contents(surface, client):
    api, _ = client(stream(said("", "a", "")))
    assert contents(surface.list(surface.stream(api))) == ["", "a", "", None]


def test_nulls_in_a_delta(surface, client):
    nulls = chunk(choice(role=None, content=None, tool_calls=None, refusal=None))
    api, _ = client(stream(sse(nulls, text("x"), finish(), chunk())))
    chunks = surface.list(surface.stream(api))
    delta = chunks[0].choices[0].delta
    assert (delta.role, delta.content, delta.tool_calls, delta.refusal) == (None, None, None, None)
    assert chunks[3].choices == []


def test_missing_keys_read_as_none(surface, client):
    api, _ = client(stream(sse({}, {"choices": [{}]}, {"choices": [{"delta": {}}]}, finish())))
    bare, no_delta, empty_delta, _ = surface.list(surface.stream(api))
    assert (bare.id, bare.model, bare.usage) == (None, None, None)
    assert no_delta.choices[0].finish_reason is None
    assert empty_delta.choices[0].delta.content is None


def test_text_stream_passes_over_odd_chunks(surface, client):
    odd = [{}, {"choices": []}, {"choices": [{}]}, {"choices": [{"delta": {}}]}, chunk(choice(content=None))]
    api, _ = client(stream(sse(*odd, text("x"), *odd, finish())))
    assert surface.list(surface.stream(api).text_stream) == ["x"]


def test_unknown_fields_of_chunks_are_kept(surface, client):
    sent = chunk(choice(content="x", mood={"calm": True}), noise="aXb", provider=None)
    api, _ = client(stream(sse(sent, finish())))
    read = surface.list(surface.stream(api))[0]
    assert read.noise == "aXb"
    assert read.choices[0].delta.mood == {"calm": True}
    assert read.model_extra == {"noise": "aXb", "provider": None}
    assert read.to_dict() == sent


@pytest.mark.parametrize("reason", ["length", "tool_calls", "eos", "content_filter", "brand_new"])
def test_finish_reasons_are_an_open_set(surface, client, reason):
    api, _ = client(stream(sse(text("x"), finish(reason))))
    assert surface.list(surface.stream(api))[-1].choices[0].finish_reason == reason


def test_chunks_are_handed_out_as_they_arrive(surface, client):
    gates = [Gate(), Gate(), Gate()]
    api, _ = client(
        stream(gates[0], event(text("A")), gates[1], event(text("B")), gates[2], sse(finish())),
    )
    answer = surface.stream(api)
    gates[0].open()
    assert surface.next(answer).choices[0].delta.content == "A"
    gates[1].open()
    assert surface.next(answer).choices[0].delta.content == "B"
    gates[2].open()
    assert surface.next(answer).choices[0].finish_reason == "stop"
    with pytest.raises(StopIteration):
        surface.next(answer)


def test_text_is_handed_out_as_it_arrives(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, said("B")))
    answer = surface.stream(api).text_stream
    assert surface.next(answer) == "A"
    gate.open()
    assert surface.list(answer) == ["B"]


def test_the_end_stays_the_end(surface, client):
    api, _ = client(stream(said("A")))
    answer = surface.stream(api)
    surface.list(answer)
    for _ in range(3):
        with pytest.raises(StopIteration):
            surface.next(answer)
    assert surface.list(answer) == []
    assert surface.list(answer.text_stream) == []


def test_iteration_can_be_taken_up_again(surface, client):
    api, _ = client(stream(said("A", "B", "C", "D")))
    answer = surface.stream(api)
    assert contents(surface.take(answer, 1)) == ["A"]
    assert surface.next(answer.text_stream) == "B"
    assert contents(surface.take(answer, 1)) == ["C"]
    assert surface.list(answer.text_stream) == ["D"]
    assert surface.run(answer.get_final_text()) == "ABCD"


def test_a_loop_left_early_can_go_on(surface, client):
    api, _ = client(stream(said("A", "B", "C")))
    with surface.using(surface.stream(api)) as answer:
        assert contents([surface.first(answer)]) == ["A"]
        assert contents(surface.list(answer)) == ["B", "C", None]


@pytest.mark.parametrize(
    ("chunks", "total"),
    [
        ([finish(usage=USAGE)], 31),
        ([finish(), chunk(usage=USAGE)], 31),
        ([finish(usage=USAGE), chunk(usage=USAGE)], 31),
        ([finish(usage={**USAGE, "total_tokens": 1}), chunk(usage=USAGE)], 31),
        ([finish(usage=USAGE), chunk(usage=None)], 31),
        ([finish(usage=None)], None),
        ([finish()], None),
    ],
    ids=["finish", "extra", "both", "both-differ", "then-null", "null", "nowhere"],
)
def test_usage_wherever_it_sits(surface, client, chunks, total):
    api, _ = client(stream(sse(text("A"), *chunks)))
    answer = surface.stream(api)
    assert answer.usage is None
    surface.list(answer)
    assert (answer.usage and answer.usage.total_tokens) == total


def test_usage_on_every_chunk_is_never_added_up(surface, client):
    api, server = client(
        stream(sse(*(chunk(choice(content="x"), usage={**USAGE, "total_tokens": n}) for n in (1, 2, 3)), finish()))
    )
    answer = surface.stream(api, stream_options={"include_usage": True, "continuous_usage_stats": True})
    assert surface.next(answer).usage.total_tokens == 1
    assert answer.usage.total_tokens == 1
    surface.list(answer)
    assert answer.usage.total_tokens == 3
    assert server.request.json["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


def test_the_response(surface, client):
    api, server = client(stream(said("A"), headers=[("X-Request-Id", "req_9"), ("X-Two", "a"), ("x-two", "b")]))
    answer = surface.stream(api, messages=HELLO)
    response = answer.response
    assert response.status_code == 200
    assert response.request_id == "req_9"
    assert response.http_version == "HTTP/1.1"
    assert str(response.url) == f"{server.url}/chat/completions"
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["X-REQUEST-ID"] == "req_9"
    assert response.headers.get_list("x-two") == ["a", "b"]
    assert response.request.method == "POST"
    assert str(response.request.url) == f"{server.url}/chat/completions"
    surface.list(answer)
    assert answer.response.status_code == 200


def test_chunks_know_the_request_id(surface, client):
    api, _ = client(stream(said("A"), headers=[("x-request-id", "req_9")]))
    answer = surface.stream(api)
    assert surface.run(answer.get_final_completion())._request_id == "req_9"


def test_a_stream_is_a_context_manager(surface, client):
    api, _ = client(stream(said("A", "B")))
    with surface.using(surface.stream(api)) as answer:
        assert isinstance(answer, surface.stream_class)
        assert contents(surface.list(answer)) == ["A", "B", None]


def test_an_error_in_the_callers_block_passes_through(surface, client):
    api, _ = client(stream(said("A")), stream(said("B")))
    answer = surface.stream(api)
    with pytest.raises(ZeroDivisionError), surface.using(answer):
        _ = 1 / 0
    assert surface.list(surface.stream(api).text_stream) == ["B"]


def test_an_answer_without_content(surface, client):
    api, _ = client(then=stream(DONE))
    answer = surface.stream(api)
    assert surface.list(answer) == []
    assert surface.list(surface.stream(api).text_stream) == []
    assert surface.run(surface.stream(api).get_final_text()) == ""


def test_a_long_stream(surface, client):
    pieces = [f" {n}" for n in range(5000)]
    api, _ = client(stream(said(*pieces)))
    assert surface.list(surface.stream(api).text_stream) == pieces


def test_a_large_chunk(surface, client):
    big = "0123456789abcdef" * 65536
    api, _ = client(stream(said(big)))
    assert surface.run(surface.stream(api).get_final_text()) == big


def test_streams_side_by_side(surface, client):
    gates = [Gate(), Gate(), Gate()]
    api, server = client(*(stream(event(text(f"{n}a")), gates[n], said(f"{n}b")) for n in range(3)))
    answers = [surface.stream(api) for _ in range(3)]
    assert [surface.next(answer.text_stream) for answer in answers] == ["0a", "1a", "2a"]
    for n in (2, 0, 1):
        gates[n].open()
        assert surface.list(answers[n].text_stream) == [f"{n}b"]
    assert len(server.connections) == 3


@pytest.mark.parametrize(
    "other",
    [
        b"event: ping\ndata: still here\n\n",
        b'event: ping\ndata: {"error": "none", "choices": 3}\n\n',
        b"event: ping\ndata: [1]\n\n",
        b"event: heartbeat\ndata: 1700000000\n\n",
        b"event: queue.position\ndata: three\n\n",
        b"event: note\ndata: [1, 2]\n\n",
    ],
    ids=["ping", "ping-object", "ping-list", "number", "text", "list"],
)
def test_events_of_other_kinds_are_passed_over(surface, client, other):
    api, _ = client(stream(sse(other, text("A"), other, text("B"), finish(), other)))
    assert contents(surface.list(surface.stream(api))) == ["A", "B", None]


@pytest.mark.parametrize("index", [None, tokstream.omit], ids=["null", "absent"])
def test_a_choice_without_its_index_is_the_first(surface, client, index):
    def plain(content):
        sent = choice(content=content)
        del sent["index"]
        return chunk(sent if index is tokstream.omit else {**sent, "index": index})

    api, _ = client(then=stream(sse(plain("A"), plain("B"), finish())))
    assert surface.list(surface.stream(api).text_stream) == ["A", "B"]
    assert surface.run(surface.stream(api).get_final_text()) == "AB"


@pytest.mark.parametrize(
    "wordless",
    [
        {"error": {"message": ""}},
        {"error": {"message": None, "code": 500}},
        {"error": {"code": 500}},
        b"event: error\ndata: {}\n\n",
        b'event: error\ndata: {"error": {}}\n\n',
    ],
    ids=["empty", "null", "code", "event", "event-empty"],
)
def test_an_error_without_words_has_a_message(surface, client, wordless):
    api, _ = client(stream(sse(text("A"), wordless, text("B"))), max_retries=0)
    with pytest.raises(tokstream.APIError) as caught:
        surface.list(surface.stream(api))
    assert str(caught.value).strip()
    assert caught.value.message.strip()


def test_a_stream_without_done_was_cut(surface, client):
    api, _ = client(then=stream(sse(text("A"), text("B"), done=False), CLOSE), max_retries=0)
    answer = surface.stream(api)
    assert contents(surface.take(answer, 2)) == ["A", "B"]
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.next(answer)
    assert isinstance(caught.value, tokstream.APIConnectionError)
    assert caught.value.partial.choices[0].message.content == "AB"
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.run(surface.stream(api).get_final_completion())
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api).text_stream)


def test_a_stream_without_done_that_was_finished_is_whole(surface, client):
    api, _ = client(stream(said("A", done=False)))
    answer = surface.stream(api)
    assert surface.run(answer.get_final_text()) == "A"
    assert answer.current_completion_snapshot.choices[0].finish_reason == "stop"


def test_a_wait_that_was_given_up_is_not_the_end(client):
    """Whoever goes on after a timeout of its own is told that the answer is not whole."""

    async def main() -> None:
        async with tokstream.AsyncClient(base_url=server.url) as api:
            answer = await api.chat.completions.create(messages="x", stream=True)
            assert (await anext(answer)).choices[0].delta.content == "A"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(answer), 0.05)
            with pytest.raises(tokstream.StreamTruncatedError, match="given up") as caught:
                await anext(answer)
            assert caught.value.partial.choices[0].message.content == "A"

    _, server = client(stream(event(text("A")), STALL))
    asyncio.run(main())


def test_a_stream_of_something_as_a_type_at_run_time(surface):
    alias = surface.stream_class[ChatCompletionChunk]
    assert (alias.__origin__, alias.__args__) == (surface.stream_class, (ChatCompletionChunk,))


def test_there_is_no_snapshot_of_nothing(surface, client):
    gate = Gate()
    api, _ = client(stream(gate, said("A")))
    answer = surface.stream(api)
    assert answer.current_completion_snapshot is None
    gate.open()
    assert surface.run(answer.get_final_text()) == "A"


def test_the_text_of_several_choices_is_that_of_the_first(surface, client):
    pieces = [chunk(choice(content="a"), choice(index=1, content="b")), chunk(choice(index=1, content="B"))]
    ends = [chunk(choice("stop")), chunk(choice("stop", index=1))]
    api, _ = client(then=stream(sse(*pieces, text("A"), *ends)))
    assert surface.list(surface.stream(api, n=2).text_stream) == ["a", "A"]
    assert surface.run(surface.stream(api, n=2).get_final_text()) == "aA"

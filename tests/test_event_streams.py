"""The stream of events itself: how it is opened, read, left and closed, and its final completion."""

from __future__ import annotations

import asyncio

import pytest

import tokstream
from event_samples import told
from replies import HELLO, MODEL, USAGE, choice, chunk, completion, event, finish, said, sse, text
from server import CLOSE, STALL, reply, stream
from tokstream._events.streams import AsyncChatCompletionStream, ChatCompletionStreamManager
from tokstream.types.chat import ChatCompletionChunk

# Seconds in which a connection that was given up must be gone.
PROMPT = 2.0


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
    asked = {"response_format": {"type": "object"}} if strict else {}
    with surface.using(api.chat.completions.stream(messages=HELLO, **asked)) as answer:
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

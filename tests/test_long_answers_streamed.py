"""Streams that go on past the reply cap: `auto_continue=`."""

from __future__ import annotations

import pytest

import tokstream
from long_answers import TWICE, capped
from replies import HELLO, USAGE, choice, chunk, error, finish, said, sse, text
from resumes import answered, contents
from server import RESET, Gate, reply, stream


def test_a_stream_goes_on_past_the_cap(surface, hasty):
    api, server = hasty(capped("A", " "), capped(" é", id="chatcmpl-2"), stream(said("C")))
    answer = surface.stream(api, messages=HELLO, auto_continue=True)
    assert isinstance(answer, surface.stream_class)
    chunks = surface.list(answer)
    assert contents(chunks) == ["A", " ", " é", "C", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["stop"]
    assert [request.json["messages"] for request in server.requests[1:]] == [answered("A "), answered("A  é")]
    assert (answer.continued, answer.resumed) == (2, 0)
    whole = surface.run(answer.get_final_completion())
    assert whole.choices[0].message.content == "A  éC"
    assert whole.usage == answer.usage


def test_the_text_on_the_chunk_that_ended_is_handed_out(surface, hasty):
    last = chunk(choice("length", content="B"), usage=USAGE)
    api, _ = hasty(stream(sse(text("A"), last)), stream(said("C")))
    chunks = surface.list(surface.stream(api, auto_continue=True))
    assert contents(chunks) == ["A", "B", "C", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]
    assert all(chunk.usage is None for chunk in chunks[:2])


def test_the_text_of_a_part_does_not_wait_for_the_next_request(surface, hasty):
    gate = Gate()
    last = chunk(choice("length", content="B"))
    api, _ = hasty(stream(sse(last)), [gate, *stream(said("C"))])
    answer = surface.stream(api, auto_continue=True)
    assert surface.next(answer.text_stream) == "B"
    gate.open()
    assert surface.run(answer.get_final_text()) == "BC"


def test_the_one_usage_chunk_has_the_sum(surface, hasty):
    api, _ = hasty(
        stream(sse(text("A"), finish("length"), chunk(usage=USAGE))),
        stream(sse(text("B"), finish(), chunk(usage=USAGE))),
    )
    answer = surface.stream(api, auto_continue=True, stream_options={"include_usage": True})
    chunks = surface.list(answer)
    assert [chunk.usage.to_dict() for chunk in chunks if chunk.usage] == [TWICE]
    assert chunks[-1].choices == []
    assert answer.usage.to_dict() == TWICE


def test_an_end_that_is_none_of_the_cap_is_handed_out_as_it_came(surface, hasty):
    plain = [text("A"), finish("stop", usage=USAGE), chunk(usage=USAGE)]
    api, server = hasty(stream(sse(*plain)))
    assert [chunk.to_dict() for chunk in surface.list(surface.stream(api, auto_continue=True))] == plain
    assert len(server.requests) == 1


READERS = {
    "text_stream": lambda surface, answer: "".join(surface.list(answer.text_stream)),
    "final text": lambda surface, answer: surface.run(answer.get_final_text()),
    "one chunk, then all": lambda surface, answer: surface.next(answer) and surface.run(answer.get_final_text()),
}


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("params", [{}, {"max_tokens": 100}, {"resume": True}])
def test_however_it_is_read(surface, hasty, how, params):
    api, _ = hasty(capped("A", "B"), capped("C"), stream(said("D")))
    answer = surface.stream(api, auto_continue=True, **params)
    assert READERS[how](surface, answer) == "ABCD"
    assert answer.continued == 2
    assert answer.usage.to_dict() == TWICE


def test_past_the_cap_and_after_a_cut(surface, hasty):
    api, server = hasty(
        stream(sse(text("A"), done=False), RESET),
        capped("B"),
        reply(error("down"), status=503),
        stream(sse(text("C"), finish("length"), done=False), RESET),
        stream(said("D")),
        max_retries=0,
    )
    answer = surface.stream(api, messages=HELLO, auto_continue=True, resume=True)
    chunks = surface.list(answer)
    assert contents(chunks) == ["A", "B", "C", "D", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["stop"]
    assert (answer.resumed, answer.continued) == (1, 2)
    assert server.requests[-1].json["messages"] == answered("ABC")


def test_without_resume_a_cut_is_an_error(surface, hasty):
    api, _ = hasty(capped("A"), stream(sse(text("B"), done=False), RESET))
    answer = surface.stream(api, auto_continue=True)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(answer)
    assert caught.value.partial.choices[0].message.content == "AB"
    assert caught.value.partial.choices[0].finish_reason is None
    assert caught.value.partial.usage.to_dict() == USAGE


def test_what_is_held_back_comes_before_the_error(surface, hasty):
    last = chunk(choice("length", content="B"))
    api, _ = hasty(stream(sse(text("A"), last, done=False), RESET))
    answer = surface.stream(api, auto_continue=True)
    assert [surface.next(answer).choices[0].finish_reason for _ in range(2)] == [None, "length"]
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.next(answer)


def test_events_go_on(surface, hasty):
    api, _ = hasty(capped("A"), stream(said("B")))
    with surface.using(api.chat.completions.stream(messages=HELLO, auto_continue=True)) as events:
        assert events.continued == 0
        done = [event.content for event in surface.list(events) if event.type == "content.done"]
        assert (events.continued, events.resumed) == (1, 0)
    assert done == ["AB"]

"""A stream that breaks and goes on: `resume=` of `create`."""

from __future__ import annotations

import json
import time

import pytest

import tokstream
from replies import HELLO, MODEL, choice, chunk, completion, error, event, finish, said, sse, text
from resumes import CHUNKED, EVENTS, LONG, READERS, answered, begun, contents, cut
from server import CLOSE, RESET, STALL, frame, head, stream

CUTS = {
    "reset": cut("A", "é"),
    "in order": stream(begun("A", "é")),
    "by close": stream(begun("A", "é"), framing="close"),
    "inside a frame": [head(200, EVENTS, CHUNKED), frame(begun("A", "é")), frame(event(text("C")))[:-20], CLOSE],
    "inside an event": stream(begun("A", "é"), event(text("C"))[:-9]),
    "inside a character": stream(begun("A", "é"), event(text("é"))[:-65], RESET),
    "short of its length": [
        head(200, EVENTS, ("Content-Length", str(len(begun("A", "é")) + 9))),
        begun("A", "é"),
        CLOSE,
    ],
    "an error": stream(begun("A", "é") + event(error("It went wrong"))),
    "a busy model": stream(begun("A", "é") + event(error("Model busy", code="engine_overloaded"))),
    "a status in mid-stream": stream(begun("A", "é") + event(error("Bad gateway", code=502))),
    "an event of an error": stream(begun("A", "é") + b'event: error\ndata: {"message": "oh"}\n\n'),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_stream_goes_on_after_a_cut(surface, hasty, name):
    api, server = hasty(CUTS[name], stream(said(" ", "B")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    chunks = surface.list(answer)
    assert contents(chunks) == ["A", "é", " ", "B", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["stop"]
    assert answer.resumed == 1
    first, second = (request.json for request in server.requests)
    assert first == {"model": MODEL, "messages": HELLO, "stream": True}
    assert second == {**first, "messages": answered("Aé")}
    assert surface.run(answer.get_final_text()) == "Aé B"


def test_a_silence_is_a_cut(surface, hasty):
    api, server = hasty(stream(begun("A"), STALL), stream(said("B")))
    answer = surface.stream(api, resume=True, timeout=tokstream.Timeout(read=0.1))
    assert "".join(surface.list(answer.text_stream)) == "AB"
    assert server.requests[1].json["messages"][-1] == {"role": "assistant", "content": "A"}


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("limit", [None, 100])
def test_however_it_is_read(surface, hasty, how, limit):
    params = {} if limit is None else {"max_tokens": limit}
    api, _ = hasty(cut("A", "B"), cut("C"), stream(said("D")))
    answer = surface.stream(api, resume=True, **params)
    assert READERS[how](surface, answer) == "ABCD"
    assert answer.resumed == 2
    assert answer.is_closed
    completion = surface.run(answer.get_final_completion())
    assert completion == answer.current_completion_snapshot
    assert completion.choices[0].finish_reason == "stop"


def test_the_chunks_are_those_of_one_stream(surface, hasty):
    opener = chunk(choice(role="assistant", content=""))
    pieces = [chunk(choice(content="B"), id="chatcmpl-2", created=2), finish(id="chatcmpl-2", created=2)]
    api, _ = hasty(
        stream(sse(opener, chunk(choice(content="A")), done=False), RESET),
        stream(sse({**opener, "id": "chatcmpl-2"}, *pieces)),
    )
    answer = surface.stream(api, resume=True)
    chunks = surface.list(answer)
    assert contents(chunks) == ["", "A", "B", None]
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", None, None, None]
    assert {(chunk.id, chunk.created) for chunk in chunks} == {("chatcmpl-1", 1694623354)}
    whole = surface.run(answer.get_final_completion())
    assert (whole.id, whole.created, whole.object) == ("chatcmpl-1", 1694623354, "chat.completion")
    assert whole.choices[0].message.to_dict() == {"role": "assistant", "content": "AB"}


def test_it_is_as_a_stream_is(surface, hasty):
    plain, _ = hasty(stream(said("A")))
    ordinary = surface.stream(plain)
    api, _ = hasty(cut("A"), stream(said("B"), headers=[("x-request-id", "req-2")]))
    answer = surface.stream(api, resume=True)
    assert isinstance(answer, surface.stream_class)
    members = {name for name in dir(type(ordinary)) if not name.startswith("__")} - {"_as"}
    assert members <= set(dir(type(answer)))
    with pytest.raises(TypeError, match="pickled"):
        __import__("pickle").dumps(answer)
    assert answer.current_completion_snapshot is None
    assert answer.usage is None
    with surface.using(answer) as entered:
        assert entered is answer
        assert not answer.is_closed
        assert "200 open" in repr(answer)
        assert surface.list(answer.text_stream) == ["A", "B"]
        assert "closed" in repr(answer)
    assert answer.response.request_id == "req-2"
    with pytest.raises(StopIteration):
        surface.next(answer)
    assert surface.list(ordinary.text_stream) == ["A"]


def test_whitespace_at_the_seam_is_left_alone(surface, hasty):
    api, server = hasty(cut(" A", " \n"), stream(said("\n ", " B ")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    assert surface.run(answer.get_final_text()) == " A \n\n  B "
    assert server.requests[1].json["messages"] == answered(" A \n")


def test_half_a_character_stands_for_one_that_nobody_knows(surface, hasty):
    half = b"data: " + json.dumps(chunk(choice(content="\ud83d"))).encode() + b"\n\n"
    api, server = hasty(stream(begun("A") + half, RESET), stream(said("B")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    assert surface.run(answer.get_final_text()) == "A\ufffdB"
    assert server.requests[1].json["messages"] == answered("A\ufffd")


def test_reasoning_goes_back_too(surface, hasty):
    thought = chunk(choice(reasoning_content="Hm. "))
    api, server = hasty(
        stream(sse(thought, text("A"), done=False), RESET),
        stream(sse(chunk(choice(reasoning_content="Yes.")), text("B"), finish())),
    )
    answer = surface.stream(api, resume=True)
    message = surface.run(answer.get_final_completion()).choices[0].message
    assert (message.reasoning_content, message.content) == ("Hm. Yes.", "AB")
    sent = server.requests[1].json["messages"][-1]
    assert sent == {"role": "assistant", "content": "A", "reasoning_content": "Hm. "}


def test_thoughts_alone_cannot_be_gone_on_from(surface, hasty):
    api, server = hasty(stream(sse(chunk(choice(reasoning_content="Hm")), done=False), RESET))
    answer = surface.stream(api, resume=True)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(answer)
    assert caught.value.partial.choices[0].message.reasoning_content == "Hm"
    assert (len(server.requests), answer.resumed) == (1, 0)


UNASKED = [{"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}, {"refusal": "I c"}]


@pytest.mark.parametrize("delta", UNASKED)
def test_a_call_or_a_refusal_is_no_text_to_go_on_from(surface, hasty, delta):
    begun_so = sse(text("A"), chunk(choice(**delta)), done=False)
    api, server = hasty(stream(begun_so, RESET), stream(begun_so, sse(finish("length"))))
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.to_dict().keys() >= delta.keys()
    whole = surface.run(surface.stream(api, resume=True, auto_continue=True).get_final_completion())
    assert whole.choices[0].finish_reason == "length"
    assert len(server.requests) == 2


def test_a_cut_after_an_empty_beginning_asks_again(surface, hasty):
    opener = chunk(choice(role="assistant", content=""))
    api, server = hasty(stream(sse(opener, done=False), RESET), stream(sse(opener, text("B"), finish())))
    chunks = surface.list(surface.stream(api, messages=HELLO, resume=True))
    assert contents(chunks) == ["", "B", None]
    assert server.requests[1].json == server.requests[0].json


def test_a_message_that_the_caller_began_is_one_with_the_answer(surface, hasty):
    api, server = hasty(cut("A"), stream(said("B")))
    messages = [*HELLO, {"role": "assistant", "content": "So: ", "name": "x"}]
    answer = surface.stream(api, messages=messages, resume=True)
    assert surface.run(answer.get_final_text()) == "AB"
    assert server.requests[1].json["messages"] == [*HELLO, {"role": "assistant", "content": "So: A", "name": "x"}]


def test_messages_may_be_objects(surface, hasty):
    message = tokstream.types.chat.ChatCompletion.model_construct(**completion("So: ")).choices[0].message
    parts = {"role": "assistant", "content": [{"type": "text", "text": "So: "}]}
    for begun_message, sent in (
        (message, {"role": "assistant", "content": "So: A"}),
        (parts, {"role": "assistant", "content": [*parts["content"], {"type": "text", "text": "A"}]}),
    ):
        api, server = hasty(cut("A"), stream(said("B")))
        answer = surface.stream(api, messages=[*HELLO, begun_message], resume=True)
        assert surface.run(answer.get_final_text()) == "AB"
        assert server.requests[1].json["messages"] == [*HELLO, sent]


def test_what_goes_with_each_request(surface, hasty):
    api, server = hasty(cut("A"), stream(said("B")))
    answer = surface.stream(
        api,
        resume=True,
        temperature=0,
        seed=7,
        extra_body={"top_k": 3, "temperature": 1},
        extra_headers={"x-mine": "1"},
        extra_query={"q": "1"},
    )
    surface.run(answer.until_done())
    for request in server.requests:
        assert {"temperature": 1, "seed": 7, "top_k": 3}.items() <= request.json.items()
        assert not {"resume", "auto_continue", "stream_under"} & request.json.keys()
        assert (request.header("x-mine"), request.query) == ("1", [("q", "1")])


def test_what_says_that_a_message_is_to_be_continued_goes_with_those_that_are(surface, hasty):
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    api, server = hasty(cut("A"), stream(said("B")))
    surface.run(surface.stream(api, resume=True, extra_body={**flags, "echo": True}).until_done())
    first, second = (request.json for request in server.requests)
    assert not flags.keys() & first.keys()
    assert flags.items() <= second.items()
    assert (first["echo"], second["echo"]) == (True, False)


# ── servers that do not go on but begin again ─────────────────────────────────────────────────


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_a_server_says_again_is_left_out(surface, hasty, how, size):
    again = LONG + "occasional intervals"
    pieces = [again[at : at + size] for at in range(0, len(again), size)]
    api, _ = hasty(cut(LONG[:20], LONG[20:]), stream(said(*pieces)))
    answer = surface.stream(api, resume=True)
    assert READERS[how](surface, answer) == again
    assert surface.run(answer.get_final_text()) == again


@pytest.mark.parametrize("how", READERS)
def test_a_beginning_like_the_text_s_is_no_repetition(surface, hasty, how):
    api, _ = hasty(cut(LONG), stream(said("It was ", "a dark day")))
    assert READERS[how](surface, surface.stream(api, resume=True)) == LONG + "It was a dark day"


@pytest.mark.parametrize("how", READERS)
def test_the_whole_of_a_short_beginning_is_no_repetition(surface, hasty, how):
    api, _ = hasty(cut(LONG), stream(said("It was ", "a dark")))
    assert READERS[how](surface, surface.stream(api, resume=True)) == LONG + "It was a dark"


@pytest.mark.parametrize("how", READERS)
def test_what_begins_again_and_is_cut_is_not_handed_out(surface, hasty, how):
    api, server = hasty(cut(LONG), cut("It was ", "a dark"), stream(said("intervals")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    assert READERS[how](surface, answer) == LONG + "intervals"
    assert [request.json["messages"] for request in server.requests[1:]] == [answered(LONG)] * 2


@pytest.mark.parametrize("so_far", ["ha", "ha " * 20, "0, 1, 1, 0, 1, 1, " * 3])
def test_a_text_that_repeats_itself_may_go_on_so(surface, hasty, so_far):
    api, _ = hasty(cut(so_far), stream(said(so_far, "!")))
    assert surface.run(surface.stream(api, resume=True).get_final_text()) == so_far + so_far + "!"


def test_a_long_repetition_is_read_in_linear_time(surface, hasty):
    sizes = []
    for words in (2_000, 8_000):
        pieces = [f"{number} " for number in range(words)]
        api, _ = hasty(stream(begun(*pieces), RESET), stream(said(*pieces, "end")))
        answer = surface.stream(api, resume=True)
        began = time.perf_counter()
        assert "".join(surface.list(answer.text_stream)) == "".join(pieces) + "end"
        sizes.append(time.perf_counter() - began)
    assert sizes[1] < 12 * sizes[0] + 0.5

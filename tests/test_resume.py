"""A stream that breaks and goes on: `resume=` of `create`."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import tokstream
from replies import HELLO, MODEL, USAGE, choice, chunk, completion, error, event, finish, said, sse, text
from resumes import CHUNKED, EVENTS, LONG, answered, begun, contents, cut, resuming
from server import CLOSE, RESET, STALL, frame, head, reply, stream


@pytest.fixture
def resumable(client: Any) -> Any:
    return resuming(client)


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
def test_a_stream_goes_on_after_a_cut(surface, resumable, name):
    api, server = resumable(CUTS[name], stream(said(" ", "B")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    chunks = surface.list(answer)
    assert contents(chunks) == ["A", "é", " ", "B", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["stop"]
    assert answer.resumed == 1
    first, second = (request.json for request in server.requests)
    assert first == {"model": MODEL, "messages": HELLO, "stream": True}
    assert second == {**first, "messages": answered("Aé")}
    assert surface.run(answer.get_final_text()) == "Aé B"


def test_a_silence_is_a_cut(surface, resumable):
    api, server = resumable(stream(begun("A"), STALL), stream(said("B")))
    answer = surface.stream(api, resume=True, timeout=tokstream.Timeout(read=0.1))
    assert "".join(surface.list(answer.text_stream)) == "AB"
    assert server.requests[1].json["messages"][-1] == {"role": "assistant", "content": "A"}


READERS = {
    "chunks": lambda surface, answer: "".join(filter(None, contents(surface.list(answer)))),
    "text_stream": lambda surface, answer: "".join(surface.list(answer.text_stream)),
    "final text": lambda surface, answer: surface.run(answer.get_final_text()),
    "until done": lambda surface, answer: surface.run(surface.run(answer.until_done()).get_final_text()),
    "final completion": lambda surface, answer: surface.run(answer.get_final_completion()).choices[0].message.content,
    "one chunk, then all": lambda surface, answer: surface.next(answer) and surface.run(answer.get_final_text()),
}


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("limit", [None, 100])
def test_however_it_is_read(surface, resumable, how, limit):
    params = {} if limit is None else {"max_tokens": limit}
    api, _ = resumable(cut("A", "B"), cut("C"), stream(said("D")))
    answer = surface.stream(api, resume=True, **params)
    assert READERS[how](surface, answer) == "ABCD"
    assert answer.resumed == 2
    assert answer.is_closed
    completion = surface.run(answer.get_final_completion())
    assert completion == answer.current_completion_snapshot
    assert completion.choices[0].finish_reason == "stop"


def test_the_chunks_are_those_of_one_stream(surface, resumable):
    opener = chunk(choice(role="assistant", content=""))
    pieces = [chunk(choice(content="B"), id="chatcmpl-2", created=2), finish(id="chatcmpl-2", created=2)]
    api, _ = resumable(
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


def test_it_is_as_a_stream_is(surface, resumable):
    plain, _ = resumable(stream(said("A")))
    ordinary = surface.stream(plain)
    api, _ = resumable(cut("A"), stream(said("B"), headers=[("x-request-id", "req-2")]))
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


def test_whitespace_at_the_seam_is_left_alone(surface, resumable):
    api, server = resumable(cut(" A", " \n"), stream(said("\n ", " B ")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    assert surface.run(answer.get_final_text()) == " A \n\n  B "
    assert server.requests[1].json["messages"] == answered(" A \n")


def test_half_a_character_stands_for_one_that_nobody_knows(surface, resumable):
    half = b"data: " + json.dumps(chunk(choice(content="\ud83d"))).encode() + b"\n\n"
    api, server = resumable(stream(begun("A") + half, RESET), stream(said("B")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    assert surface.run(answer.get_final_text()) == "A\ufffdB"
    assert server.requests[1].json["messages"] == answered("A\ufffd")


def test_reasoning_goes_back_too(surface, resumable):
    thought = chunk(choice(reasoning_content="Hm. "))
    api, server = resumable(
        stream(sse(thought, text("A"), done=False), RESET),
        stream(sse(chunk(choice(reasoning_content="Yes.")), text("B"), finish())),
    )
    answer = surface.stream(api, resume=True)
    message = surface.run(answer.get_final_completion()).choices[0].message
    assert (message.reasoning_content, message.content) == ("Hm. Yes.", "AB")
    sent = server.requests[1].json["messages"][-1]
    assert sent == {"role": "assistant", "content": "A", "reasoning_content": "Hm. "}


def test_thoughts_alone_cannot_be_gone_on_from(surface, resumable):
    api, server = resumable(stream(sse(chunk(choice(reasoning_content="Hm")), done=False), RESET))
    answer = surface.stream(api, resume=True)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(answer)
    assert caught.value.partial.choices[0].message.reasoning_content == "Hm"
    assert (len(server.requests), answer.resumed) == (1, 0)


UNASKED = [{"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}, {"refusal": "I c"}]


@pytest.mark.parametrize("delta", UNASKED)
def test_a_call_or_a_refusal_is_no_text_to_go_on_from(surface, resumable, delta):
    begun_so = sse(text("A"), chunk(choice(**delta)), done=False)
    api, server = resumable(stream(begun_so, RESET), stream(begun_so, sse(finish("length"))))
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.to_dict().keys() >= delta.keys()
    whole = surface.run(surface.stream(api, resume=True, auto_continue=True).get_final_completion())
    assert whole.choices[0].finish_reason == "length"
    assert len(server.requests) == 2


def test_a_cut_after_an_empty_beginning_asks_again(surface, resumable):
    opener = chunk(choice(role="assistant", content=""))
    api, server = resumable(stream(sse(opener, done=False), RESET), stream(sse(opener, text("B"), finish())))
    chunks = surface.list(surface.stream(api, messages=HELLO, resume=True))
    assert contents(chunks) == ["", "B", None]
    assert server.requests[1].json == server.requests[0].json


def test_a_message_that_the_caller_began_is_one_with_the_answer(surface, resumable):
    api, server = resumable(cut("A"), stream(said("B")))
    messages = [*HELLO, {"role": "assistant", "content": "So: ", "name": "x"}]
    answer = surface.stream(api, messages=messages, resume=True)
    assert surface.run(answer.get_final_text()) == "AB"
    assert server.requests[1].json["messages"] == [*HELLO, {"role": "assistant", "content": "So: A", "name": "x"}]


def test_messages_may_be_objects(surface, resumable):
    message = tokstream.types.chat.ChatCompletion.model_construct(**completion("So: ")).choices[0].message
    parts = {"role": "assistant", "content": [{"type": "text", "text": "So: "}]}
    for begun_message, sent in (
        (message, {"role": "assistant", "content": "So: A"}),
        (parts, {"role": "assistant", "content": [*parts["content"], {"type": "text", "text": "A"}]}),
    ):
        api, server = resumable(cut("A"), stream(said("B")))
        answer = surface.stream(api, messages=[*HELLO, begun_message], resume=True)
        assert surface.run(answer.get_final_text()) == "AB"
        assert server.requests[1].json["messages"] == [*HELLO, sent]


def test_what_goes_with_each_request(surface, resumable):
    api, server = resumable(cut("A"), stream(said("B")))
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


def test_what_says_that_a_message_is_to_be_continued_goes_with_those_that_are(surface, resumable):
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    api, server = resumable(cut("A"), stream(said("B")))
    surface.run(surface.stream(api, resume=True, extra_body={**flags, "echo": True}).until_done())
    first, second = (request.json for request in server.requests)
    assert not flags.keys() & first.keys()
    assert flags.items() <= second.items()
    assert (first["echo"], second["echo"]) == (True, False)


# ── servers that do not go on but begin again ─────────────────────────────────────────────────


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_a_server_says_again_is_left_out(surface, resumable, how, size):
    again = LONG + "occasional intervals"
    pieces = [again[at : at + size] for at in range(0, len(again), size)]
    api, _ = resumable(cut(LONG[:20], LONG[20:]), stream(said(*pieces)))
    answer = surface.stream(api, resume=True)
    assert READERS[how](surface, answer) == again
    assert surface.run(answer.get_final_text()) == again


@pytest.mark.parametrize("how", READERS)
def test_a_beginning_like_the_text_s_is_no_repetition(surface, resumable, how):
    api, _ = resumable(cut(LONG), stream(said("It was ", "a dark day")))
    assert READERS[how](surface, surface.stream(api, resume=True)) == LONG + "It was a dark day"


@pytest.mark.parametrize("how", READERS)
def test_the_whole_of_a_short_beginning_is_no_repetition(surface, resumable, how):
    api, _ = resumable(cut(LONG), stream(said("It was ", "a dark")))
    assert READERS[how](surface, surface.stream(api, resume=True)) == LONG + "It was a dark"


@pytest.mark.parametrize("how", READERS)
def test_what_begins_again_and_is_cut_is_not_handed_out(surface, resumable, how):
    api, server = resumable(cut(LONG), cut("It was ", "a dark"), stream(said("intervals")))
    answer = surface.stream(api, messages=HELLO, resume=True)
    assert READERS[how](surface, answer) == LONG + "intervals"
    assert [request.json["messages"] for request in server.requests[1:]] == [answered(LONG)] * 2


@pytest.mark.parametrize("so_far", ["ha", "ha " * 20, "0, 1, 1, 0, 1, 1, " * 3])
def test_a_text_that_repeats_itself_may_go_on_so(surface, resumable, so_far):
    api, _ = resumable(cut(so_far), stream(said(so_far, "!")))
    assert surface.run(surface.stream(api, resume=True).get_final_text()) == so_far + so_far + "!"


def test_a_long_repetition_is_read_in_linear_time(surface, resumable):
    sizes = []
    for words in (2_000, 8_000):
        pieces = [f"{number} " for number in range(words)]
        api, _ = resumable(stream(begun(*pieces), RESET), stream(said(*pieces, "end")))
        answer = surface.stream(api, resume=True)
        began = time.perf_counter()
        assert "".join(surface.list(answer.text_stream)) == "".join(pieces) + "end"
        sizes.append(time.perf_counter() - began)
    assert sizes[1] < 12 * sizes[0] + 0.5


# ── how often, and what is raised in the end ──────────────────────────────────────────────────


def test_the_last_error_is_raised_with_all_that_came(surface, resumable):
    api, server = resumable(cut("A"), cut("B"), stream(begun("C") + event(error("It went wrong", code=500))))
    answer = surface.stream(api, resume=2)
    assert surface.take(answer.text_stream, 3) == ["A", "B", "C"]
    with pytest.raises(tokstream.APIError, match="It went wrong") as caught:
        surface.next(answer)
    assert caught.value.partial.choices[0].message.content == "ABC"
    assert caught.value.partial.choices[0].finish_reason is None
    assert (answer.resumed, len(server.requests)) == (2, 3)
    # As of any stream that failed.
    with pytest.raises(StopIteration):
        surface.next(answer)
    for again in (answer.get_final_text, answer.get_final_completion):
        with pytest.raises(tokstream.APIError, match="It went wrong") as repeated:
            surface.run(again())
        assert repeated.value.partial == caught.value.partial
    assert not answer._is_complete


def test_it_does_not_go_on_for_ever(surface, resumable):
    api, server = resumable(then=cut("A"))
    answer = surface.stream(api, resume=True)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(answer)
    assert len(server.requests) == 6
    assert caught.value.partial.choices[0].message.content == "A" * 6


def test_an_attempt_to_go_on_may_fail_too(surface, resumable):
    busy = reply(error("Model busy, retry later"), status=429, headers=[("retry-after", "0")])
    api, server = resumable(cut("A"), busy, stream(b": ping\n\n", RESET), stream(said("B")), max_retries=0)
    answer = surface.stream(api, messages=HELLO, resume=3)
    assert surface.run(answer.get_final_text()) == "AB"
    assert len(server.requests) == 4
    assert [request.json["messages"] for request in server.requests[1:]] == [answered("A")] * 3


def test_where_no_attempt_helps_the_refusal_is_raised(surface, resumable):
    api, server = resumable(cut("A"), reply(error("Not authenticated"), status=401))
    with pytest.raises(tokstream.AuthenticationError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 2


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(surface, resumable):
    busy = reply(error("Model busy"), status=429, headers=[("retry-after", "3600")])
    api, server = resumable(cut("A"), busy)
    with pytest.raises(tokstream.RateLimitError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 2


INCURABLE = [
    error("too long", code="context_length_exceeded"),
    error("no", type="invalid_request_error"),
    error("no", code=400),
    error("New accounts need established payment history", code=429),
    error("no", type="insufficient_quota"),
]


@pytest.mark.parametrize("said_so", INCURABLE)
def test_an_error_that_would_come_again_is_raised(surface, resumable, said_so):
    api, server = resumable(stream(begun("A") + event(said_so)))
    with pytest.raises(tokstream.APIError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 1


def test_a_garbled_chunk_is_raised(surface, resumable):
    api, server = resumable(stream(begun("A") + event("{not json}")))
    with pytest.raises(tokstream.APIResponseValidationError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 1


def test_before_the_first_chunk_the_client_s_own_retries_hold(surface, resumable):
    api, server = resumable(then=stream(b": ping\n\n", RESET), max_retries=1)
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api, resume=True))
    assert len(server.requests) == 2


def test_what_was_finished_is_whole(surface, resumable):
    # All that the cut took is the usage and [DONE]; to go on would make the text longer.
    api, server = resumable(stream(said("A", done=False), RESET))
    answer = surface.stream(api, resume=True)
    assert surface.run(answer.get_final_text()) == "A"
    assert (len(server.requests), answer.resumed) == (1, 0)


def test_the_waits_are_those_of_the_client_s_policy(surface, client):
    policy = tokstream.RetryPolicy(initial_delay=0.1, jitter=0)
    refused = reply(error("down"), status=503)
    api, server = client(cut("A"), refused, stream(said("B")), retry=policy, max_retries=0)
    surface.run(surface.stream(api, resume=True).until_done())
    first, second, third = (request.at for request in server.requests)
    assert second - first >= 0.1
    assert third - second >= 0.2


def test_the_total_time_is_for_all_requests(surface, client):
    slow = tokstream.RetryPolicy(initial_delay=5, jitter=0)
    api, server = client(cut("A"), retry=slow)
    began = time.monotonic()
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api, resume=True, timeout=tokstream.Timeout(total=0.5)))
    assert time.monotonic() - began < 4
    assert len(server.requests) == 1


def test_the_clock_of_the_total_time_goes_on(surface, resumable):
    api, server = resumable(cut("A"), stream(begun("B"), STALL), timeout=tokstream.Timeout(total=0.4))
    began = time.monotonic()
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.list(surface.stream(api, resume=True, timeout=10))
    assert 0.4 <= time.monotonic() - began < 2
    assert caught.value.phase == "total"
    assert "within 0.4 s" in str(caught.value)
    assert caught.value.partial.choices[0].message.content == "AB"
    assert len(server.requests) == 2


# ── what is left of a limit of tokens ─────────────────────────────────────────────────────────


def test_a_limit_is_for_all_requests_together(surface, resumable):
    api, server = resumable(cut("", "A", "B"), stream(said("C")))
    surface.run(surface.stream(api, resume=True, max_tokens=10, max_completion_tokens=20).until_done())
    first, second = (request.json for request in server.requests)
    assert (first["max_tokens"], first["max_completion_tokens"]) == (10, 20)
    assert second["max_tokens"] == 8


def test_a_limit_that_is_reached_leaves_nothing_to_ask_for(surface, resumable):
    api, server = resumable(cut("A", "B"))
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api, resume=True, max_tokens=2))
    assert len(server.requests) == 1


def test_usage_that_came_is_added_up(surface, resumable):
    def counted(content: str, tokens: int) -> dict[str, Any]:
        usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens, "estimated_cost": 0.5}
        return chunk(choice(content=content), usage=usage)

    api, _ = resumable(
        stream(sse(counted("A", 1), counted("B", 2), done=False), RESET),
        stream(sse(counted("C", 1), finish(), chunk(usage=USAGE))),
    )
    answer = surface.stream(api, resume=True)
    chunks = surface.list(answer)
    assert [chunk.usage and chunk.usage.completion_tokens for chunk in chunks] == [1, 2, 3, None, 18]
    total = {"prompt_tokens": 25, "completion_tokens": 18, "total_tokens": 43, "estimated_cost": 0.5000268}
    assert chunks[-1].usage.to_dict() == answer.usage.to_dict() == total
    assert surface.run(answer.get_final_completion()).usage.to_dict() == total


def test_timings_are_of_the_whole(surface, resumable):
    api, _ = resumable(cut("A", "B"), reply(error("down"), status=503), stream(said("C", "D")))
    answer = surface.stream(api, resume=True)
    surface.run(answer.until_done())
    timings = answer.timings
    assert 0 < timings.first_token < timings.total
    assert timings.total >= 0.0075
    assert timings.retries == 1
    assert timings.tokens_per_second > 0
    assert answer.timings == timings


# ── what it cannot be used with ───────────────────────────────────────────────────────────────

FUNCTION = {"name": "f"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
REFUSED = [
    ("tools", {"tools": [{"type": "function", "function": FUNCTION}]}),
    ("tools", {"functions": [FUNCTION]}),
    ("response_format", {"response_format": {"type": "json_object"}}),
    ("response_format", {"response_format": SCHEMA}),
    ("response_format", {"response_format": {"type": "regex", "regex": "[0-9]+"}}),
    ("logprobs", {"logprobs": True}),
    ("logprobs", {"top_logprobs": 2}),
    ("n", {"n": 2}),
]


@pytest.mark.parametrize(("name", "params"), REFUSED)
@pytest.mark.parametrize("option", ["resume", "auto_continue"])
def test_what_has_no_text_to_go_on_from_is_refused(surface, resumable, name, params, option):
    api, server = resumable()
    refused = rf"^{option} cannot be used with {name}: .* nothing was sent"
    for given in (params, {"extra_body": params}):
        for streamed in (True, False):
            with pytest.raises(tokstream.ConfigurationError, match=refused):
                surface.create(api, stream=streamed, **{option: True}, **given)
    assert server.requests == []


@pytest.mark.parametrize("option", ["resume", "auto_continue"])
def test_events_and_values_are_refused_alike(surface, resumable, option):
    api, server = resumable()
    chat = api.chat.completions
    refused = rf"^{option} cannot be used with "
    with pytest.raises(tokstream.ConfigurationError, match=refused + "response_format"):
        surface.run(chat.parse(messages=HELLO, response_format=list[int], **{option: True}))
    manager = chat.stream(messages=HELLO, response_format=list[int], **{option: True})
    with pytest.raises(tokstream.ConfigurationError, match=refused + "response_format"), surface.using(manager):
        pass
    with pytest.raises(tokstream.ConfigurationError, match=refused + "tools"):
        surface.run(chat.run_tools(HELLO, tools=[{"type": "function", "function": FUNCTION}], **{option: True}))
    assert server.requests == []


def test_what_asks_for_nothing_is_not_refused(surface, resumable):
    nothing = {"tools": None, "response_format": {"type": "text"}, "logprobs": False, "n": 1, "seed": tokstream.omit}
    api, server = resumable(stream(said("A")))
    answer = surface.stream(api, resume=True, top_logprobs=tokstream.NOT_GIVEN, **nothing)
    assert surface.run(answer.get_final_text()) == "A"
    assert "seed" not in server.request.json
    missing = dict.fromkeys(("tools", "response_format", "n", "max_tokens"), tokstream.NOT_GIVEN)
    api, server = resumable(stream(said("A")))
    assert surface.create(api, resume=True, extra_body=None, **missing).choices[0].message.content == "A"
    assert not missing.keys() & server.request.json.keys()


@pytest.mark.parametrize(("value", "wrong"), [(-1, ValueError), ("yes", TypeError), (1.5, TypeError)])
def test_numbers_that_are_none(surface, resumable, value, wrong):
    api, server = resumable()
    with pytest.raises(wrong, match="resume must"):
        surface.stream(api, resume=value)
    assert server.requests == []


@pytest.mark.parametrize("off", [False, None, 0, tokstream.NOT_GIVEN, tokstream.omit])
def test_off_is_off(surface, resumable, off):
    api, server = resumable(stream(said("A")))
    answer = surface.stream(api, resume=off, auto_continue=off, stream_under=off)
    assert type(answer) is surface.stream_class
    assert surface.run(answer.get_final_text()) == "A"
    assert server.request.json.keys() == {"messages", "model", "stream"}


def test_events_go_on_as_well(surface, resumable):
    api, _ = resumable(cut("A"), stream(said("B")))
    with surface.using(api.chat.completions.stream(messages=HELLO, resume=True)) as events:
        kinds = [(event.type, getattr(event, "snapshot", None)) for event in surface.list(events)]
        assert surface.run(events.get_final_text()) == "AB"
        assert events.resumed == 1
    assert [snapshot for kind, snapshot in kinds if kind == "content.delta"] == ["A", "AB"]
    assert [kind for kind, _ in kinds].count("content.done") == 1


def test_raw_responses(surface, resumable):
    api, _ = resumable(stream(begun("A"), RESET, headers=[("x-request-id", "req-1")]), stream(said("B")))
    raw = surface.run(api.chat.completions.with_raw_response.create(messages=HELLO, stream=True, resume=True))
    assert (raw.status_code, raw.request_id) == (200, "req-1")
    assert surface.run(raw.parse().get_final_text()) == "AB"


# ── what no server should send ────────────────────────────────────────────────────────────────

ODD = [
    {},
    {"choices": None},
    {"choices": []},
    {"choices": 5},
    {"choices": [None]},
    {"choices": [{}]},
    {"choices": [{"delta": "x"}]},
    {"choices": [{"delta": {"refusal": None, "role": 7, "audio": None}}]},
    {"choices": [{"delta": {"role": "assistant", "content": ""}}], "id": None, "created": "x", "usage": "much"},
    {
        "choices": [{"delta": {"content": None, "tool_calls": None}}],
        "usage": {"prompt_tokens": "x", "total_tokens": None},
    },
]


@pytest.mark.parametrize("params", [{"resume": True}, {"resume": True, "max_tokens": 99}, {"auto_continue": True}])
@pytest.mark.parametrize("how", READERS)
def test_odd_chunks_pass(surface, resumable, params, how):
    first = sse(*ODD, text(LONG), *ODD, done=False)
    end = (sse(finish("length")),) if "auto_continue" in params else (RESET,)
    api, _ = resumable(stream(first, *end), stream(sse(*ODD, text("B"), *ODD, finish())))
    answer = surface.stream(api, **params)
    if how.startswith("one chunk"):
        assert surface.next(answer).choices is None
    text_of_it = surface.run(answer.get_final_text()) if how == "chunks" else READERS[how](surface, answer)
    assert text_of_it == LONG + "B"
    assert answer.usage is None or answer.usage.to_dict()


@pytest.mark.parametrize("odd", [*ODD, {"choices": [{"delta": {"content": 5, "reasoning_content": ["x"]}}]}])
def test_odd_chunks_are_handed_out_one_by_one(surface, resumable, odd):
    api, _ = resumable(cut(LONG), stream(sse(odd, text("B"), finish())))
    chunks = surface.list(surface.stream(api, resume=True))
    assert chunks[-2].choices[0].delta.content == "B"

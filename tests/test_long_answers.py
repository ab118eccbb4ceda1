"""Answers that go on past the reply cap, and whole ones that come as a stream: `auto_continue=`, `stream_under=`."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import time
from typing import Any

import pytest

import tokstream
from replies import DONE, HELLO, MODEL, USAGE, choice, chunk, completion, error, event, finish, said, sse, text
from server import RESET, STALL, Gate, Reached, reply, stream
from tokstream.types.chat import ChatCompletion

POLICY = tokstream.RetryPolicy(initial_delay=0.01)
LONG = "It was a dark and stormy night; the rain fell in torrents, except at "
TWICE = {"prompt_tokens": 30, "completion_tokens": 32, "total_tokens": 62, "estimated_cost": 0.0000536}


def ended(content: Any, reason: str = "length", **fields: Any) -> list[Any]:
    """A whole reply that ended for this reason."""
    message = {"role": "assistant", "content": content, **fields.pop("message", {})}
    return reply(completion(choices=[{"index": 0, "message": message, "finish_reason": reason}], **fields))


def capped(*contents: str, **fields: Any) -> list[Any]:
    """A streamed reply that ended at the cap."""
    return stream(sse(*map(text, contents), finish("length", **{"usage": USAGE, **fields})))


def answered(content: str, **fields: Any) -> list[Any]:
    return [*HELLO, {"role": "assistant", "content": content, **fields}]


def contents(chunks: list[Any]) -> list[Any]:
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]


@pytest.fixture
def hasty(client: Any) -> Any:
    """A client of this script that waits for nothing between attempts, and its server."""

    def hasty(*script: Any, then: Any = None, **options: Any) -> Any:
        return client(*script, then=then, **{"retry": POLICY, **options})

    return hasty


# ── past the cap, whole ───────────────────────────────────────────────────────────────────────


def test_a_whole_answer_goes_on_past_the_cap(surface, hasty):
    api, server = hasty(
        ended("A "),
        ended(" é", id="chatcmpl-2", created=2),
        reply(completion("\nC", id="chatcmpl-3", created=3, system_fingerprint="x")),
    )
    whole = surface.create(api, messages=HELLO, temperature=0, auto_continue=True)
    assert type(whole) is ChatCompletion
    assert whole.choices[0].message.to_dict() == {"role": "assistant", "content": "A  é\nC"}
    assert whole.choices[0].finish_reason == "stop"
    assert (whole.id, whole.created, whole.model) == ("chatcmpl-1", 1694623155, MODEL)
    assert whole.system_fingerprint == "x"
    bodies = [request.json for request in server.requests]
    assert bodies[0] == {"model": MODEL, "messages": HELLO, "temperature": 0}
    assert [body["messages"] for body in bodies[1:]] == [answered("A "), answered("A  é")]
    assert bodies[1].keys() == bodies[0].keys()


def test_usage_is_added_up(surface, hasty):
    details = {"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}
    api, _ = hasty(
        ended("A", usage={**USAGE, **details}),
        reply(completion("B", usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 4}, "service_tier": "flex"})),
    )
    usage = surface.create(api, auto_continue=True).usage
    assert usage.to_dict() == {
        **TWICE,
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 2},
        "service_tier": "flex",
    }
    assert api.usage.estimated_cost == pytest.approx(TWICE["estimated_cost"])
    assert api.usage.requests == 2


def test_an_answer_that_ends_is_left_as_it_is(surface, hasty):
    sent = completion("A", usage=None, mystery={"a": [1]})
    api, server = hasty(reply(sent, headers=[("x-request-id", "req-1")]))
    whole = surface.create(api, auto_continue=True)
    assert whole.to_dict() == sent
    assert whole._request_id == "req-1"
    assert len(server.requests) == 1


def test_the_request_id_is_the_first_one_s(surface, hasty):
    first = reply(
        completion(choices=[{"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_reason": "length"}]),
        headers=[("x-request-id", "req-1")],
    )
    api, _ = hasty(first, reply(completion("B"), headers=[("x-request-id", "req-2")]))
    assert surface.create(api, auto_continue=True)._request_id == "req-1"


def test_what_was_joined_is_an_object_like_any(surface, hasty):
    api, _ = hasty(ended("A"), reply(completion("B")))
    whole = surface.create(api, auto_continue=True)
    assert pickle.loads(pickle.dumps(whole)) == copy.deepcopy(whole) == whole
    assert ChatCompletion.model_validate(whole.to_dict()) == whole


def test_thoughts_are_joined_and_sent_back(surface, hasty):
    api, server = hasty(
        ended("A", message={"reasoning_content": "Hm. "}), reply(completion("B", message={"reasoning_content": "Oh."}))
    )
    message = surface.create(api, messages=HELLO, auto_continue=True).choices[0].message
    assert (message.content, message.reasoning_content) == ("AB", "Hm. Oh.")
    assert server.requests[1].json["messages"] == answered("A", reasoning_content="Hm. ")


@pytest.mark.parametrize(
    "message",
    [{"content": None, "reasoning_content": "Hm"}, {"content": "", "reasoning_content": "Hm"}, {"content": ""}],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_where_there_is_no_text_there_is_nothing_to_go_on_from(surface, hasty, message, streamed):
    script = stream(sse(chunk(choice("length", **message)))) if streamed else ended(None, message=message)
    api, server = hasty(script)
    whole = surface.create(api, stream=streamed, auto_continue=True)
    if streamed:
        whole = surface.run(whole.get_final_completion())
    assert whole.choices[0].finish_reason == "length"
    assert len(server.requests) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_a_part_that_brings_nothing_is_the_last(surface, hasty, streamed):
    script = (capped("A"), capped("")) if streamed else (ended("A"), ended(""))
    api, server = hasty(*script)
    whole = surface.create(api, stream=streamed, auto_continue=True)
    if streamed:
        whole = surface.run(whole.get_final_completion())
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("A", "length")
    assert whole.usage.to_dict() == TWICE
    assert len(server.requests) == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_part_without_a_choice_ends_nothing(surface, hasty, streamed):
    api, _ = hasty(capped("A"), stream(DONE)) if streamed else hasty(ended("A"), reply(completion(choices=[])))
    whole = surface.create(api, stream=streamed, auto_continue=True)
    if streamed:
        whole = surface.run(whole.get_final_completion())
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("A", "length")


@pytest.mark.parametrize(("times", "requests"), [(1, 2), (3, 4), (True, 17)])
@pytest.mark.parametrize("streamed", [False, True])
def test_how_many_times_at_most(surface, hasty, times, requests, streamed):
    api, server = hasty(then=capped("A") if streamed else ended("A"))
    whole = surface.create(api, stream=streamed, auto_continue=times)
    if streamed:
        answer, whole = whole, surface.run(whole.get_final_completion())
        assert (answer.continued, answer.resumed) == (requests - 1, 0)
    assert whole.choices[0].message.content == "A" * requests
    assert whole.choices[0].finish_reason == "length"
    assert len(server.requests) == requests


def test_a_server_that_hands_back_the_whole_message(surface, hasty):
    # As llama.cpp does where the reply is not streamed.
    api, _ = hasty(ended(LONG), ended(LONG + "occasional"), reply(completion(LONG + "occasional intervals")))
    assert surface.create(api, auto_continue=True).choices[0].message.content == LONG + "occasional intervals"


def test_a_beginning_of_the_caller_s_that_is_handed_back(surface, hasty):
    api, server = hasty(ended(LONG + "A"), reply(completion(LONG + "AB")))
    whole = surface.create(api, messages=answered(LONG), auto_continue=True)
    assert whole.choices[0].message.content == LONG + "AB"
    assert server.requests[1].json["messages"] == answered(LONG + "A")


def test_an_error_on_the_way_has_what_came(surface, hasty):
    api, server = hasty(ended("A"), reply(error("Over the context length"), status=400))
    with pytest.raises(tokstream.BadRequestError, match="context") as caught:
        surface.create(api, auto_continue=True)
    assert caught.value.partial.choices[0].message.content == "A"
    assert caught.value.partial.usage.to_dict() == USAGE
    assert len(server.requests) == 2


def test_an_error_of_the_first_request_is_as_ever(surface, hasty):
    api, _ = hasty(reply(error("No"), status=400), reply(error("No"), status=400), stream(b"", RESET))
    for params in ({"auto_continue": True}, {"stream_under": True}, {"stream_under": True, "max_tokens": 1}):
        with pytest.raises(tokstream.APIError) as caught:
            surface.create(api.with_options(max_retries=0), **params)
        assert caught.value.partial is None


# ── past the cap, streamed ────────────────────────────────────────────────────────────────────


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


# ── the caller's own limit ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("where", ["params", "extra_body"])
def test_a_limit_is_for_all_requests_together(surface, hasty, name, streamed, where):
    # Each part has 16 tokens.
    api, server = hasty(then=capped("A") if streamed else ended("A"))
    params = {name: 40} if where == "params" else {"extra_body": {name: 40}}
    whole = surface.create(api, stream=streamed, auto_continue=True, **params)
    if streamed:
        whole = surface.run(whole.get_final_completion())
    assert whole.choices[0].message.content == "AAA"
    assert whole.choices[0].finish_reason == "length"
    assert [request.json[name] for request in server.requests] == [40, 24, 8]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_limit_that_is_reached_is_the_end(surface, hasty, streamed):
    api, server = hasty(capped("A") if streamed else ended("A"))
    whole = surface.create(api, stream=streamed, auto_continue=True, max_tokens=16)
    if streamed:
        chunks = surface.list(whole)
        assert chunks[-1].choices[0].finish_reason == "length"
        assert chunks[-1].usage.to_dict() == USAGE
        whole = surface.run(whole.get_final_completion())
    assert whole.choices[0].finish_reason == "length"
    assert len(server.requests) == 1


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("odd", [float("inf"), float("nan"), -5, "many"])
def test_odd_usage_does_no_harm(surface, hasty, odd, streamed):
    used = {"completion_tokens": odd, "prompt_tokens": odd, "total_tokens": 7}
    script = (capped("A", usage=used), stream(sse(text("B"), finish(usage=USAGE))))
    api, server = hasty(*script) if streamed else hasty(ended("A", usage=used), reply(completion("B")))
    whole = surface.create(api, auto_continue=True, max_tokens=20, stream=streamed)
    if streamed:
        whole = surface.run(whole.get_final_completion())
    assert whole.choices[0].message.content == ("AB" if streamed else "A")
    assert whole.usage.total_tokens == (38 if streamed else 7)
    assert all(request.json["max_tokens"] <= 20 for request in server.requests)


def test_where_nobody_counts_a_limit_is_not_passed(surface, hasty):
    api, _ = hasty(ended("A", usage=None))
    assert surface.create(api, auto_continue=True, max_tokens=99).choices[0].finish_reason == "length"
    api, streaming = hasty(capped("A", "B", usage=None), stream(said("C")))
    surface.run(surface.stream(api, auto_continue=True, max_tokens=99).until_done())
    assert [request.json["max_tokens"] for request in streaming.requests] == [99, 97]


def test_usage_that_only_the_limit_wants_is_not_handed_out(surface, hasty):
    script = [
        stream(sse(text("A"), finish("length"), chunk(usage=USAGE))),
        stream(sse(text("B"), finish(), chunk(usage=USAGE))),
    ]
    api, server = hasty(*script, *script)
    answer = surface.stream(api, auto_continue=True, max_tokens=100)
    chunks = surface.list(answer)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["A", "B", None]
    assert server.requests[0].json["stream_options"] == {"include_usage": True}
    assert answer.usage.to_dict() == TWICE
    asked = {"include_usage": True, "continuous_usage_stats": False}
    chunks = surface.list(surface.stream(api, auto_continue=True, max_tokens=100, stream_options=asked))
    assert [bool(chunk.choices) for chunk in chunks] == [True, True, True, False]
    assert server.requests[2].json["stream_options"] == asked


# ── a whole answer that comes as a stream ─────────────────────────────────────────────────────


def test_a_whole_answer_by_a_stream(surface, hasty):
    sent = [
        chunk(choice(role="assistant", content="")),
        *[chunk(choice(content=piece)) for piece in (" ", "A", "é")],
        finish(),
        chunk(usage=USAGE),
    ]
    api, server = hasty(
        stream(sse(*sent), headers=[("x-request-id", "req-1")]), reply(completion(" Aé", created=1694623354))
    )
    whole = surface.create(api, messages=HELLO, stream_under=True)
    assert type(whole) is ChatCompletion
    assert whole._request_id == "req-1"
    options = {"include_usage": True}
    assert server.request.json == {"model": MODEL, "messages": HELLO, "stream": True, "stream_options": options}
    plain = surface.create(api, messages=HELLO)
    assert whole == plain
    assert whole.to_dict() == plain.to_dict()


def test_usage_is_asked_for_whatever_the_options_say(surface, hasty):
    api, server = hasty(stream(said("A")))
    surface.create(api, stream_under=True, stream_options={"include_usage": False, "continuous_usage_stats": True})
    assert server.request.json["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


def test_tools_logprobs_and_choices_come_by_a_stream(surface, hasty):
    token = {"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
    rest = {"index": 0, "function": {"arguments": "1}"}}
    api, _ = hasty(
        stream(
            sse(
                chunk({**choice(content="A"), "logprobs": {"content": [token]}}, choice(index=1, content="B")),
                chunk(choice(tool_calls=[call])),
                chunk(choice("tool_calls", tool_calls=[rest]), choice("stop", index=1)),
            )
        )
    )
    tools = [{"type": "function", "function": {"name": "f"}}]
    whole = surface.create(api, stream_under=True, n=2, logprobs=True, tools=tools)
    first, second = whole.choices
    assert first.message.tool_calls[0].function.arguments == '{"a":1}'
    assert first.logprobs.content[0].token == "A"
    assert second.message.content == "B"


def test_a_long_silence_between_two_tokens_is_none_of_the_whole(surface, hasty):
    """Each token starts the read clock anew: what would be too slow in one piece comes through."""
    from server import Pause

    slow = [step for piece in "ABCD" for step in (Pause(0.15), event(text(piece)))]
    api, _ = hasty(stream(*slow, sse(finish())))
    timeout = tokstream.Timeout(first_token=1, read=0.4)
    assert surface.create(api, stream_under=True, timeout=timeout).choices[0].message.content == "ABCD"


def test_a_cut_under_a_whole_answer(surface, hasty):
    broken = stream(sse(text("A"), done=False), RESET)
    api, server = hasty(stream(b": ping\n\n", RESET), broken, broken, stream(said("B")))
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.create(api, stream_under=True)
    assert caught.value.partial.choices[0].message.content == "A"
    # What broke before the first chunk was tried again.
    assert len(server.requests) == 2
    assert surface.create(api, resume=True).choices[0].message.content == "AB"


def test_a_whole_answer_goes_on_under_it(surface, hasty):
    api, server = hasty(
        stream(sse(text("A"), done=False), RESET), capped("B"), stream(sse(text("C"), finish(usage=USAGE)))
    )
    whole = surface.create(api, messages=HELLO, resume=True, auto_continue=True, max_tokens=1000)
    assert whole.choices[0].message.content == "ABC"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.to_dict() == TWICE
    assert [request.json.get("max_tokens") for request in server.requests] == [1000, 999, 983]


def test_a_stream_has_no_other_under_it(surface, hasty):
    api, server = hasty(stream(said("A")))
    answer = surface.stream(api, stream_under=True)
    assert type(answer) is surface.stream_class
    assert contents(surface.list(answer)) == ["A", None]
    assert "stream_options" not in server.request.json


def test_a_server_that_does_not_stream(surface, hasty):
    api, _ = hasty(reply(completion("A")))
    assert surface.create(api, stream_under=True).choices[0].message.content == "A"


def test_raw_responses(surface, hasty):
    named = [("x-request-id", "req-1")]
    api, _ = hasty(
        stream(sse(text("A"), finish(usage=USAGE)), headers=named),
        ended("A"),
        reply(completion("B"), headers=named),
        reply(completion("C"), headers=named),
    )
    create = api.chat.completions.with_raw_response.create
    for params, content in (
        ({"stream_under": True}, "A"),
        ({"auto_continue": True}, "AB"),
        ({"auto_continue": 1}, "C"),
    ):
        raw = surface.run(create(messages=HELLO, **params))
        assert (raw.status_code, raw.request_id, raw.retries_taken) == (200, "req-1", 0)
        assert raw.parse().choices[0].message.content == content
        assert raw.json() == raw.parse().to_dict()


@pytest.mark.parametrize("option", ["stream_under", "auto_continue", "resume"])
def test_the_bytes_of_several_responses_are_none_of_one(surface, hasty, option):
    api, server = hasty()
    request = api.chat.completions.with_streaming_response.create
    match = rf"^{option} cannot be used with with_streaming_response"
    with (
        pytest.raises(tokstream.ConfigurationError, match=match),
        surface.using(request(messages=HELLO, **{option: 1})),
    ):
        pass
    assert server.requests == []


def test_a_key_that_is_a_function_is_asked_for_each_request(surface, hasty):
    keys = iter(["one", "two"])
    api, server = hasty(ended("A"), reply(completion("B")), api_key=lambda: next(keys))
    assert surface.create(api, auto_continue=True).choices[0].message.content == "AB"
    assert [request.header("authorization") for request in server.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("params", [{"auto_continue": True}, {"stream_under": True}])
def test_the_total_time_is_for_all_requests(surface, hasty, params):
    script = [[*ended("A")], [STALL]] if "auto_continue" in params else [stream(event(text("A")), STALL)]
    api, server = hasty(*script)
    began = time.monotonic()
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.create(api, timeout=tokstream.Timeout(total=0.3), **params)
    assert 0.3 <= time.monotonic() - began < 2
    assert caught.value.phase == "total"
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == len(script)


def test_cancelling_a_whole_answer_ends_its_request(serve):
    import asyncio

    async def main() -> None:
        reached = Reached()
        server = serve(stream(event(text("A")), reached, STALL))
        async with tokstream.AsyncClient(api_key="k", base_url=server.url) as api:
            task = asyncio.create_task(api.chat.completions.create(messages=HELLO, stream_under=True))
            await asyncio.to_thread(reached.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.connections[0].ended.wait, 1)

    asyncio.run(main())


def test_nothing_of_it_is_loaded_before_it_is_used():
    program = (
        "import sys, tokstream\n"
        "client = tokstream.Client(api_key='k', base_url='http://127.0.0.1:1', max_retries=0)\n"
        "try: client.chat.completions.create(messages='x', timeout=1)\n"
        "except tokstream.APIConnectionError: pass\n"
        "names = ('tokstream._long_answers', 'tokstream._steps')\n"
        "assert not [name for name in sys.modules if name.startswith(names)]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)

"""Whole answers that go on past the reply cap: `auto_continue=`, and the caller's own limit."""

from __future__ import annotations

import copy
import pickle

import pytest

import tokstream
from long_answers import TWICE, capped, ended
from replies import DONE, HELLO, MODEL, USAGE, choice, chunk, completion, error, finish, said, sse, text
from resumes import LONG, answered
from server import RESET, reply, stream
from tokstream.types.chat import ChatCompletion

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

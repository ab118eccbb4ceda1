"""How often a stream that breaks goes on, what is raised in the end, and what is left of a limit of tokens."""

from __future__ import annotations

import time
from typing import Any

import pytest

import tokstream
from replies import HELLO, USAGE, choice, chunk, error, event, finish, said, sse
from resumes import answered, begun, cut
from server import RESET, STALL, reply, stream

# ── how often, and what is raised in the end ──────────────────────────────────────────────────


def test_the_last_error_is_raised_with_all_that_came(surface, hasty):
    api, server = hasty(cut("A"), cut("B"), stream(begun("C") + event(error("It went wrong", code=500))))
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


def test_it_does_not_go_on_for_ever(surface, hasty):
    api, server = hasty(then=cut("A"))
    answer = surface.stream(api, resume=True)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(answer)
    assert len(server.requests) == 6
    assert caught.value.partial.choices[0].message.content == "A" * 6


def test_an_attempt_to_go_on_may_fail_too(surface, hasty):
    busy = reply(error("Model busy, retry later"), status=429, headers=[("retry-after", "0")])
    api, server = hasty(cut("A"), busy, stream(b": ping\n\n", RESET), stream(said("B")), max_retries=0)
    answer = surface.stream(api, messages=HELLO, resume=3)
    assert surface.run(answer.get_final_text()) == "AB"
    assert len(server.requests) == 4
    assert [request.json["messages"] for request in server.requests[1:]] == [answered("A")] * 3


def test_where_no_attempt_helps_the_refusal_is_raised(surface, hasty):
    api, server = hasty(cut("A"), reply(error("Not authenticated"), status=401))
    with pytest.raises(tokstream.AuthenticationError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 2


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(surface, hasty):
    busy = reply(error("Model busy"), status=429, headers=[("retry-after", "3600")])
    api, server = hasty(cut("A"), busy)
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
def test_an_error_that_would_come_again_is_raised(surface, hasty, said_so):
    api, server = hasty(stream(begun("A") + event(said_so)))
    with pytest.raises(tokstream.APIError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 1


def test_a_garbled_chunk_is_raised(surface, hasty):
    api, server = hasty(stream(begun("A") + event("{not json}")))
    with pytest.raises(tokstream.APIResponseValidationError) as caught:
        surface.list(surface.stream(api, resume=True))
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == 1


def test_before_the_first_chunk_the_client_s_own_retries_hold(surface, hasty):
    api, server = hasty(then=stream(b": ping\n\n", RESET), max_retries=1)
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api, resume=True))
    assert len(server.requests) == 2


def test_what_was_finished_is_whole(surface, hasty):
    # All that the cut took is the usage and [DONE]; to go on would make the text longer.
    api, server = hasty(stream(said("A", done=False), RESET))
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


def test_the_clock_of_the_total_time_goes_on(surface, hasty):
    api, server = hasty(cut("A"), stream(begun("B"), STALL), timeout=tokstream.Timeout(total=0.4))
    began = time.monotonic()
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.list(surface.stream(api, resume=True, timeout=10))
    assert 0.4 <= time.monotonic() - began < 2
    assert caught.value.phase == "total"
    assert "within 0.4 s" in str(caught.value)
    assert caught.value.partial.choices[0].message.content == "AB"
    assert len(server.requests) == 2


# ── what is left of a limit of tokens ─────────────────────────────────────────────────────────


def test_a_limit_is_for_all_requests_together(surface, hasty):
    api, server = hasty(cut("", "A", "B"), stream(said("C")))
    surface.run(surface.stream(api, resume=True, max_tokens=10, max_completion_tokens=20).until_done())
    first, second = (request.json for request in server.requests)
    assert (first["max_tokens"], first["max_completion_tokens"]) == (10, 20)
    assert second["max_tokens"] == 8


def test_a_limit_that_is_reached_leaves_nothing_to_ask_for(surface, hasty):
    api, server = hasty(cut("A", "B"))
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api, resume=True, max_tokens=2))
    assert len(server.requests) == 1


def test_usage_that_came_is_added_up(surface, hasty):
    def counted(content: str, tokens: int) -> dict[str, Any]:
        usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens, "estimated_cost": 0.5}
        return chunk(choice(content=content), usage=usage)

    api, _ = hasty(
        stream(sse(counted("A", 1), counted("B", 2), done=False), RESET),
        stream(sse(counted("C", 1), finish(), chunk(usage=USAGE))),
    )
    answer = surface.stream(api, resume=True)
    chunks = surface.list(answer)
    assert [chunk.usage and chunk.usage.completion_tokens for chunk in chunks] == [1, 2, 3, None, 18]
    total = {"prompt_tokens": 25, "completion_tokens": 18, "total_tokens": 43, "estimated_cost": 0.5000268}
    assert chunks[-1].usage.to_dict() == answer.usage.to_dict() == total
    assert surface.run(answer.get_final_completion()).usage.to_dict() == total


def test_timings_are_of_the_whole(surface, hasty):
    api, _ = hasty(cut("A", "B"), reply(error("down"), status=503), stream(said("C", "D")))
    answer = surface.stream(api, resume=True)
    surface.run(answer.until_done())
    timings = answer.timings
    assert 0 < timings.first_token < timings.total
    assert timings.total >= 0.0075
    assert timings.retries == 1
    assert timings.tokens_per_second > 0
    assert answer.timings == timings

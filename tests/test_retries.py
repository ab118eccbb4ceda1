"""What is tried again, how often, and after which wait."""

from __future__ import annotations

import email.utils
import itertools
import json
import socket
import time

import pytest

import tokstream
from replies import DATA, completion, error, event, said, text
from server import CLOSE, RESET, Gate, reply, stream

CASES = json.loads((DATA / "error-bodies.json").read_text())
QUICK = tokstream.RetryPolicy(initial_delay=0.01, max_delay=0.02)
OK = reply(completion("ok"))
BUSY = reply(error("Model busy, retry later"), 429)

# How much later than due a busy machine may act.
SLACK = 1.0


def gaps(server):
    """The waits between one request and the next, in seconds."""
    times = [request.at for request in server.requests]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_the_defaults_of_the_policy():
    policy = tokstream.RetryPolicy()
    assert (policy.max_retries, policy.initial_delay, policy.max_delay) == (2, 0.5, 8.0)
    assert (policy.jitter, policy.max_retry_after) == (0.25, 60.0)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_tried_again(surface, client, case, streamed):
    body = case["text"] if "text" in case else json.dumps(case["body"])
    bad = reply(body, case["status"], content_type=case.get("content_type", "application/json"))
    good = stream(said("ok")) if streamed else OK
    api, server = client(bad, good, retry=QUICK)
    if case["retried"]:
        assert surface.ask(api, streamed) == "ok"
        first, second = server.requests
        assert first.body == second.body
    else:
        with pytest.raises(tokstream.APIStatusError):
            surface.ask(api, streamed)
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [[RESET], [CLOSE], [b"HTTP/1.1 200 OK\r\n", CLOSE]], ids=["reset", "close", "cut"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_failed_connections_are_tried_again(surface, client, fault, streamed):
    api, server = client(fault, fault, stream(said("ok")) if streamed else OK, retry=QUICK)
    assert surface.ask(api, streamed) == "ok"
    assert len(server.requests) == 3


def test_a_refused_connection_is_tried_again(surface, serve):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        api = surface.client(f"http://127.0.0.1:{sock.getsockname()[1]}/v1", retry=QUICK)
        with pytest.raises(tokstream.APIConnectionError) as caught:
            surface.create(api)
    assert caught.value.retries_taken == 2


FUTILE = {
    "no http": [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", CLOSE],
    "no header": [b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", CLOSE],
    "damaged gzip": stream(b"this is no gzip", headers=[("Content-Encoding", "gzip")]),
    "damaged brotli": stream(b"\xff" * 40, headers=[("Content-Encoding", "br")]),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("what", FUTILE)
def test_what_would_fail_again_is_not_tried_again(surface, client, what, streamed):
    api, server = client(FUTILE[what], retry=QUICK)
    with pytest.raises(tokstream.APIError):
        surface.ask(api, streamed)
    assert len(server.requests) == 1


def test_a_certificate_that_is_not_trusted_is_not_tried_again(surface, serve, authority):
    server = serve(tls=authority.server())
    api = surface.client(server, retry=QUICK)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert (caught.value.cause, caught.value.retries_taken) == ("tls", 0)
    assert len(server.connections) == 1


INCURABLE = [case for case in CASES if case["status"] in (429, 500) and not case["retried"] and case.get("body")]


@pytest.mark.parametrize("change", [str.upper, str.lower], ids=["upper", "lower"])
@pytest.mark.parametrize("case", INCURABLE, ids=lambda case: case["name"])
def test_what_is_incurable_is_so_in_any_capitals(surface, client, case, change):
    body = json.dumps(case["body"]).replace(case["message"], change(case["message"]))
    assert change(case["message"]) in body
    api, server = client(reply(body, case["status"]), retry=QUICK)
    with pytest.raises(tokstream.APIStatusError):
        surface.create(api)
    assert len(server.requests) == 1


@pytest.mark.parametrize("most", [0, 1, 2, 5])
def test_how_often(surface, client, most):
    api, server = client(then=BUSY, retry=QUICK, max_retries=most)
    with pytest.raises(tokstream.RateLimitError) as caught:
        surface.create(api)
    assert len(server.requests) == most + 1
    assert caught.value.retries_taken == most


def test_two_retries_are_the_default(surface, client):
    api, server = client(then=reply(error(), 500, headers=[("retry-after-ms", "1")]))
    with pytest.raises(tokstream.InternalServerError):
        surface.create(api)
    assert len(server.requests) == 3
    assert api.max_retries == 2


def test_the_policy_says_how_often(surface, client):
    policy = tokstream.RetryPolicy(max_retries=3, initial_delay=0.01)
    api, server = client(then=BUSY, retry=policy)
    assert api.max_retries == 3
    with pytest.raises(tokstream.RateLimitError):
        surface.create(api)
    assert len(server.requests) == 4


def test_max_retries_can_be_set(surface, client):
    api, server = client(then=BUSY, retry=QUICK)
    api.max_retries = 1
    assert api.max_retries == 1
    with pytest.raises(tokstream.RateLimitError):
        surface.create(api)
    assert len(server.requests) == 2
    with pytest.raises(tokstream.RateLimitError):
        surface.create(api.with_options(max_retries=0))
    assert len(server.requests) == 3


@pytest.mark.slow
def test_each_wait_is_twice_the_last_and_at_most_a_quarter_shorter(surface, client):
    policy = tokstream.RetryPolicy(max_retries=4, initial_delay=0.1, max_delay=0.4)
    api, server = client(then=BUSY, retry=policy)
    with pytest.raises(tokstream.RateLimitError):
        surface.create(api)
    for wait, full in zip(gaps(server), [0.1, 0.2, 0.4, 0.4], strict=True):
        assert full * 0.75 <= wait < full + SLACK


def test_the_first_wait_is_half_a_second(surface, client):
    api, server = client(BUSY, OK)
    surface.create(api)
    assert 0.375 <= gaps(server)[0] < 0.5 + SLACK


@pytest.mark.parametrize(
    "headers",
    [[("Retry-After", "0.3")], [("retry-after-ms", "300")], [("Retry-After", "30"), ("Retry-After-Ms", "300")]],
    ids=["seconds", "milliseconds", "both"],
)
def test_the_server_says_when(surface, client, headers):
    policy = tokstream.RetryPolicy(initial_delay=50.0)
    api, server = client(reply(error(), 429, headers=headers), OK, retry=policy)
    surface.create(api)
    assert 0.3 <= gaps(server)[0] < 0.3 + SLACK


@pytest.mark.slow
def test_retry_after_as_a_date(surface, client):
    policy = tokstream.RetryPolicy(initial_delay=50.0)

    def busy(request):
        # A date has whole seconds: the wait is between one and two of them.
        date = email.utils.formatdate(int(time.time()) + 2, usegmt=True)
        return reply(error(), 429, headers=[("Retry-After", date)])

    api, server = client(busy, OK, retry=policy)
    surface.create(api)
    assert 0.9 <= gaps(server)[0] < 2 + SLACK


def test_retry_after_zero_is_at_once(surface, client):
    policy = tokstream.RetryPolicy(initial_delay=50.0)
    api, server = client(reply(error(), 429, headers=[("Retry-After", "0")]), OK, retry=policy)
    surface.create(api)
    assert gaps(server)[0] < SLACK


@pytest.mark.parametrize(
    "value",
    ["-1", "nan", "inf", "-inf", "soon", "", "1e400", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 2099 00:00:00 GMT"],
)
def test_what_cannot_be_read_counts_as_absent(surface, client, value):
    api, server = client(reply(error(), 429, headers=[("Retry-After", value)]), OK, retry=QUICK)
    surface.create(api)
    assert gaps(server)[0] < SLACK
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "header",
    [
        ("Retry-After", "61"),
        ("retry-after-ms", "60001"),
        ("Retry-After", "99999999999999999999"),
        ("Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ],
    ids=["seconds", "milliseconds", "huge", "date"],
)
def test_beyond_a_minute_the_error_comes_at_once(surface, client, header):
    api, server = client(reply(error("later"), 429, headers=[header]))
    begun = time.monotonic()
    with pytest.raises(tokstream.RateLimitError, match="later") as caught:
        surface.create(api)
    assert time.monotonic() - begun < SLACK
    assert len(server.requests) == 1
    assert caught.value.retry_after > 60


def test_the_longest_wait_is_a_setting(surface, client):
    policy = tokstream.RetryPolicy(max_retry_after=0.5)
    api, server = client(reply(error(), 503, headers=[("Retry-After", "1")]), retry=policy)
    with pytest.raises(tokstream.InternalServerError):
        surface.create(api)
    assert len(server.requests) == 1


@pytest.mark.parametrize("case", [(400, "true", 2), (500, "false", 1), (429, "false", 1), (500, "maybe", 2)])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_x_should_retry(surface, client, case, streamed):
    status, says, tries = case
    bad = reply(error(), status, headers=[("x-should-retry", says)])
    good = stream(said("ok")) if streamed else OK
    api, server = client(bad, *([good] if tries == 2 else []), retry=QUICK)
    if tries == 2:
        assert surface.ask(api, streamed) == "ok"
    else:
        with pytest.raises(tokstream.APIStatusError):
            surface.ask(api, streamed)
    assert len(server.requests) == tries


def test_retries_are_counted(surface, client):
    api, _ = client(BUSY, BUSY, OK, BUSY, stream(said("ok")), retry=QUICK)
    raw = surface.run(api.chat.completions.with_raw_response.create(messages="Hello!"))
    assert raw.retries_taken == 2
    answer = surface.stream(api)
    surface.list(answer)
    assert answer.timings.retries == 1


def test_nothing_is_repeated_once_content_was_handed_out(surface, client):
    api, server = client(stream(event(text("A")), RESET), retry=QUICK)
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.next(answer)
    assert len(server.requests) == 1


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stale_connection_is_replaced_unnoticed(surface, client, how, streamed):
    # The server ends the idle connection; the next request finds that out, even where nothing may be repeated.
    gate = Gate()
    good = stream(said("ok")) if streamed else OK
    api, server = client([*good, gate, CLOSE if how == "close" else RESET], good, max_retries=0)
    assert surface.ask(api, streamed) == "ok"
    gate.open()
    assert server.connections[0].ended.wait(10)
    assert surface.ask(api, streamed) == "ok"
    assert [request.connection for request in server.requests] == [0, 1]


def test_many_stale_connections_are_replaced_unnoticed(surface, client):
    """As many as were in use at once: the next call must not go from one to the other and fail."""
    answer, end = Gate(), Gate()
    api, server = client(*[[answer, *OK, end, CLOSE]] * 5, then=OK, max_retries=0)
    asked = [surface.begin(api.chat.completions.create, messages="x") for _ in range(5)]
    assert surface.meanwhile(lambda: server.wait_requests(5))
    answer.open()
    assert [surface.outcome(one).choices[0].message.content for one in asked] == ["ok"] * 5
    end.open()
    assert all(connection.ended.wait(10) for connection in server.connections)
    assert [surface.ask(api, False) for _ in range(6)] == ["ok"] * 6


def test_the_bodies_of_all_attempts_are_the_same(surface, client):
    api, server = client(BUSY, [CLOSE], OK, retry=QUICK)
    surface.create(api, messages=iter([{"role": "user", "content": "once"}]), seed=2**64 - 1, extra_body={"a": [1.5]})
    first, second, third = server.requests
    assert first.body == second.body == third.body
    assert first.json["seed"] == 2**64 - 1
    assert first.all("authorization") == third.all("authorization")


@pytest.mark.parametrize("name", ["initial_delay", "max_delay", "jitter", "max_retry_after", "max_retries"])
@pytest.mark.parametrize("value", [-1, float("nan"), "soon", object], ids=["negative", "nan", "text", "type"])
def test_bad_policies_are_refused(name, value):
    with pytest.raises((ValueError, TypeError)):
        tokstream.RetryPolicy(**{name: value})


@pytest.mark.parametrize("value", [-1, None, 1.5, "two"], ids=repr)
def test_bad_max_retries_are_refused(surface, value):
    with pytest.raises((ValueError, TypeError)):
        surface.client("http://127.0.0.1:1/v1", max_retries=value)


def test_a_policy_is_a_value():
    policy = tokstream.RetryPolicy(max_retries=3, initial_delay=0.25)
    assert policy == tokstream.RetryPolicy(max_retries=3, initial_delay=0.25)
    assert policy != tokstream.RetryPolicy()
    assert "max_retries=3" in repr(policy)
    assert "initial_delay=0.25" in repr(policy)


DOWN = reply(error(), 503, headers=[("retry-after-ms", "1")])


def test_an_outage_is_not_multiplied(surface, client):
    """All calls of a client share a bucket of 100 retries."""
    api, server = client(then=DOWN, max_retries=10)
    errors = surface.at_once(api, 40)
    assert {type(error) for error in errors} == {tokstream.InternalServerError}
    assert len(server.requests) == 40 + 100


def test_nor_is_it_by_calls_one_after_another(surface, client):
    api, server = client(then=DOWN, max_retries=10)
    for _ in range(20):
        with pytest.raises(tokstream.InternalServerError):
            surface.create(api)
    assert len(server.requests) == 20 + 100
    with pytest.raises(tokstream.InternalServerError) as caught:
        surface.create(api.with_options(max_retries=50))
    assert caught.value.retries_taken == 0


def test_streams_take_from_the_same_budget(surface, client):
    api, server = client(then=DOWN, max_retries=60)
    for _ in range(3):
        with pytest.raises(tokstream.InternalServerError):
            surface.ask(api, True)
    assert len(server.requests) == 3 + 100


def test_a_stream_that_brings_nothing_is_no_success(surface, client):
    policy = tokstream.RetryPolicy(max_retries=60, initial_delay=0, max_delay=0)
    api, server = client(then=stream(b": ping\n\n", RESET), retry=policy)
    for _ in range(3):
        with pytest.raises(tokstream.StreamTruncatedError):
            surface.ask(api, True)
    assert len(server.requests) == 3 + 100


def test_a_lone_call_has_its_retries(surface, client):
    api, server = client(then=DOWN, max_retries=120)
    with pytest.raises(tokstream.InternalServerError) as caught:
        surface.create(api)
    assert caught.value.retries_taken == 120
    assert len(server.requests) == 121


def test_successes_fill_the_budget_again(surface, client):
    api, server = client(*[DOWN] * 140, then=OK, max_retries=10)
    surface.at_once(api, 40)
    assert not server.script
    for _ in range(100):
        surface.create(api)
    server.then = DOWN
    surface.at_once(api, 20)
    assert len(server.requests) == 140 + 100 + 20 + 10


def waits_of(surface, client, jitter):
    """Five waits of 0.2 s before chance has taken its part."""
    policy = tokstream.RetryPolicy(max_retries=5, initial_delay=0.2, max_delay=0.2, jitter=jitter)
    api, server = client(then=BUSY, retry=policy)
    with pytest.raises(tokstream.RateLimitError):
        surface.create(api)
    return gaps(server)


@pytest.mark.slow
def test_chance_shortens_each_wait(surface, client):
    waits = waits_of(surface, client, 1.0)
    # That chance leaves all of five waits nearly whole happens once in millions.
    assert min(waits) < 0.19
    assert len({round(wait, 3) for wait in waits}) > 1


@pytest.mark.slow
def test_without_jitter_no_wait_is_shortened(surface, client):
    assert min(waits_of(surface, client, 0.0)) >= 0.2


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon", "", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_milliseconds_that_cannot_be_read_leave_the_seconds(surface, client, value):
    policy = tokstream.RetryPolicy(initial_delay=50.0)
    headers = [("retry-after-ms", value), ("Retry-After", "0.3")]
    api, server = client(reply(error(), 429, headers=headers), OK, retry=policy)
    surface.create(api)
    assert 0.3 <= gaps(server)[0] < 0.3 + SLACK

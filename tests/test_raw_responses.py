"""`with_raw_response` and `with_streaming_response`: the HTTP around an answer."""

from __future__ import annotations

import json
import re
import time

import pytest

import tokstream
from replies import HELLO, USAGE, completion, error, event, finish, said, sse, text
from server import STALL, Gate, Pause, reply, stream
from surface import pairs
from tokstream._pieces import Lines
from tokstream.types import CreateEmbeddingResponse, ModelList
from tokstream.types.chat import ChatCompletion

OK = reply(completion("ok"), headers=[("X-Request-Id", "req_1"), ("X-Mine", "a"), ("X-Mine", "b")])
SOON = 1.0


def raw(surface, api, **params):
    params.setdefault("messages", HELLO)
    return surface.run(api.chat.completions.with_raw_response.create(**params))


def test_a_raw_response(surface, client):
    api, server = client(OK)
    response = raw(surface, api)
    assert response.status_code == 200
    assert response.request_id == "req_1"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["X-REQUEST-ID"] == "req_1"
    assert response.headers.get("no-such-header") is None
    assert response.headers.get_list("x-mine") == ["a", "b"]
    assert response.retries_taken == 0
    assert response.http_version == "HTTP/1.1"
    assert str(response.url) == f"{server.url}/chat/completions"
    assert response.method == "POST"
    assert response.is_closed
    # Only what was asked for goes to the server: no header of the library's own tells it how we read.
    assert not [name for name, _ in server.request.headers if "raw" in name.lower()]


def test_the_request_of_a_raw_response(surface, client):
    api, server = client(OK)
    request = raw(surface, api, extra_headers={"X-Asked": "1"}).http_request
    assert request.method == "POST"
    assert str(request.url) == f"{server.url}/chat/completions"
    assert request.headers["x-asked"] == "1"
    assert json.loads(request.content) == server.request.json


def test_parsing(surface, client):
    api, _ = client(OK)
    response = raw(surface, api)
    parsed = response.parse()
    assert isinstance(parsed, ChatCompletion)
    assert parsed.choices[0].message.content == "ok"
    assert parsed._request_id == "req_1"
    assert response.parse() == parsed


def test_the_body_of_a_raw_response(surface, client):
    body = json.dumps(completion("é"), ensure_ascii=False, indent=1).encode()
    api, _ = client(reply(body))
    response = raw(surface, api)
    assert response.content == body
    assert response.text == body.decode()
    assert json.loads(response.text) == completion("é")


def test_retries_are_counted(surface, client):
    policy = tokstream.RetryPolicy(initial_delay=0.01)
    api, _ = client(reply(error(), 500), reply(error(), 500), OK, retry=policy)
    assert raw(surface, api).retries_taken == 2


def test_an_error_is_raised_all_the_same(surface, client):
    api, _ = client(reply(error("no"), 400))
    with pytest.raises(tokstream.BadRequestError, match="no"):
        raw(surface, api)


def test_a_raw_stream(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, said("B"), headers=[("x-request-id", "req_2")]))
    response = raw(surface, api, stream=True)
    assert response.request_id == "req_2"
    assert not response.is_closed
    answer = response.parse()
    assert isinstance(answer, surface.stream_class)
    assert surface.next(answer).choices[0].delta.content == "A"
    gate.open()
    assert surface.list(answer.text_stream) == ["B"]
    assert response.is_closed


def test_a_stream_tells_how_long_it_took(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, said("B")))
    response = raw(surface, api, stream=True)
    begun = response.elapsed
    assert begun.total_seconds() > 0
    gate.open()
    surface.list(response.parse())
    assert response.elapsed == response.http_response.elapsed > begun


def test_raw_responses_of_the_other_resources(surface, client):
    api, server = client(
        reply({"object": "list", "data": [{"id": "m"}]}),
        reply({"id": "m"}),
        reply({"object": "list", "data": [], "usage": {"prompt_tokens": 1, "total_tokens": 1}}),
        reply({"id": "c", "choices": [{"index": 0, "text": "t"}]}),
    )
    models = surface.run(api.models.with_raw_response.list())
    assert isinstance(models.parse(), ModelList)
    assert surface.run(api.models.with_raw_response.retrieve("m")).parse().id == "m"
    embeddings = surface.run(api.embeddings.with_raw_response.create(model="m", input="a"))
    assert isinstance(embeddings.parse(), CreateEmbeddingResponse)
    completions = surface.run(api.completions.with_raw_response.create(prompt="p"))
    assert completions.parse().choices[0].text == "t"
    assert [r.path.rpartition("/openai")[2] for r in server.requests] == [
        "/models",
        "/models/m",
        "/embeddings",
        "/completions",
    ]


def test_raw_responses_of_the_client(surface, client):
    api, _ = client(then=OK)
    response = surface.run(api.with_raw_response.chat.completions.create(messages=HELLO))
    assert response.status_code == 200
    assert response.parse().choices[0].message.content == "ok"
    response = surface.run(api.chat.with_raw_response.completions.create(messages=HELLO))
    assert response.request_id == "req_1"
    response = surface.run(api.beta.chat.completions.with_raw_response.create(messages=HELLO))
    assert response.request_id == "req_1"


# ── with_streaming_response ───────────────────────────────────────────────────────────────────


def streaming(surface, api, **params):
    params.setdefault("messages", HELLO)
    return surface.using(api.chat.completions.with_streaming_response.create(**params))


def test_the_body_is_left_unread(surface, client):
    gate = Gate()
    body = json.dumps(completion("late")).encode()
    api, _ = client([*reply(body)[:1], body[:10], gate, body[10:]])
    with streaming(surface, api) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert not response.is_closed
        gate.open()
        assert surface.run(response.parse()).choices[0].message.content == "late"
        assert response.retries_taken == 0
    assert response.is_closed


def test_the_request_of_a_streaming_response(surface, client):
    api, server = client(OK)
    with streaming(surface, api) as response:
        assert response.http_request.method == "POST"
        assert json.loads(response.http_request.content) == server.request.json
        assert response.request_id == "req_1"
        assert str(response.url) == f"{server.url}/chat/completions"
        assert response.http_version == "HTTP/1.1"


def test_bytes(surface, client):
    gate = Gate()
    pieces = [b": ping\n\n", event(text("A")), said("B")]
    api, _ = client(stream(pieces[0], pieces[1], gate, pieces[2]))
    with streaming(surface, api, stream=True) as response:
        read = b""
        iterator = response.iter_bytes()
        while len(read) < len(pieces[0] + pieces[1]):
            read += surface.next(iterator)
        gate.open()
        read += b"".join(surface.list(iterator))
    assert read == b"".join(pieces)


def test_bytes_in_equal_pieces(surface, client):
    api, _ = client(reply(b"0123456789"))
    with streaming(surface, api) as response:
        assert surface.list(response.iter_bytes(4)) == [b"0123", b"4567", b"89"]


def test_lines(surface, client):
    gate = Gate()
    api, _ = client(stream(b"data: a\ndata:", gate, b" b\r\n\r\nlast \xc3", b"\xa9 line"))
    with streaming(surface, api, stream=True) as response:
        lines = response.iter_lines()
        assert surface.next(lines) == "data: a"
        gate.open()
        assert surface.list(lines) == ["data: b", "", "last é line"]


def test_text(surface, client):
    api, _ = client(stream(b"caf\xc3", b"\xa9 ", b"cr\xc3\xa8me"))
    with streaming(surface, api, stream=True) as response:
        assert "".join(surface.list(response.iter_text())) == "café crème"


def test_reading_it_whole(surface, client):
    body = json.dumps(completion("whole")).encode()
    api, _ = client(then=reply(body))
    with streaming(surface, api) as response:
        assert surface.run(response.read()) == body
        assert surface.run(response.read()) == body
        assert surface.run(response.text()) == body.decode()
        assert surface.run(response.json()) == completion("whole")
        assert surface.run(response.parse()).choices[0].message.content == "whole"


def test_a_body_that_was_read_tells_how_long_it_took(surface, client):
    gate = Gate()
    api, _ = client(stream(b"a\n", gate, b"b"))
    with streaming(surface, api) as response:
        begun = response.elapsed
        assert begun.total_seconds() > 0
        gate.open()
        surface.run(response.read())
        assert response.http_response.elapsed == response.elapsed > begun
        assert list(response.http_response.iter_lines()) == ["a", "b"]


def test_a_stream_out_of_a_streaming_response(surface, client):
    api, _ = client(stream(said("A", "B")))
    with streaming(surface, api, stream=True) as response:
        answer = surface.run(response.parse())
        assert isinstance(answer, surface.stream_class)
        assert surface.list(answer.text_stream) == ["A", "B"]


@pytest.mark.parametrize("read", [True, False], ids=["begun", "untouched"])
def test_leaving_the_block_frees_the_connection(surface, client, read):
    api, server = client(stream(event(text("A")), STALL), OK)
    with streaming(surface, api, stream=True) as response:
        if read:
            surface.next(response.iter_bytes())
    assert response.is_closed
    assert server.connections[0].ended.wait(SOON)
    assert surface.create(api).choices[0].message.content == "ok"


def test_an_error_in_the_block_frees_the_connection(surface, client):
    api, server = client(stream(event(text("A")), STALL))
    with pytest.raises(ZeroDivisionError), streaming(surface, api, stream=True):
        _ = 1 / 0
    assert server.connections[0].ended.wait(SOON)


def test_an_error_is_raised_when_the_block_is_entered(surface, client):
    api, _ = client(reply(error("no"), 404), OK)
    manager = api.chat.completions.with_streaming_response.create(messages=HELLO)
    with pytest.raises(tokstream.NotFoundError, match="no"), surface.using(manager):
        pytest.fail("the block was entered")
    assert surface.create(api).choices[0].message.content == "ok"


def test_streaming_responses_of_the_other_resources(surface, client):
    api, _ = client(reply({"object": "list", "data": [{"id": "m"}]}), reply({"id": "m"}), then=OK)
    with surface.using(api.models.with_streaming_response.list()) as response:
        assert [m.id for m in surface.run(response.parse()).data] == ["m"]
    with surface.using(api.models.with_streaming_response.retrieve("m")) as response:
        assert surface.run(response.json()) == {"id": "m"}
    with surface.using(api.with_streaming_response.chat.completions.create(messages=HELLO)) as response:
        assert response.request_id == "req_1"


def test_lines_of_server_sent_events(surface, client):
    api, _ = client(stream(sse(text("A"), done=True)))
    with streaming(surface, api, stream=True) as response:
        lines = surface.list(response.iter_lines())
    assert lines[0].startswith("data: {")
    assert lines[1:] == ["", "data: [DONE]", ""]


# ── bounds, and bodies that are something else ────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["read", "text", "json", "parse"])
def test_a_body_over_the_limit(surface, client, how):
    api, server = client(stream(b"x" * 600, b"x" * 600, STALL), OK, limits=tokstream.Limits(body_bytes=1000))
    with (
        streaming(surface, api) as response,
        pytest.raises(tokstream.APIResponseValidationError, match=r"1000 bytes.*body_bytes"),
    ):
        surface.run(getattr(response, how)())
    assert server.connections[0].ended.wait(SOON)
    assert surface.create(api).choices[0].message.content == "ok"


def test_a_body_of_just_the_limit(surface, client):
    api, _ = client(reply(b"x" * 1000), limits=tokstream.Limits(body_bytes=1000))
    with streaming(surface, api) as response:
        assert len(surface.run(response.read())) == 1000


def test_a_line_over_the_limit(surface, client):
    api, server = client(stream(b"short\n" + b"x" * 600, b"x" * 600, STALL), limits=tokstream.Limits(event_bytes=1000))
    with streaming(surface, api, stream=True) as response:
        lines = response.iter_lines()
        assert surface.next(lines) == "short"
        with pytest.raises(tokstream.APIResponseValidationError, match=r"1000 bytes.*event_bytes"):
            surface.next(lines)
    assert server.connections[0].ended.wait(SOON)


def test_a_long_line_costs_no_more_than_its_length():
    lines = Lines(1 << 30)
    began = time.process_time()
    for _ in range(200_000):
        assert lines.feed(b"x" * 50) == []
    assert time.process_time() - began < 5
    assert [len(line) for line in [*lines.feed(b"\n"), *lines.rest()]] == [10_000_000]


@pytest.mark.parametrize(
    "text", [b"a\r\nb\rc\n\nd", b"a\r", b"\r\n\r\n", b"\xc3\xa9\r\xc3\xa9", b"a\r\xc3", b"", b"\r\r"], ids=repr
)
def test_lines_do_not_depend_on_where_they_are_cut(text):
    wanted = re.split("\r\n|\r|\n", text.decode(errors="replace"))
    if not wanted[-1]:
        wanted.pop()
    for first, second in pairs(text):
        lines = Lines(100)
        assert [*lines.feed(first), *lines.feed(second), *lines.rest()] == wanted
    lines = Lines(100)
    one_by_one = [line for byte in text for line in lines.feed(bytes([byte]))]
    assert one_by_one + lines.rest() == wanted


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe{", b"[" * 100_000], ids=["html", "latin", "deep"])
def test_a_body_that_is_no_json(surface, client, body):
    api, _ = client(then=reply(body), max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError, match="not JSON") as caught:
        raw(surface, api).json()
    assert caught.value.status_code == 200
    for how in ("json", "parse"):
        with streaming(surface, api) as response, pytest.raises(tokstream.APIResponseValidationError):
            surface.run(getattr(response, how)())


@pytest.mark.parametrize(
    "body", [error("no such model", code="lost"), {"detail": "no such model"}], ids=["error", "detail"]
)
def test_a_success_that_says_it_is_an_error(surface, client, body):
    api, _ = client(then=reply(body), max_retries=0)
    with pytest.raises(tokstream.APIError, match="no such model"):
        surface.create(api)
    with pytest.raises(tokstream.APIError, match="no such model") as caught:
        raw(surface, api).parse()
    assert not isinstance(caught.value, tokstream.APIResponseValidationError)
    assert caught.value.response.status_code == 200
    assert caught.value.code == body.get("error", {}).get("code")
    with streaming(surface, api) as response, pytest.raises(tokstream.APIError, match="no such model"):
        surface.run(response.parse())


@pytest.mark.parametrize("how", ["read", "parse", "json"])
def test_tokens_count_once(surface, client, how):
    api, _ = client(OK, stream(sse(text("A"), finish(usage=USAGE))))
    with streaming(surface, api) as response:
        surface.run(getattr(response, how)())
        surface.run(response.read())
        surface.run(response.parse())
    assert (api.usage.requests, api.usage.total_tokens) == (1, USAGE["total_tokens"])
    with streaming(surface, api, stream=True) as response:
        surface.list(surface.run(response.parse()))
    assert (api.usage.requests, api.usage.total_tokens) == (2, 2 * USAGE["total_tokens"])


@pytest.mark.parametrize("how", ["chunks", "text_stream", "final"])
@pytest.mark.parametrize("late", [False, True], ids=["at once", "a little later"])
def test_parsed_streams_give_their_connection_back(surface, client, late, how):
    """Whether the body ends with [DONE], or a little later."""
    api, server = client(then=stream(said("A"), *([Pause(0.02)] if late else [])))
    for _ in range(5):
        with streaming(surface, api, stream=True) as response:
            answer = surface.run(response.parse())
            if how == "final":
                assert surface.run(answer.get_final_text()) == "A"
            else:
                surface.list(answer if how == "chunks" else answer.text_stream)
    assert [request.connection for request in server.requests] == [0] * 5

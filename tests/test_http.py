"""The records of requests and responses that errors and streams carry."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import pickle

import pytest

import tokstream
from replies import HELLO, completion, event, text
from server import STALL, reply, stream
from tokstream._http import Headers, Request, Response, redact_url

PAIRS = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2, c")]


def test_names_ignore_case():
    headers = Headers(PAIRS)
    assert headers["CONTENT-type"] == headers.get("content-type") == "text/plain"
    assert "CONTENT-TYPE" in headers
    assert "content" not in headers
    assert 7 not in headers
    assert headers.get("x", "y") == "y"
    with pytest.raises(KeyError, match="x"):
        headers["x"]


def test_a_name_that_occurs_twice():
    headers = Headers(PAIRS)
    assert headers["set-cookie"] == "a=1, b=2, c"
    assert headers.get_list("Set-Cookie") == ["a=1", "b=2, c"]
    assert headers.get_list("Set-Cookie", split_commas=True) == ["a=1", "b=2", "c"]
    assert headers.get_list("x") == []
    assert headers.multi_items() == [("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2, c")]
    assert list(headers) == list(headers.keys()) == ["content-type", "set-cookie"]
    assert len(headers) == 2
    assert dict(headers) == {"content-type": "text/plain", "set-cookie": "a=1, b=2, c"}


@pytest.mark.parametrize(
    "given",
    [
        PAIRS[:1],
        dict(PAIRS[:1]),
        Headers(PAIRS[:1]),
        [(b"Content-Type", b"text/plain")],
        {b"Content-Type": b"text/plain"},
    ],
)
def test_what_headers_are_made_of(given):
    assert Headers(given).multi_items() == [("content-type", "text/plain")]
    assert Headers(given).raw == [(b"Content-Type", b"text/plain")]


def test_no_headers():
    assert Headers() == Headers(None) == Headers({}) == {}
    assert not Headers()


def test_headers_of_what_is_no_text():
    with pytest.raises(TypeError, match="str or bytes, not int"):
        Headers({"a": 1})  # type: ignore[dict-item]


def test_bytes_come_out_as_they_went_in():
    raw = [(b"x", bytes(range(128, 256)))]
    assert Headers(raw).raw == raw


def test_equality():
    assert Headers({"A": "1", "b": "2"}) == Headers([("B", "2"), ("a", "1")])
    assert Headers({"A": "1"}) == {"a": "1"}
    assert Headers({"A": "1"}) != {"a": "2"}
    assert Headers({"A": "1"}) != {"a": 1}
    assert Headers({"A": "1"}) != [("a", "1")]
    with pytest.raises(TypeError):
        hash(Headers())


def test_copies_of_headers():
    headers = Headers(PAIRS)
    for again in (pickle.loads(pickle.dumps(headers)), copy.copy(headers), copy.deepcopy(headers), headers.copy()):
        assert again == headers
        assert again.raw == headers.raw


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Proxy-Authorization", "api-key", "X-Api-Key", "Cookie", "Set-Cookie", "x-auth-token"],
)
def test_secrets_are_not_shown(name):
    headers = Headers([(name, "Bearer sk-secret"), ("x-ratelimit-remaining-tokens", "90")])
    assert "secret" not in repr(headers)
    assert "90" in repr(headers)
    assert headers[name] == "Bearer sk-secret"


def test_a_repr_that_reads_well():
    assert repr(Headers({"A": "1"})) == "Headers({'a': '1'})"
    assert repr(Headers([("A", "1"), ("a", "2")])) == "Headers([('a', '1'), ('a', '2')])"


@pytest.mark.parametrize("value", ["Bearer sk-secret", "sk-secret", "jwt:secret", "Basic c2VjcmV0", "secret secret"])
def test_a_request_never_holds_its_key(value):
    request = Request("post", "https://user:secret@api.example/v1?api-key=secret&a=b", {"authorization": value})
    for held in (repr(request), request.url, repr(request.headers.raw), repr(pickle.dumps(request))):
        assert "secret" not in held
        assert "c2VjcmV0" not in held
    assert "[redacted]" in request.headers["authorization"]
    assert request.method == "POST"
    assert request.url == "https://[redacted]@api.example/v1?api-key=[redacted]&a=b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example/v1/a@b?x=y@z#f", "https://api.example/v1/a@b?x=y@z#f"),
        ("http://u@h/", "http://[redacted]@h/"),
        ("http://u:p@h:80?key=1#key=2", "http://[redacted]@h:80?key=[redacted]#key=2"),
        ("http://u:p@p@h", "http://[redacted]@h"),
        ("socks5h://u:p@[::1]:1080", "socks5h://[redacted]@[::1]:1080"),
        ("u:p@proxy.example:8080", "[redacted]@proxy.example:8080"),
        ("/v1/models?token=t&filter=with_meta", "/v1/models?token=[redacted]&filter=with_meta"),
        ("/v1?next=http://u@h/", "/v1?next=http://u@h/"),
        ("", ""),
    ],
)
def test_urls_are_redacted(url, shown):
    assert redact_url(url) == shown
    assert redact_url(shown) == shown


def test_a_response():
    request = Request("GET", "http://localhost/models")
    response = Response(200, {"X-Request-Id": "r"}, request, b'{"a": [1]}', "HTTP/2")
    assert (response.status_code, response.request_id, response.url) == (200, "r", "http://localhost/models")
    assert (response.http_version, response.reason_phrase) == ("HTTP/2", "OK")
    assert response.json() == {"a": [1]}
    assert response.text == '{"a": [1]}'
    assert response.content == response.read() == b'{"a": [1]}'
    assert (response.is_success, response.is_error) == (True, False)
    assert repr(response) == "<Response [200 OK]>"


def test_a_bare_response():
    response = Response(599)
    assert (response.request, response.url, response.request_id, response.content) == (None, None, None, b"")
    assert (response.reason_phrase, response.text) == ("", "")
    assert (response.is_success, response.is_error) == (False, True)
    assert repr(response) == "<Response [599]>"
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


def test_responses_of_text_and_json():
    assert Response(200, text="é").content == "é".encode()
    assert Response(200, json={"a": 1}).json() == {"a": 1}


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"\xe9", "é"),
        ('text/plain; CHARSET="utf-16-le"', "é".encode("utf-16-le"), "é"),
        ("text/plain; charset=nonsense", "é".encode(), "é"),
        ("text/plain; charset=", "é".encode(), "é"),
        ("text/plain", b"a\xffb", "a\ufffdb"),
    ],
)
def test_charsets(content_type, content, text):
    assert Response(200, {"content-type": content_type}, content=content).text == text


def test_copies_of_records():
    request = Request("POST", "http://localhost/", {"a": "b"}, "{}")
    response = Response(429, {"c": "d"}, request, b"x", "HTTP/2", "Slow down")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(response, protocol))
        assert (again.status_code, again.headers, again.content, again.http_version, again.reason_phrase) == (
            429,
            {"c": "d"},
            b"x",
            "HTTP/2",
            "Slow down",
        )
        assert (again.request.method, again.request.url, again.request.headers, again.request.content) == (
            "POST",
            "http://localhost/",
            {"a": "b"},
            b"{}",
        )
    assert copy.deepcopy(response).request.content == b"{}"


class Standin:
    """A stream that a response belongs to."""

    is_closed = False

    class timings:  # noqa: N801 - of a stream
        total = 1.5

    def close(self):
        self.is_closed = True


class AsyncStandin(Standin):
    def __aiter__(self):
        raise NotImplementedError

    async def close(self):
        self.is_closed = True


def of_stream(stream):
    response = Response(200)
    response._stream = stream
    return response


def test_the_stream_of_a_response_can_be_closed():
    response = of_stream(Standin())
    assert not response.is_closed
    assert response.elapsed.total_seconds() == 1.5
    with pytest.raises(tokstream.TokstreamError, match="with_streaming_response"):
        response.iter_lines()
    response.close()
    response.close()
    assert response.is_closed
    assert pickle.loads(pickle.dumps(response)).is_closed


def test_the_async_stream_of_a_response_can_be_closed():
    response = of_stream(AsyncStandin())
    with pytest.raises(tokstream.TokstreamError, match="aclose"):
        response.close()
    assert not response.is_closed
    asyncio.run(response.aclose())
    assert response.is_closed


def test_a_whole_response_is_closed():
    response = Response(200, content="a\nb\r\nc")
    assert response.is_closed
    response.close()
    asyncio.run(response.aclose())
    assert list(response.iter_lines()) == ["a", "b", "c"]
    assert response.elapsed.total_seconds() == 0


def test_raising_for_a_status():
    fine = Response(204)
    assert fine.raise_for_status() is fine
    bad = Response(404, json={"error": {"code": "none"}})
    with pytest.raises(tokstream.NotFoundError, match="404 Not Found") as caught:
        bad.raise_for_status()
    assert caught.value.response is bad
    assert caught.value.code == "none"
    with pytest.raises(tokstream.InternalServerError) as caught:
        Response(500, content=b"<html>").raise_for_status()
    assert caught.value.body == "<html>"


@pytest.mark.parametrize("where", ["stream", "raw", "events"])
def test_a_stream_is_ended_by_its_response(surface, client, where):
    api, server = client(stream(event(text("A")), STALL), reply(completion("ok")))
    with contextlib.ExitStack() as stack:
        if where == "events":
            answer = stack.enter_context(surface.using(api.chat.completions.stream(messages=HELLO)))
        elif where == "raw":
            create = api.chat.completions.with_raw_response.create
            answer = surface.run(create(messages=HELLO, stream=True)).parse()
        else:
            answer = surface.stream(api)
        surface.next(answer)
        response = answer.response
        assert not response.is_closed
        assert response.elapsed.total_seconds() > 0
        if surface.name == "async":
            surface.run(response.aclose())
        else:
            response.close()
        assert response.is_closed
        assert server.connections[0].ended.wait(1)
        # An event may be left of the chunk that was read, none that says that anything is done.
        assert not [event for event in surface.list(answer) if event.type.endswith("done")]
    assert surface.create(api).choices[0].message.content == "ok"


def test_a_whole_answer_tells_how_long_it_took(surface, client):
    api, _ = client(reply(completion("ok")))
    raw = surface.run(api.chat.completions.with_raw_response.create(messages=HELLO))
    assert raw.http_response.elapsed == raw.elapsed
    assert raw.elapsed.total_seconds() > 0

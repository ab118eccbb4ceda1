"""What a server, a network or a proxy does wrong, as the caller sees it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import socket
import traceback
from urllib.parse import quote

import pytest

import tokstream
from replies import DATA, HELLO, completion, error, event, said, sse, text
from server import CLOSE, RESET, frame, head, reply, stream
from surface import KEY

CASES = json.loads((DATA / "error-bodies.json").read_text())


def answer(case, **options):
    """The reply that an entry of error-bodies.json describes."""
    body = case["text"] if "text" in case else json.dumps(case["body"])
    return reply(body, case["status"], content_type=case.get("content_type", "application/json"), **options)


@pytest.fixture
def fails(surface, client):
    """The error that a call raises when this is the server's answer; the client stays usable."""

    def fails(*script, streamed=False, **options):
        api, _ = client(*script, reply(completion("usable")), max_retries=0, **options)
        with pytest.raises(tokstream.TokstreamError) as caught:
            surface.ask(api, streamed, messages=HELLO)
        assert surface.create(api).choices[0].message.content == "usable"
        return caught.value

    return fails


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_body_of_an_error(fails, case, streamed):
    got = fails(answer(case), streamed=streamed)
    assert type(got) is getattr(tokstream, case["error"])
    assert isinstance(got, tokstream.APIStatusError)
    assert isinstance(got, tokstream.APIError)
    assert got.status_code == case["status"]
    assert case["message"] in got.message
    assert case["message"] in str(got)
    assert (got.code, got.type, got.param) == (case.get("code"), case.get("type"), case.get("param"))


def test_what_an_error_carries(fails):
    sent = error("Rate limited", code="rate_limit")
    got = fails(reply(sent, 429, headers=[("X-Request-Id", "req_7"), ("Retry-After", "90"), ("X-Mine", "a b")]))
    assert got.request_id == "req_7"
    assert got.retry_after == 90.0
    assert got.headers["x-mine"] == "a b"
    assert got.response.status_code == 429
    assert got.response.headers["X-MINE"] == "a b"
    assert got.response.request is not None
    assert json.loads(got.response.text) == sent
    assert got.request.method == "POST"
    assert str(got.request.url).endswith("/v1/openai/chat/completions")
    assert got.partial is None


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (error("no", code="c"), error("no", code="c")["error"]),
        ({"error": "no"}, "no"),
        ({"detail": "no"}, {"detail": "no"}),
        ({"detail": {"error": "no"}}, {"detail": {"error": "no"}}),
        ([1], [1]),
        ("plain", "plain"),
    ],
    ids=["object", "text", "detail", "detail-error", "list", "plain"],
)
def test_the_body_is_that_of_openai_python(fails, sent, body):
    assert fails(reply(sent, 400)).body == body


def test_a_detail_list_names_every_field(fails):
    (case,) = [case for case in CASES if case["name"] == "detail-list"]
    message = fails(answer(case)).message
    for part in ("temperature", "Input should be less than or equal to 2", "n", "Field required"):
        assert part in message


def test_a_long_body_is_shortened_and_printable(fails):
    got = fails(reply(b"\x1b[31m\x00\xff" + b"x" * 300_000, 400, content_type="text/plain"))
    assert len(str(got)) < 5000
    assert "xxxx" in str(got)
    assert all(part.isprintable() for part in str(got).splitlines())


def test_invalid_utf8_in_an_error(fails):
    assert "caf\ufffd" in fails(reply(b'{"error": "caf\xe9 closed"}', 400)).message


def test_a_compressed_error(fails):
    import gzip

    body = gzip.compress(json.dumps(error("small print")).encode())
    assert "small print" in fails(reply(body, 400, headers=[("Content-Encoding", "gzip")])).message


def test_an_error_whose_body_is_cut(fails):
    got = fails([head(400, ("Content-Length", "1000")), b'{"error": {"mess', CLOSE])
    assert isinstance(got, (tokstream.BadRequestError, tokstream.APIConnectionError))


@pytest.mark.parametrize("status", [301, 302, 303, 304, 300, 204, 205])
def test_a_status_that_no_one_asked_for(fails, status):
    got = fails([head(status, ("Content-Length", "0"))] if status != 204 else [head(204)])
    assert isinstance(got, tokstream.APIError)
    assert got.status_code == status
    assert str(got)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (error("Model crashed", code="oom"), "Model crashed"),
        ({"error": "Model crashed"}, "Model crashed"),
        ({"detail": "Model crashed"}, "Model crashed"),
        ({"detail": {"error": "Model crashed"}}, "Model crashed"),
        (b'event: error\ndata: {"message": "Model crashed"}\n\n', "Model crashed"),
        (b'event: error\ndata: {"error": {"message": "Model crashed"}}\n\n', "Model crashed"),
        (b"event: error\ndata: Model crashed\n\n", "Model crashed"),
    ],
    ids=["object", "text", "detail", "detail-error", "event", "event-object", "event-text"],
)
def test_an_error_in_mid_stream(surface, client, data, message):
    api, _ = client(stream(sse(text("A"), data, text("B"))), reply(completion("usable")))
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with pytest.raises(tokstream.APIError, match=message) as caught:
        surface.next(answer)
    assert type(caught.value) is tokstream.APIError
    assert not hasattr(caught.value, "status_code")
    assert caught.value.partial.choices[0].message.content == "A"
    assert str(caught.value.request.url).endswith("/chat/completions")
    assert surface.create(api).choices[0].message.content == "usable"


def test_an_error_in_mid_stream_has_its_fields(surface, client):
    sent = error("Model crashed", code="oom", type="server_error", param="x")
    api, _ = client(stream(sse(text("A"), sent), headers=[("x-request-id", "req_8")]))
    with pytest.raises(tokstream.APIError) as caught:
        surface.run(surface.stream(api).get_final_completion())
    got = caught.value
    assert (got.message, got.code, got.type, got.param) == ("Model crashed", "oom", "server_error", "x")
    assert got.body == sent["error"]
    assert got.request_id == "req_8"


def test_an_error_before_the_first_chunk(surface, client):
    api, _ = client(stream(sse(error("Model crashed"))), max_retries=0)
    with pytest.raises(tokstream.APIError, match="Model crashed"):
        surface.list(surface.stream(api).text_stream)


@pytest.mark.parametrize("nothing", [None, {}, "", [], False], ids=repr)
def test_an_empty_error_is_nothing(surface, client, nothing):
    api, _ = client(stream(sse({**text("A"), "error": nothing}, done=False), said("B")))
    assert surface.list(surface.stream(api).text_stream) == ["A", "B"]


# ── connections ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def closed_port():
    """A port where nothing listens: bound, so that nobody else gets it, but never listened on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def connection_error(surface, url, **options):
    api = surface.client(url, max_retries=0, **options)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    got = caught.value
    assert isinstance(got, ConnectionError)
    assert isinstance(got, tokstream.APIError)
    assert got.body is None
    assert got.request.method == "POST"
    return got


def test_refused(surface, closed_port):
    got = connection_error(surface, f"http://127.0.0.1:{closed_port}/v1")
    assert got.cause == "refused"
    assert "refused" in str(got).lower()
    assert str(closed_port) in str(got)


def test_a_name_without_an_address(surface):
    got = connection_error(surface, "http://no-such-host.invalid/v1")
    assert got.cause == "dns"
    assert "no-such-host.invalid" in str(got)


def test_tls_where_there_is_none(surface, serve):
    server = serve(on_accept=lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    got = connection_error(surface, f"https://127.0.0.1:{server.port}/v1")
    assert got.cause == "tls"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_reset_before_the_reply(surface, client, streamed):
    api, _ = client([RESET], reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api, stream=streamed)
    assert caught.value.cause == "reset"
    assert surface.create(api).choices[0].message.content == "usable"


def test_closed_before_the_reply(surface, client):
    api, _ = client([CLOSE], reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert caught.value.cause == "reset"
    assert surface.create(api).choices[0].message.content == "usable"


def test_reset_in_mid_stream(surface, client):
    api, server = client(stream(event(text("A")), RESET), reply(completion("usable")))
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.next(answer)
    assert caught.value.partial.choices[0].message.content == "A"
    # What was handed out is never asked for again.
    assert len(server.requests) == 1
    assert surface.create(api).choices[0].message.content == "usable"


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x00" * 64,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    ],
    ids=["ssh", "zeros", "status", "header"],
)
def test_a_server_that_does_not_speak_http(surface, client, garbage):
    api, _ = client([garbage, CLOSE], max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert caught.value.cause == "protocol"


def test_headers_without_end(surface, client):
    api, _ = client([b"HTTP/1.1 200 OK\r\n", *([b"X-Long: " + b"y" * 65536 + b"\r\n"] * 64), CLOSE], max_retries=0)
    with pytest.raises(tokstream.APIError):
        surface.create(api)


HEADS = {
    "one header": [b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"y" * 65536] * 64, b"\r\n\r\n", CLOSE],
    "many": [b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n" * 10_000, b"\r\n", CLOSE],
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", HEADS)
def test_a_head_over_its_bounds_is_named(surface, client, kind, streamed):
    api, _ = client(HEADS[kind], reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError, match="head is too large") as caught:
        surface.ask(api, streamed)
    assert caught.value.cause == "protocol"
    assert surface.ask(api, False) == "usable"


def test_trailers_are_bounded(surface, client):
    sent = [head(200, ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"))]
    sent += [frame(json.dumps(completion()).encode()), b"0\r\n", *[b"X-Trailer: " + b"y" * 1000 + b"\r\n"] * 3000]
    api, _ = client([*sent, b"\r\n"], max_retries=0)
    with pytest.raises(tokstream.APIConnectionError, match="trailers"):
        surface.create(api)


def test_the_partial_of_a_cut_stream_keeps_its_usage(surface, client):
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    api, _ = client(stream(event({**text("A"), "usage": usage}), CLOSE), max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(surface.stream(api))
    assert caught.value.partial.usage.total_tokens == 3


# ── what all of them have in common ───────────────────────────────────────────────────────────

SAMPLES = {
    "status": reply(error("no", code="c"), 429, headers=[("x-request-id", "r"), ("retry-after", "99")]),
    "validation": reply(b"<html>", content_type="text/html"),
    "connection": [CLOSE],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_errors_pickle_and_copy(fails, name):
    got = fails(SAMPLES[name])
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(got, protocol))
        assert type(again) is type(got)
        assert str(again) == str(got)
        assert again.request.url == got.request.url
        assert vars(again).keys() == vars(got).keys()
    assert str(copy.deepcopy(got)) == str(copy.copy(got)) == str(got)


def test_a_cut_stream_pickles_with_its_partial(surface, client):
    api, _ = client(stream(event(text("A")), CLOSE), max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.list(surface.stream(api))
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.partial == caught.value.partial
    assert again.partial.choices[0].message.content == "A"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_key_is_in_no_error(fails, caplog, name):
    caplog.set_level(logging.DEBUG)
    got = fails(SAMPLES[name])
    shown = "".join(traceback.format_exception(type(got), got, got.__traceback__))
    shown += repr(got) + str(got) + repr(vars(got)) + repr(got.request.headers) + caplog.text
    shown += repr(pickle.dumps(got)) + repr(got.request.headers.get("authorization"))
    assert KEY not in shown


def test_an_error_has_no_foreign_cause(fails):
    for script in SAMPLES.values():
        got = fails(script)
        for link in (got.__cause__, got.__context__):
            assert link is None or isinstance(link, tokstream.TokstreamError)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_key_that_the_server_repeats_is_not_shown(fails, streamed):
    said = error(f"Incorrect API key provided: {KEY}", param=KEY)
    got = fails(reply(said, 401, headers=[("X-Echo", KEY)]), streamed=streamed)
    assert "Incorrect API key provided: [redacted]" in str(got)
    for shown in (str(got), repr(got), repr(got.body), got.response.text, repr(got.headers), str(vars(got))):
        assert KEY not in shown
    assert KEY.encode() not in pickle.dumps(got)


def code_points(text, form="04x"):
    return "".join(f"\\u{ord(char):{form}}" for char in text)


DISGUISES = {
    "slashes": lambda key: json.dumps({"error": {"message": f"Bad key {key}"}}).replace("/", "\\/"),
    "code points": lambda key: json.dumps({"error": {"message": "KEY"}}).replace("KEY", code_points(key)),
    "capital code points": lambda key: json.dumps({"error": "KEY"}).replace("KEY", code_points(key, "04X")),
    "percent": lambda key: json.dumps({"error": {"message": f"Bad key {quote(key, safe='')}"}}),
    "percent, in text": lambda key: f"Bad key {quote(key, safe='')}",
    "name": lambda key: json.dumps({"error": {"message": "Bad key", key: "unknown"}}),
    "list": lambda key: json.dumps({"error": {"message": "Bad key", "keys": [[key]]}}),
}
CARRIERS = {
    "bearer": lambda key: {"api_key": key},
    "x-api-key": lambda key: {"default_headers": {"x-api-key": key}},
    "api-key": lambda key: {"default_headers": {"api-key": key}},
}


def everything(got):
    """All that an error shows, and all that a log or a report of it would hold."""
    shown = "".join(traceback.TracebackException.from_exception(got, capture_locals=False).format())
    shown += str(got) + repr(got) + repr(got.body) + str(vars(got)) + repr(got.headers) + repr(pickle.dumps(got))
    return shown + got.response.text + got.response.content.decode() + repr(list(got.request.headers.items()))


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_key_in_disguise_is_not_shown(fails, disguise, carrier):
    key = "sk-t0p/s3cr3t+key=and:more"
    got = fails(reply(DISGUISES[disguise](key), 401), **CARRIERS[carrier](key))
    assert isinstance(got, tokstream.AuthenticationError)
    shown = everything(got)
    for form in (key, key.replace("/", "\\/"), quote(key, safe=""), quote(key, safe="").lower(), "s3cr3t"):
        assert form not in shown


@pytest.mark.parametrize(
    "space",
    [
        " ",
        "+",
        "%20",
    ],
)
def test_a_key_with_spaces_is_not_shown(fails, space):
    key = "a key of s3cr3t words"
    got = fails(reply(error(f"Bad key {key.replace(' ', space)}"), 401), api_key=key)
    assert "s3cr3t" not in everything(got)


LOCATIONS = {
    "userinfo": "https://me:s3cr3t@elsewhere.test/v1",
    "long": "https://elsewhere.test/" + "y" * 5000,
    "unseen": "https://elsewhere.test/\u202e\u200b\u2028\x9b".encode().decode("latin-1"),
    "no address": "y" * 5000,
}


@pytest.mark.parametrize("name", LOCATIONS)
def test_where_a_redirect_leads_is_shown_with_care(fails, name):
    got = fails([head(302, ("Location", LOCATIONS[name]), ("Content-Length", "0"))])
    assert got.status_code == 302
    assert len(str(got)) < 1000
    assert "s3cr3t" not in str(got) + repr(got)
    assert str(got).isprintable()
    if name in ("userinfo", "long"):
        assert "elsewhere.test" in str(got)


UNSEEN = "\u202e\u200b\u2028\x1b[31m\u2066\ufeff"
UNSEEN_ERRORS = {
    "message": lambda: (reply(error(f"It {UNSEEN}went wrong"), 400), False),
    "code": lambda: (reply(error("It went wrong", code=UNSEEN, type=UNSEEN), 400), False),
    "text": lambda: (reply(f"It {UNSEEN}went wrong", 500, content_type="text/plain"), False),
    "detail": lambda: (reply({"detail": [{"loc": ["body", UNSEEN], "msg": f"It {UNSEEN}went wrong"}]}, 422), False),
    "in stream": lambda: (stream(sse(text("A"), error(f"It {UNSEEN}went wrong"))), True),
    "no json": lambda: (reply(f"It {UNSEEN}went wrong"), False),
    "no stream": lambda: (stream(f"It {UNSEEN}went wrong".encode(), content_type="text/plain"), True),
    "no event": lambda: (stream(sse(f"It {UNSEEN}went wrong")), True),
}


@pytest.mark.parametrize("where", UNSEEN_ERRORS)
def test_characters_that_are_not_seen_reach_no_message(fails, where):
    script, streamed = UNSEEN_ERRORS[where]()
    shown = str(fails(script, streamed=streamed))
    assert "went wrong" in shown
    assert not [char for char in UNSEEN if char in shown and not char.isascii()]
    assert "\x1b" not in shown


def test_an_error_that_was_cut_to_its_limit_says_so(fails):
    body = json.dumps(error("no such model " + "x" * 3000))
    got = fails(reply(body, 404), limits=tokstream.Limits(error_body_bytes=2000))
    assert isinstance(got, tokstream.NotFoundError)
    assert "no such model" in str(got)
    assert "error_body_bytes" in str(got)
    assert len(got.response.content) <= 2000
    got = fails(reply(error("no such model"), 404), limits=tokstream.Limits(error_body_bytes=2000))
    assert "error_body_bytes" not in str(got)


def test_a_key_in_the_query_is_not_in_the_message(surface, closed_port):
    query = {"api-key": "s3cret-s3cret"}
    api = surface.client(f"http://127.0.0.1:{closed_port}/v1", default_query=query, max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert "s3cret" not in str(caught.value)
    assert b"s3cret" not in pickle.dumps(caught.value)


def test_a_key_of_the_query_is_not_shown(surface, client):
    secret = "s3cret-of-the-query"
    refused = reply(error(f"bad key {secret}"), 401)
    elsewhere = reply("", 302, headers=[("Location", f"https://example.com/v1?api-key={secret}")])
    query = {"api-key": secret, "api_token": secret, "accesstoken": secret}
    api, _ = client(refused, elsewhere, default_query=query, default_headers={"X-Access-Key": secret}, max_retries=0)
    for _ in range(2):
        with pytest.raises(tokstream.APIStatusError) as caught:
            surface.create(api)
        shown = [str(caught.value), repr(caught.value.body), caught.value.response.text, repr(caught.value.request)]
        assert not any(secret in text for text in shown)
        assert secret.encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("depth", [300, 3000, 100_000])
def test_an_error_that_is_nested_beyond_reason(fails, depth):
    got = fails(reply(f'{{"error": {"[" * depth}"no {KEY}"{"]" * depth}}}', 400))
    assert isinstance(got, tokstream.BadRequestError)
    assert KEY not in str(got.body) + got.response.text + str(got)


REPEATED = error(f"Incorrect API key provided: {KEY}")
# Replies with status 200 of which errors are made in Python.
MADE_OF_A_SUCCESS = {
    "raw, an error": (
        REPEATED,
        lambda s, api: s.run(api.chat.completions.with_raw_response.create(messages="x")).parse(),
    ),
    "raw, no JSON": (f"Bad key {KEY}", lambda s, api: s.run(api.models.with_raw_response.list()).json()),
    "streaming, an error": (REPEATED, lambda s, api: streamed_whole(s, api, "parse")),
    "streaming, no JSON": (f"Bad key {KEY}", lambda s, api: streamed_whole(s, api, "json")),
    "a list that is none": ({KEY: KEY}, lambda s, api: s.run(api.get("/x", cast_to=list))),
    "an object that is none": ([f"Bad key {KEY}"], lambda s, api: s.run(api.get("/x", cast_to=tokstream.types.Model))),
    "an error in escapes": (
        '{"error": {"message": "' + "".join(f"\\u{ord(letter):04x}" for letter in KEY) + '"}}',
        lambda s, api: s.run(api.get("/x", cast_to=tokstream.types.Model)),
    ),
}


def streamed_whole(surface, api, how):
    with surface.using(api.chat.completions.with_streaming_response.create(messages="x")) as response:
        return surface.run(getattr(response, how)())


@pytest.mark.parametrize("name", MADE_OF_A_SUCCESS)
def test_the_key_is_in_no_error_that_is_made_of_a_success(surface, client, name):
    said, call = MADE_OF_A_SUCCESS[name]
    api, _ = client(reply(said, headers=[("X-Echo", KEY)]), max_retries=0)
    with pytest.raises(tokstream.APIError) as caught:
        call(surface, api)
    got = caught.value
    shown = [str(got), repr(got), repr(got.body), got.response.text, repr(got.response.headers.multi_items())]
    assert not [text for text in shown if KEY in text]
    assert KEY.encode() not in pickle.dumps(got)
    assert "[redacted]" in str(got) + str(got.body)

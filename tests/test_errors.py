"""What a server does wrong, as the caller sees it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest

import tokstream
from replies import DATA, completion, error, event, said, sse, text
from server import CLOSE, head, reply, stream
from surface import KEY

CASES = json.loads((DATA / "error-bodies.json").read_text())


def answer(case, **options):
    """The reply that an entry of error-bodies.json describes."""
    body = case["text"] if "text" in case else json.dumps(case["body"])
    return reply(body, case["status"], content_type=case.get("content_type", "application/json"), **options)


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
        (b'event: error\ndata: "Model crashed"\n\n', "Model crashed"),
        ({"detail": [{"loc": ["model"], "msg": "Model crashed", "type": "x"}]}, "Model crashed"),
        ({"object": "error", "message": "Model crashed", "code": 500}, "Model crashed"),
    ],
    ids=[
        *("object", "text", "detail", "detail-error", "event", "event-object", "event-text", "event-string"),
        *("detail-list", "itself"),
    ],
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

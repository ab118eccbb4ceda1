"""Where a stream was asked for: what counts as one, and replies that are none."""

from __future__ import annotations

import json

import pytest

import tokstream
from replies import USAGE, completion, error, event, said, sse
from server import Gate, reply, stream


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_every_framing_of_a_stream(surface, client, framing):
    api, _ = client(stream(said("A", "B"), framing=framing))
    assert surface.list(surface.stream(api).text_stream) == ["A", "B"]


def test_a_close_delimited_stream_ends_at_done(surface, client):
    gate = Gate()
    api, _ = client(stream(said("A"), gate, framing="close"))
    # The server has not closed yet: [DONE] alone is the end.
    assert surface.list(surface.stream(api).text_stream) == ["A"]
    gate.open()


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/event-stream;charset=UTF-8", "TEXT/Event-Stream"])
def test_content_types_of_a_stream(surface, client, content_type):
    api, _ = client(stream(said("A"), content_type=content_type))
    assert surface.list(surface.stream(api).text_stream) == ["A"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html><body>Welcome to the gateway</body></html>", "text/html"),
        (b"", "text/event-stream"),
        (b"", "application/json"),
    ],
    ids=["html", "empty-stream", "empty-json"],
)
def test_a_reply_that_is_no_stream_is_an_error(surface, client, body, content_type):
    api, _ = client(reply(body, content_type=content_type), stream(said("usable")), max_retries=0)
    with pytest.raises(tokstream.APIError) as caught:
        surface.list(surface.stream(api))
    if body:
        assert "text/html" in str(caught.value)
        assert "Welcome to the gateway" in str(caught.value)
    assert surface.list(surface.stream(api).text_stream) == ["usable"]


@pytest.mark.parametrize("content_type", ["application/json", "text/html", None])
def test_an_empty_reply_names_its_content_type(surface, client, content_type):
    api, _ = client(reply(b"", content_type=content_type), stream(said("usable")), max_retries=0)
    with pytest.raises(tokstream.APIError, match=f"empty .*{content_type or 'none'}"):
        surface.list(surface.stream(api))
    assert surface.list(surface.stream(api).text_stream) == ["usable"]


def test_a_json_error_where_a_stream_was_asked(surface, client):
    sent = {"error": {"message": "Model busy, retry later", "code": "engine_overloaded"}}
    api, _ = client(reply(sent), stream(said("usable")), max_retries=0)
    with pytest.raises(tokstream.APIError, match="Model busy, retry later"):
        surface.list(surface.stream(api))
    assert surface.list(surface.stream(api).text_stream) == ["usable"]


def test_a_whole_completion_where_a_stream_was_asked(surface, client):
    api, _ = client(reply(completion("whole")), max_retries=0)
    try:
        read = surface.list(surface.stream(api).text_stream)
    except tokstream.APIError as refused:
        assert "application/json" in str(refused)  # noqa: PT017 - either is right
    else:
        assert read == ["whole"]


def test_a_json_error_that_calls_itself_a_stream(surface, client):
    api, _ = client(then=stream(json.dumps(error("Model busy", code="engine_overloaded")).encode()), max_retries=0)
    with pytest.raises(tokstream.APIError, match="Model busy") as caught:
        surface.list(surface.stream(api))
    assert caught.value.code == "engine_overloaded"


def test_a_page_that_calls_itself_a_stream(surface, client):
    body = b"<html>\n<body>Welcome to\nthe gateway</body></html>"
    api, _ = client(stream(body, content_type="text/event-stream"), stream(said("usable")), max_retries=0)
    with pytest.raises(tokstream.APIError, match="Welcome to") as caught:
        surface.list(surface.stream(api))
    assert "text/event-stream" in str(caught.value)
    assert surface.list(surface.stream(api).text_stream) == ["usable"]


WHOLE = json.dumps(completion("whole"))
WHOLE_BODIES = {
    "body": WHOLE.encode(),
    "body of several lines": json.dumps(completion("whole"), indent=1).encode(),
    "event": event(WHOLE),
    "event, then done": sse(WHOLE),
}


@pytest.mark.parametrize("name", WHOLE_BODIES)
def test_a_whole_completion_that_calls_itself_a_stream(surface, client, name):
    api, _ = client(then=stream(WHOLE_BODIES[name]), max_retries=0)
    assert surface.list(surface.stream(api).text_stream) == ["whole"]
    final = surface.run(surface.stream(api).get_final_completion())
    assert (final.choices[0].message.content, final.choices[0].finish_reason) == ("whole", "stop")
    assert final.usage.total_tokens == USAGE["total_tokens"]


def test_events_that_call_themselves_json(surface, client):
    api, _ = client(stream(said("A", "B"), content_type="application/json"))
    assert surface.list(surface.stream(api).text_stream) == ["A", "B"]


def test_text_that_is_no_stream_is_shown(surface, client):
    api, _ = client(stream(b"hello world", content_type="text/plain"))
    with pytest.raises(tokstream.APIResponseValidationError, match=r"text/plain.*hello world"):
        surface.list(surface.stream(api))

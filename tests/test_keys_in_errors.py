"""Keys are in no error, whatever a server repeats of them."""

from __future__ import annotations

import json
import pickle
import traceback
from urllib.parse import quote

import pytest

import tokstream
from replies import error
from server import reply
from surface import KEY


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

"""What is shown, pickled and logged of a client and its requests has no keys and no passwords in it."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest

import tokstream
from replies import HELLO, completion, error
from server import reply
from surface import KEY

OK = reply(completion("ok"))


def test_the_key_is_not_shown(surface, client):
    api, _ = client()
    assert KEY not in repr(api)
    assert KEY.encode() not in pickle.dumps(api)


def test_userinfo_in_an_address_is_not_shown(surface, closed_port):
    api = surface.client(f"http://user:s3cr3t@127.0.0.1:{closed_port}/v1", max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    assert "s3cr3t" not in str(caught.value) + repr(api) + str(caught.value.request.url)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_the_password_of_a_proxy_is_not_shown(surface, closed_port, capfd, scheme):
    proxy = f"{scheme}://user:s3cret@127.0.0.1:{closed_port}"
    api = surface.client("http://api.example.test/v1", proxy=proxy, max_retries=0)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(api)
    shown = str(caught.value) + repr(caught.value) + repr(vars(caught.value)) + repr(api) + "".join(capfd.readouterr())
    assert "s3cret" not in shown
    with pytest.raises(tokstream.ConfigurationError) as refused:
        surface.create(surface.client("http://api.example.test/v1", proxy="gopher://user:s3cret@x"))
    assert "s3cret" not in str(refused.value) + repr(refused.value)


def test_no_error_names_the_key(surface, client):
    api, _ = client(reply(error("no"), 401), max_retries=0)
    with pytest.raises(tokstream.AuthenticationError) as caught:
        surface.create(api)
    assert KEY not in repr(caught.value.request.headers) + repr(caught.value)


def test_a_pickle_has_no_secrets(surface):
    api = surface.client(
        "http://user:s3cret@127.0.0.1:1/v1",
        api_key="s3cret-key",
        default_headers={
            "Authorization": "Bearer s3cret",
            "X-Access-Key": "s3cret",
            "accesstoken": "s3cret",
            "X_Api_Key": "s3cret",
            "X-Mine": "1",
        },
        default_query={"api-key": "s3cret", "accessToken": "s3cret", "x-auth": "s3cret", "a": "1"},
        proxy="http://user:s3cret@127.0.0.1:2",
    )
    pickled = pickle.dumps(api)
    assert b"s3cret" not in pickled
    copied = pickle.loads(pickled)
    assert copied.base_url == "http://127.0.0.1:1/v1"
    assert (copied.default_headers, copied.default_query) == ({"X-Mine": "1"}, {"a": "1"})


def test_no_log_names_the_key(surface, client, caplog, capfd, monkeypatch):
    monkeypatch.setenv("RUST_LOG", "trace")
    caplog.set_level(0)
    api, _ = client(reply(error(f"bad key {KEY}"), 401), max_retries=0)
    with pytest.raises(tokstream.AuthenticationError):
        surface.create(api)
    captured = capfd.readouterr()
    assert KEY not in caplog.text + captured.out + captured.err


def test_the_request_of_a_raw_response_does_not_show_the_key(surface, client):
    api, server = client(OK)
    request = surface.run(api.chat.completions.with_raw_response.create(messages=HELLO)).http_request
    assert server.request.header("authorization") == f"Bearer {KEY}"
    shown = repr(request) + repr(request.headers) + repr(request.headers.raw) + repr(vars(api))
    assert KEY not in shown
    assert KEY.encode() not in pickle.dumps(request)


@pytest.mark.parametrize("form", ["text", "callable", "environment"])
def test_the_locals_of_a_traceback_do_not_show_the_key(surface, client, monkeypatch, form):
    monkeypatch.setenv("DEEPINFRA_API_KEY", KEY)
    given = {"text": KEY, "callable": lambda: KEY, "environment": None}[form]
    api, _ = client(reply(error("no"), 401), api_key=given, max_retries=0)
    with pytest.raises(tokstream.AuthenticationError) as caught:
        surface.create(api)
    summary = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    inside = [frame for frame in summary.stack if Path(frame.filename).parent != Path(__file__).parent]
    assert inside or surface.name == "async"
    assert not [frame for frame in inside if KEY in str(frame.locals)]


MISTAKES = {
    "base_url": {"base_url": "ftp://x"},
    "an unknown argument": {"http_client": object()},
    "a line break": {"api_key": "s3cret-key\n"},
    "a header": {"default_headers": {"Authorization": "s3cret-key"}, "no_such_option": 1},
}


@pytest.mark.parametrize("how", ["client", "with_options", "copy"])
@pytest.mark.parametrize("name", MISTAKES)
def test_no_frame_of_a_mistake_has_the_key(surface, name, how):
    """Some loggers show the locals of a traceback's frames."""
    mistake = {"api_key": "s3cret-key", **MISTAKES[name]}
    make = surface.client_class if how == "client" else getattr(surface.client(), how)
    with pytest.raises((tokstream.ConfigurationError, TypeError)) as caught:
        make(**mistake)
    check_frames(caught.value)


def test_no_frame_of_a_mistaken_key_has_it(surface):
    api = surface.client()
    with pytest.raises(tokstream.ConfigurationError) as caught:
        api.api_key = "s3cret-key\n"
    check_frames(caught.value)


def check_frames(error):
    library = str(Path(tokstream.__file__).parent)
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    ours = [frame for frame in frames if frame.filename.startswith(library)]
    assert ours
    assert not [frame for frame in ours if "s3cret" in repr(frame.locals)]

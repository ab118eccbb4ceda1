"""Requests larger than what fits between a client and a server that does not read them."""

from __future__ import annotations

import signal
import socket
import time

import pytest

import tokstream
from children import finish
from replies import completion, error
from server import PATIENCE, Gate, Gone, Reached, ResetByScript, head, reply

# On whichever thread a call is driven.
ALL_SURFACES = True

# More than a system keeps for a socket whose other side does not read.
TEXT = "x" * (12 << 20)
# What is kept on that side.
UNREAD = 1 << 16
TIME = 0.3
# "At once", with room for a busy machine.
AT_ONCE = 1.0


@pytest.fixture(params=["http", "https"])
def upload(request, serve, authority):
    """A server that is told what it does with a connection before it reads a request, and its client's options."""

    def start(*script, begins=lambda connection: None):
        def on_accept(connection):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)
            if request.param == "https":
                connection.start_tls(authority.server())
            begins(connection)

        server = serve(*script, on_accept=on_accept)
        url = server.url.replace("http", request.param)
        return server, {"base_url": url, "verify": authority.file, "max_retries": 0}

    return start


def unread(there, left):
    """Reads a request's head, and of its body nothing until the test has `left`."""

    def begins(connection):
        connection.take_until(b"\r\n\r\n")
        there.set()
        left.wait(PATIENCE)
        while True:
            connection.receive()

    return begins


def test_it_arrives_whole(surface, upload):
    server, options = upload(reply(completion("ok")))
    answer = surface.create(surface.client(**options), messages=TEXT)
    assert answer.choices[0].message.content == "ok"
    assert server.request.json["messages"][0]["content"] == TEXT


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_timeout_ends_it(surface, upload, streamed):
    there, left = Reached(), Gate()
    server, options = upload(begins=unread(there, left))
    api = surface.client(**options, timeout=tokstream.Timeout(first_token=TIME))
    begun = time.monotonic()
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.ask(api, streamed, messages=TEXT)
    assert TIME * 0.95 <= time.monotonic() - begun < TIME + AT_ONCE
    assert caught.value.phase == "first_token"
    left.open()
    assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))


def test_a_closed_client_ends_it(surface, upload):
    there, left = Reached(), Gate()
    server, options = upload(begins=unread(there, left))
    api = surface.client(**options)
    asked = surface.begin(api.post, "/x", body={"x": TEXT})
    assert surface.meanwhile(lambda: there.wait(PATIENCE))
    surface.run(api.close())
    assert isinstance(surface.outcome(asked, AT_ONCE), tokstream.ClientClosedError)
    left.open()
    assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))


def test_an_answer_that_comes_before_all_of_it(surface, upload):
    answered = Gate()

    def begins(connection):
        connection.take_until(b"\r\n\r\n")
        for part in reply(error("too large"), 413, headers=[("Connection", "close")]):
            connection.send(part)
        answered.wait(PATIENCE)
        raise Gone

    server, options = upload(begins=begins)
    with pytest.raises(tokstream.APIStatusError, match="too large") as caught:
        surface.create(surface.client(**options), messages=TEXT)
    assert caught.value.status_code == 413
    answered.open()
    assert surface.meanwhile(lambda: server.connections[0].ended.wait(AT_ONCE))


def test_a_server_that_goes_on_only_when_its_answer_is_read(surface, upload):
    """It sends more than fits between the two before it reads on: who only writes waits for ever."""

    def begins(connection):
        connection.take_until(b"\r\n\r\n")
        connection.send(head(200, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))))
        connection.send(body)
        connection.take(len(TEXT))
        raise Gone

    body = str.encode(" " * len(TEXT)) + reply(completion("ok"))[1]
    _, options = upload(begins=begins)
    assert surface.ask(surface.client(**options), False, messages=TEXT) == "ok"


def test_a_reset_in_the_midst_of_it(surface, upload):
    def begins(connection):
        connection.take_until(b"\r\n\r\n")
        raise ResetByScript

    _, options = upload(begins=begins)
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(surface.client(**options), messages=TEXT)
    assert caught.value.cause == "reset"


PROGRAM = """
with tokstream.Client(base_url=URL, timeout=60, retry=POLICY, verify={authority!r}) as client:
    try:
        client.post("/x", body={{"x": "x" * {size}}})
    except KeyboardInterrupt:
        say("interrupted")
"""


@pytest.mark.parametrize("surface", ["sync"], indirect=True)
def test_ctrl_c_ends_it(surface, upload, child):
    there, left = Reached(), Gate()
    server, options = upload(begins=unread(there, left))
    process = child(PROGRAM, url=options["base_url"], authority=str(options["verify"]), size=len(TEXT))
    assert there.wait(PATIENCE)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < AT_ONCE
    assert finish(process) == []
    left.open()
    assert server.connections[0].ended.wait(AT_ONCE)

"""TLS and what is spoken inside: authorities, client certificates, HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import contextlib
import ssl

import pytest

import tokstream
from replies import completion, said, sse, text
from server import Gone, reply, stream

OK = reply(completion("ok"))


def test_certificates_are_checked(surface, serve, authority):
    server = serve(tls=authority.server())
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(surface.client(server, max_retries=0))
    assert caught.value.cause == "tls"
    assert "certificate" in str(caught.value).lower()


@pytest.mark.parametrize("as_text", [True, False], ids=["str", "Path"])
def test_an_own_authority(surface, serve, authority, as_text):
    server = serve(OK, stream(said("ok")), tls=authority.server())
    api = surface.client(server, verify=str(authority.file) if as_text else authority.file)
    assert surface.ask(api, False) == surface.ask(api, True) == "ok"


def test_a_certificate_of_another_name(surface, serve, authority):
    server = serve(tls=authority.server("other.test"))
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(surface.client(server, verify=authority.file, max_retries=0))
    assert caught.value.cause == "tls"


def test_verify_false(surface, serve, authority):
    server = serve(OK, tls=authority.server("other.test"))
    assert surface.ask(surface.client(server, verify=False), False) == "ok"


@pytest.mark.parametrize("pair", [False, True], ids=["one-file", "two-files"])
def test_a_client_certificate(surface, serve, authority, pair):
    server = serve(OK, tls=authority.server(client=True))
    both, cert, key = authority.client("me@example.test")
    surface.create(surface.client(server, verify=authority.file, cert=(cert, key) if pair else both))
    assert ("email", "me@example.test") in server.connections[0].peer_certificate["subjectAltName"]


def test_a_client_certificate_that_is_missing(surface, serve, authority):
    server = serve(tls=authority.server(client=True))
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(surface.client(server, verify=authority.file, max_retries=0))
    assert caught.value.cause in ("tls", "reset")


@pytest.mark.parametrize("option", ["verify", "cert"])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nxx\n"],
    ids=["none", "empty", "text", "broken"],
)
def test_bad_certificate_files_are_refused(surface, tmp_path, option, content):
    file = tmp_path / "bad.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((tokstream.ConfigurationError, OSError), match=r"bad\.pem"):
        surface.create(surface.client("https://127.0.0.1:1/v1", max_retries=0, **{option: file}))


def test_http1_alone(surface, serve, authority):
    context = authority.server(protocols=["h2", "http/1.1"])
    server = serve(stream(said("ok")), tls=context)
    answer = surface.stream(surface.client(server, verify=authority.file, http2=False))
    assert surface.list(answer.text_stream) == ["ok"]
    assert answer.response.http_version == "HTTP/1.1"
    assert server.connections[0].sock is not None


def test_http2_is_not_forced_on_a_server_without_it(surface, serve, authority):
    server = serve(OK, tls=authority.server(protocols=["http/1.1"]))
    assert surface.ask(surface.client(server, verify=authority.file), False) == "ok"


def test_the_systems_authorities_are_trusted(surface, serve, authority, monkeypatch):
    # Where the system's roots are is said by this variable, as for OpenSSL.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    server = serve(OK, stream(said("ok")), tls=authority.server())
    api = surface.client(server)
    assert surface.ask(api, False) == surface.ask(api, True) == "ok"


# What has been said when the connection ends, and whether it is whole where TLS was told of the end, and in any case.
SAID = {
    "begun": (sse(text("A"), done=False), False, False),
    "finished": (said("A", done=False), True, False),
    "done": (said("A"), True, True),
}


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
@pytest.mark.parametrize("begun", SAID)
def test_an_end_that_tls_was_not_told_of_is_a_cut(surface, serve, authority, begun, told):
    """Anybody between the two can close a connection; only the server can say that it does."""
    body, whole_if_told, whole_anyhow = SAID[begun]

    def respond(_):
        *steps, close = stream(body, framing="close")
        yield from steps
        if told:
            # It may wait for the client's own word in vain.
            with contextlib.suppress(OSError):
                server.connections[0].sock.unwrap()
        yield close

    server = serve(respond, tls=authority.server())
    words = surface.stream(surface.client(server, verify=authority.file, max_retries=0)).text_stream
    assert surface.next(words) == "A"
    if whole_anyhow or (told and whole_if_told):
        assert surface.list(words) == []
    else:
        with pytest.raises(tokstream.StreamTruncatedError) as caught:
            surface.next(words)
        assert caught.value.partial.choices[0].message.content == "A"


class Trickle:
    """A server's side of TLS whose bytes leave one at a time, so that no record comes whole."""

    def __init__(self, sock, context):
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.inside = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.do(self.inside.do_handshake)

    def do(self, step, *arguments):
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                done = step(*arguments)
                self.flush()
                return done
            self.flush()
            data = self.sock.recv(1 << 16)
            if not data:
                raise Gone
            self.incoming.write(data)

    def flush(self):
        for byte in self.outgoing.read():
            self.sock.sendall(bytes([byte]))

    def recv(self, size):
        return self.do(self.inside.read, size)

    def sendall(self, data):
        self.do(self.inside.write, data)

    def shutdown(self, how):
        self.sock.shutdown(how)

    def close(self):
        self.sock.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_records_that_come_in_pieces(surface, serve, authority, version):
    context = authority.server()
    context.minimum_version = context.maximum_version = version

    def on_accept(connection):
        connection.sock = Trickle(connection.sock, context)

    server = serve(OK, stream(said("ok")), OK, on_accept=on_accept)
    api = surface.client(server.url.replace("http:", "https:"), verify=authority.file)
    assert surface.ask(api, False) == surface.ask(api, True) == surface.ask(api, False) == "ok"
    assert len(server.connections) == 1

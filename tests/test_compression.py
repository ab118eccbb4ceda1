"""Compressed replies: each coding, whole and as it comes, cut, damaged, and larger than it looks."""

from __future__ import annotations

import gzip
import json
import re
import zlib

import brotli
import pytest
import zstandard

import tokstream
from replies import completion, error, event, said, text
from server import Gate, reply, stream


class Brotli:
    """brotli's compressor with the names of the others."""

    def __init__(self):
        self._packer = brotli.Compressor()

    def compress(self, data):
        return self._packer.process(data)

    def flush(self):
        return self._packer.flush()

    def finish(self):
        return self._packer.finish()


class Zlib:
    def __init__(self, wbits):
        self._packer = zlib.compressobj(wbits=wbits)

    def compress(self, data):
        return self._packer.compress(data)

    def flush(self):
        return self._packer.flush(zlib.Z_SYNC_FLUSH)

    def finish(self):
        return self._packer.flush()


class Zstandard:
    def __init__(self):
        self._packer = zstandard.ZstdCompressor().compressobj()

    def compress(self, data):
        return self._packer.compress(data)

    def flush(self):
        return self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self):
        return self._packer.flush()


CODINGS = {
    "gzip": lambda: Zlib(31),
    "deflate": lambda: Zlib(zlib.MAX_WBITS),
    "br": Brotli,
    "zstd": Zstandard,
}


@pytest.fixture(params=CODINGS)
def coding(request):
    return request.param


def pack(coding, data):
    packer = CODINGS[coding]()
    return packer.compress(data) + packer.finish()


def encoded(coding):
    return [("Content-Encoding", coding)]


def test_a_whole_reply(surface, client, coding):
    body = pack(coding, json.dumps(completion("small")).encode())
    api, server = client(reply(body, headers=encoded(coding)))
    assert surface.create(api).choices[0].message.content == "small"
    assert coding in server.request.header("accept-encoding").replace(" ", "").split(",")


def test_an_error(surface, client, coding):
    body = pack(coding, json.dumps(error("small print")).encode())
    api, _ = client(reply(body, 400, headers=encoded(coding)))
    with pytest.raises(tokstream.BadRequestError, match="small print"):
        surface.create(api)


def test_a_stream_is_not_held_back(surface, client, coding):
    gate = Gate()
    packer = CODINGS[coding]()
    first = packer.compress(event(text("A"))) + packer.flush()
    rest = packer.compress(said("B")) + packer.finish()
    api, _ = client(stream(first, gate, rest, headers=encoded(coding)))
    answer = surface.stream(api).text_stream
    assert surface.next(answer) == "A"
    gate.open()
    assert surface.list(answer) == ["B"]


def test_a_stream_in_one_piece_gives_its_connection_back(surface, client, coding):
    api, server = client(then=stream(pack(coding, said("A", "B")), headers=encoded(coding)))
    for _ in range(3):
        assert surface.list(surface.stream(api).text_stream) == ["A", "B"]
    assert len(server.connections) == 1


def test_a_stream_that_is_cut(surface, client, coding):
    body = pack(coding, said("A", "B", done=False))
    api, _ = client(stream(body[: len(body) // 2], headers=encoded(coding)), max_retries=0)
    with pytest.raises(tokstream.StreamTruncatedError):
        surface.list(surface.stream(api))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_bytes_that_are_not_in_their_coding(surface, client, coding, streamed):
    api, _ = client(reply(b"\x07 no such thing", headers=encoded(coding)), reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError):
        surface.ask(api, streamed)
    assert surface.ask(api, False) == "usable"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_bounds_count_what_comes_out(surface, client, coding, streamed):
    bomb = pack(coding, b"data: " + bytes(20_000_000))
    limits = tokstream.Limits(event_bytes=1_000_000, body_bytes=1_000_000)
    kind = "text/event-stream" if streamed else "application/json"
    api, _ = client(reply(bomb, headers=encoded(coding), content_type=kind), limits=limits, max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError, match="Limits"):
        surface.ask(api, streamed)


def bare_deflate(data):
    packer = Zlib(-zlib.MAX_WBITS)
    return packer.compress(data) + packer.finish()


# Each in two halves, so that a member ends within the body.
FORMS = {
    "in capitals": ("GZIP", gzip.compress),
    "by its old name": ("x-gzip", gzip.compress),
    "members of gzip": ("gzip", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])),
    "frames of zstd": ("zstd", lambda data: pack("zstd", data[:99]) + pack("zstd", data[99:])),
    "bare deflate": ("deflate", bare_deflate),
    "two on top of each other": ("gzip, br", lambda data: pack("br", gzip.compress(data))),
    "the same twice": ("gzip,gzip", lambda data: gzip.compress(gzip.compress(data))),
    "identity among them": ("identity, zstd", lambda data: pack("zstd", data)),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_forms_of_codings(surface, client, form, streamed, size):
    name, compress = FORMS[form]
    body = compress(said("A", "B") if streamed else json.dumps(completion("AB")).encode())
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    kind = "text/event-stream" if streamed else "application/json"
    api, _ = client(stream(*parts, headers=encoded(name), content_type=kind))
    assert surface.ask(api, streamed) == "AB"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_bytes_after_the_coding(surface, client, coding):
    body = pack(coding, json.dumps(completion()).encode()) + b"surplus"
    api, _ = client(reply(body, headers=encoded(coding)), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError, match="damaged"):
        surface.create(api)


def test_what_came_before_the_damage_is_handed_out(surface, client):
    packer = Zlib(31)
    gate = Gate()
    body = packer.compress(event(text("A")) + event(text("B"))) + packer.flush()
    api, _ = client(stream(body, gate, b"\xff" * 16, headers=encoded("gzip")), max_retries=0)
    answer = surface.stream(api).text_stream
    assert surface.take(answer, 2) == ["A", "B"]
    gate.open()
    with pytest.raises(tokstream.StreamTruncatedError, match="damaged"):
        surface.next(answer)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("coding", ["x-lzma", "gzip, x-lzma", ", ".join(["gzip"] * 5)])
def test_a_coding_that_is_not_understood(surface, client, coding, streamed):
    body = gzip.compress(said("A") if streamed else json.dumps(completion()).encode())
    api, _ = client(reply(body, headers=encoded(coding)), reply(completion("usable")))
    with pytest.raises(tokstream.APIResponseValidationError, match=re.escape(coding)):
        surface.ask(api, streamed)
    assert surface.ask(api, False) == "usable"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_no_coding_by_its_name(surface, client, streamed):
    body = said("plain") if streamed else json.dumps(completion("plain")).encode()
    kind = "text/event-stream" if streamed else "application/json"
    api, _ = client(reply(body, headers=encoded("identity"), content_type=kind))
    assert surface.ask(api, streamed) == "plain"


def test_the_bound_of_an_error_counts_what_comes_out(surface, client, coding):
    bomb = pack(coding, json.dumps(error("no such model " + "x" * 20_000_000)).encode())
    limits = tokstream.Limits(error_body_bytes=10_000)
    api, _ = client(reply(bomb, 404, headers=encoded(coding)), limits=limits, max_retries=0)
    with pytest.raises(tokstream.NotFoundError, match="no such model") as caught:
        surface.create(api)
    assert "error_body_bytes=10000" in str(caught.value)
    assert len(caught.value.response.content) <= 10_000

"""What servers and networks do wrong, as data: what is sent, and the outcome that is right."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from typing import Any

from attempts import Fault, answer, fails
from faults_in_content import FAULTS as IN_CONTENT
from replies import completion, error, event, finish, said, sse, text
from server import CLOSE, RESET, STALL, Pause, Request, Step, frame, head, reply, stream

EVENTS = ("Content-Type", "text/event-stream")
JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")
GZIP = ("Content-Encoding", "gzip")
TWICE = [("Content-Encoding", "gzip, gzip")]

TIME = 0.3
MEGABYTE = b" " * (1 << 20)
BEGUN = sse(text("A"), text("B"), done=False)
SAID = said("A", "B")
WHOLE = json.dumps(completion("AB")).encode()
HALF = WHOLE[: len(WHOLE) // 2]

CUT = fails("StreamTruncatedError", partial="AB", cause="truncated")
NOTHING = fails("StreamTruncatedError", partial="", cause="truncated")
BROKEN = fails("APIConnectionError")
RESET_BY_PEER = fails("APIConnectionError", cause="reset")
NO_HTTP = fails("APIConnectionError", cause="protocol")
UNREADABLE = fails("APIResponseValidationError")
FIRST_TOKEN = fails("APITimeoutError", "first token", phase="first_token", cause="timeout", partial="")
FIRST_BYTE = fails("APITimeoutError", "first token", phase="first_token", cause="timeout")
READ = fails("APITimeoutError", "read", phase="read", cause="timeout", partial="AB")
READ_WHOLE = fails("APITimeoutError", "read", phase="read", cause="timeout")


def of_length(extra: int, *steps: Step, kind: tuple[str, str] = EVENTS) -> list[Step]:
    """A reply that says it is longer than it is."""
    size = sum(len(step) for step in steps if isinstance(step, bytes))
    return [head(200, kind, ("Content-Length", str(size + extra))), *steps]


def chunked(*steps: Step, kind: tuple[str, str] = EVENTS, headers: tuple[tuple[str, str], ...] = ()) -> list[Step]:
    """The head of a chunked reply, and then anything."""
    return [head(200, kind, *headers, CHUNKED), *steps]


def packed(body: bytes, kind: tuple[str, str]) -> list[Step]:
    """A reply that says it is compressed, in one piece."""
    return [head(200, kind, GZIP, ("Content-Length", str(len(body)))), body]


def flushed(body: bytes) -> bytes:
    """A gzip whose end is missing, though all of the body can be read."""
    squeezing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return squeezing.compress(body) + squeezing.flush(zlib.Z_FULL_FLUSH)


def corrupt(body: bytes) -> bytes:
    """A gzip that goes on in a way that has no meaning."""
    return flushed(body) + b"\xff" * 16


@functools.cache
def bomb(begin: bytes, end: bytes = b"") -> bytes:
    """Some kilobytes that become 64 megabytes."""
    return gzip.compress(begin + MEGABYTE * 64 + end)


def dripped(body: bytes, kind: tuple[str, str]) -> list[Step]:
    """A byte in each packet."""
    return stream(*(body[at : at + 1] for at in range(len(body))), content_type=kind[1])


def often(*steps: Step, count: int = 200) -> list[Step]:
    """The steps again and again; for longer than any client should wait."""
    return [*steps] * count


def elsewhere(request: Request) -> list[Step]:
    """Sent on to another origin, which is this server by another name: it would answer, and must not be asked."""
    port = (request.header("host") or "").rpartition(":")[2]
    location = f"http://localhost:{port}/v1/chat/completions"
    return [head(307, ("Location", location), ("Content-Length", "0"))]


def both(entry: Any, right: Any) -> dict[str, Any]:
    """The same for a stream and for a whole reply."""
    return {"streamed": (entry, right), "whole": (entry, right)}


def surplus(body: bytes, more: bytes, kind: str) -> list[Step]:
    """A reply and, in the same packet, another one that nobody asked for."""
    return [b"".join(s for sent in (body, more) for s in reply(sent, content_type=kind) if isinstance(s, bytes))]


ENDS = [
    Fault("[DONE], then silence", streamed=(chunked(frame(SAID), STALL), answer())),
    Fault("[DONE], then garbage", streamed=(chunked(frame(SAID), b"\x00no frame\r\n", CLOSE), answer())),
    Fault("[DONE], then a reset", streamed=(chunked(frame(SAID), RESET), answer())),
    Fault("[DONE], then a gzip that is cut", streamed=(packed(flushed(SAID), EVENTS), answer())),
    Fault("[DONE] without its blank line", streamed=(chunked(frame(BEGUN + b"data: [DONE]"), STALL), answer())),
    Fault("closed in order without [DONE], chunked", streamed=(stream(BEGUN), CUT), whole=(stream(HALF), UNREADABLE)),
    Fault(
        "closed in order without [DONE], by length",
        streamed=(stream(BEGUN, framing="length"), CUT),
        whole=(reply(HALF), UNREADABLE),
    ),
    Fault(
        "closed in order without [DONE], by close",
        streamed=(stream(BEGUN, framing="close"), CUT),
        whole=(reply(HALF, framing="close"), UNREADABLE),
    ),
    Fault(
        "reset in the middle",
        streamed=(stream(BEGUN, RESET), CUT),
        whole=(of_length(9, HALF, RESET, kind=JSON), RESET_BY_PEER),
    ),
    Fault(
        "closed inside a chunked frame",
        streamed=(chunked(frame(BEGUN), frame(event(text("C")))[:-20], CLOSE), CUT),
        whole=(chunked(frame(WHOLE)[:-20], CLOSE, kind=JSON), BROKEN),
    ),
    Fault(
        "closed between chunked frames",
        streamed=(chunked(frame(BEGUN), CLOSE), CUT),
        whole=(chunked(frame(WHOLE), CLOSE, kind=JSON), BROKEN),
    ),
    Fault(
        "short of its Content-Length",
        streamed=(of_length(9, BEGUN, CLOSE), CUT),
        whole=(of_length(9, WHOLE, CLOSE, kind=JSON), BROKEN),
    ),
    Fault(
        "a gzip that is cut",
        streamed=(packed(flushed(BEGUN), EVENTS), CUT),
        whole=(packed(flushed(WHOLE), JSON), BROKEN),
    ),
    Fault(
        "a gzip that turns corrupt",
        streamed=(chunked(frame(flushed(BEGUN)), Pause(0.05), frame(b"\xff" * 16), headers=(GZIP,)), CUT),
        whole=(packed(corrupt(WHOLE), JSON), BROKEN),
    ),
    # What its decoder had not given before it failed is lost.
    Fault("a gzip that turns corrupt within a packet", streamed=(packed(corrupt(BEGUN), EVENTS), fails(CUT.error))),
    Fault("an empty body", streamed=(stream(), NOTHING), whole=(reply(b""), UNREADABLE)),
    Fault("comments alone, then the end", streamed=(stream(b": ping\n\n: ping\n\n"), NOTHING)),
    Fault(
        "surplus bytes after the reply",
        streamed=(surplus(SAID, said("evil"), EVENTS[1]), answer()),
        whole=(surplus(WHOLE, json.dumps(completion("evil")).encode(), JSON[1]), answer()),
    ),
]

CLOCKS = [
    Fault("silent before the head", **both([STALL], FIRST_BYTE)),
    Fault(
        "a head that never ends, a byte now and then",
        **both([b"HTTP/1.1 200 OK\r\nX: ", *often(b"y", Pause(0.05))], FIRST_BYTE),
    ),
    Fault(
        "silent after the head",
        streamed=(chunked(STALL), FIRST_TOKEN),
        whole=(of_length(9, STALL, kind=JSON), FIRST_BYTE),
    ),
    Fault(
        "silent in the middle",
        streamed=(chunked(frame(BEGUN), STALL), READ),
        whole=(of_length(9, HALF, STALL, kind=JSON), READ_WHOLE),
    ),
    Fault("comments for ever", streamed=(chunked(*often(frame(b": ping\n\n"), Pause(0.05))), FIRST_TOKEN)),
    Fault(
        "comments for ever in the middle",
        streamed=(chunked(frame(BEGUN), *often(frame(b": ping\n\n"), Pause(0.05))), READ),
    ),
    Fault("empty events for ever", streamed=(chunked(frame(BEGUN), *often(frame(b"data:\n\n"), Pause(0.05))), READ)),
    Fault(
        "an event that never ends, a byte now and then",
        streamed=(chunked(frame(BEGUN + b"data: "), *often(frame(b"x"), Pause(0.05))), READ),
    ),
    Fault(
        "an error whose body never comes",
        **both([head(500, JSON, ("Content-Length", "9")), STALL], fails("InternalServerError", status_code=500)),
    ),
]
TIMED = [Fault(f.name, f.streamed, f.whole, TIME) for f in CLOCKS]

SIZES = [
    Fault(
        "an event over Limits(event_bytes)",
        streamed=(
            chunked(frame(BEGUN + b"data: {}"), *[frame(MEGABYTE)] * 32, frame(b"\n\n" + sse(finish())), b"0\r\n\r\n"),
            fails("APIResponseValidationError", "event_bytes", partial="AB"),
        ),
    ),
    Fault(
        "a body over Limits(body_bytes)",
        **both(of_length(0, WHOLE, *[MEGABYTE] * 32, kind=JSON), fails("APIResponseValidationError", "body_bytes")),
    ),
    Fault(
        "a gzip bomb",
        streamed=(
            lambda _: packed(bomb(BEGUN + b"data: {}", b"\n\n" + sse(finish())), EVENTS),
            fails("APIResponseValidationError", "event_bytes", partial="AB"),
        ),
        whole=(lambda _: packed(bomb(WHOLE), JSON), fails("APIResponseValidationError", "body_bytes")),
    ),
    Fault(
        "a header of 16 MB",
        streamed=([b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x" * (1 << 20)] * 16, b"\r\n\r\n", SAID, CLOSE], NO_HTTP),
        whole=([b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x" * (1 << 20)] * 16, b"\r\n\r\n", WHOLE, CLOSE], NO_HTTP),
    ),
    Fault(
        "10,000 headers",
        streamed=(stream(SAID, headers=[("X-More", "1")] * 10_000), NO_HTTP),
        whole=(reply(WHOLE, headers=[("X-More", "1")] * 10_000), NO_HTTP),
    ),
]
SMALL = {"event_bytes": 1 << 20, "body_bytes": 1 << 20}
BOUNDED = [Fault(f.name, f.streamed, f.whole, limits=SMALL, bound=True) for f in SIZES]

LARGE = [
    Fault(
        "an error with a body of 32 MB",
        **both(
            [head(400, JSON, ("Content-Length", str(32 << 20))), *[MEGABYTE] * 32],
            fails("BadRequestError", status_code=400),
        ),
        limits={"error_body_bytes": 10_000},
    ),
    Fault(
        "1,000 comments between tokens",
        streamed=(stream(b": ping\n\n" * 1000 + event(text("A")), b": ping\n\n" * 1000, said("B")), answer()),
    ),
]

HTTP = [
    Fault(
        "a chunk size that is none",
        streamed=(chunked(frame(BEGUN), b"zz\r\n", STALL), CUT),
        whole=(chunked(b"zz\r\n", STALL, kind=JSON), NO_HTTP),
    ),
    Fault(
        "a chunk size beyond any number",
        streamed=(chunked(frame(BEGUN), b"f" * 40 + b"\r\n", STALL), CUT),
        whole=(chunked(b"f" * 40 + b"\r\n", STALL, kind=JSON), NO_HTTP),
    ),
    Fault(
        "a trailer after the body",
        streamed=(chunked(frame(SAID), b"0\r\nX-Sum: 1\r\n\r\n"), answer()),
        whole=(chunked(frame(WHOLE), b"0\r\nX-Sum: 1\r\n\r\n", kind=JSON), answer()),
    ),
    Fault(
        "two lengths that differ",
        **both([head(200, JSON, ("Content-Length", "5"), ("Content-Length", "6")), b"{}    "], NO_HTTP),
    ),
    Fault("a length that is no number", **both([head(200, JSON, ("Content-Length", "-5")), b"{}"], NO_HTTP)),
    Fault(
        "a length beside chunks",
        streamed=(chunked(frame(SAID), b"0\r\n\r\n", headers=(("Content-Length", "3"),)), answer()),
        whole=(chunked(frame(WHOLE), b"0\r\n\r\n", kind=JSON, headers=(("Content-Length", "3"),)), answer()),
    ),
    Fault("a status line that is garbage", **both([b"SSH-2.0-OpenSSH_9.6\r\n\r\n", CLOSE], NO_HTTP)),
    Fault("a status of two digits", **both([b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n", CLOSE], NO_HTTP)),
    Fault("a header without a colon", **both([b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", CLOSE], NO_HTTP)),
    Fault(
        "a header with a NUL", **both([b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", CLOSE], NO_HTTP)
    ),
    Fault("a head that is cut", **both([b"HTTP/1.1 200 OK\r\nContent-", CLOSE], RESET_BY_PEER)),
    Fault(
        "100 and 103 before the reply",
        streamed=([head(100), head(103, ("Link", "</x>")), *stream(SAID)], answer()),
        whole=([head(100), head(103, ("Link", "</x>")), *reply(WHOLE)], answer()),
    ),
    Fault(
        "an HTTP/1.0 reply",
        streamed=([b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", SAID, CLOSE], answer()),
        whole=([b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n", WHOLE, CLOSE], answer()),
    ),
    Fault(
        "a gzip in two members",
        streamed=(packed(gzip.compress(SAID[:99]) + gzip.compress(SAID[99:]), EVENTS), answer()),
        whole=(packed(gzip.compress(WHOLE[:99]) + gzip.compress(WHOLE[99:]), JSON), answer()),
    ),
    Fault(
        "a gzip of a gzip",
        streamed=(stream(gzip.compress(gzip.compress(SAID)), headers=TWICE), answer()),
        whole=(reply(gzip.compress(gzip.compress(WHOLE)), headers=TWICE), answer()),
    ),
    Fault(
        "a content coding that nobody knows",
        **both(
            reply(b"\x01\x02", headers=[("Content-Encoding", "rot13")]), fails("APIResponseValidationError", "rot13")
        ),
    ),
    Fault(
        "no content type",
        streamed=(stream(SAID, content_type=None), answer()),
        whole=(reply(WHOLE, content_type=None), answer()),
    ),
    Fault("a byte in each packet", streamed=(dripped(SAID, EVENTS), answer()), whole=(dripped(WHOLE, JSON), answer())),
    Fault("503, then an answer", **both(reply(error("Overloaded"), 503), answer("usable")), retries=1),
    Fault(
        "429 with a Retry-After of an hour",
        **both(
            reply(error("Slow down"), 429, headers=[("Retry-After", "3600")]),
            fails("RateLimitError", "Slow down", retry_after=3600.0, retries_taken=0),
        ),
        retries=1,
    ),
    Fault(
        "429 with a Retry-After of no meaning",
        **both(
            reply(error("Slow down"), 429, headers=[("Retry-After", "soon")]),
            fails("RateLimitError", "Slow down", retry_after=None),
        ),
    ),
    Fault("a redirect to another host", **both(elsewhere, fails("APIStatusError", status_code=307))),
    Fault(
        "a redirect to nowhere",
        **both([head(307, ("Content-Length", "0"))], fails("APIStatusError", status_code=307)),
    ),
    Fault("closed before the reply", **both([CLOSE], RESET_BY_PEER)),
    Fault(
        "connection refused", **both([], fails("APIConnectionError", "refused", cause="refused")), connecting="refused"
    ),
    Fault("closed when accepted", **both([], RESET_BY_PEER), connecting="closed"),
    Fault("plain text where TLS is spoken", **both([], fails("APIConnectionError", cause="tls")), connecting="plain"),
    Fault(
        "silence where TLS is spoken",
        **both([], fails("APITimeoutError", phase="connect", cause="timeout")),
        connecting="mute",
        timeout=TIME,
    ),
]

FAULTS = [*ENDS, *TIMED, *BOUNDED, *LARGE, *HTTP, *IN_CONTENT]

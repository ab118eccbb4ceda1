"""What servers say wrong inside a reply that arrives whole."""

from __future__ import annotations

import json
from typing import Any

from attempts import Fault, answer, fails
from replies import choice, chunk, completion, error, event, finish, said, sse, text
from server import Step, frame, reply, stream

SAID = said("A", "B")
REST = said("B")
HTML = b"<!DOCTYPE html><html><title>Maintenance</title></html>"
DEEP = b"[" * 100_000 + b"]" * 100_000
CRASHED = fails("APIError", "Model crashed", partial="A")
DIGITS = fails("APIResponseValidationError", "digits", partial="A")  # Python reads no more than 4,300
REFUSED = fails("APIResponseValidationError", partial="A")
MESSAGE = {"role": "assistant", "content": "AB"}


def then(data: Any) -> list[Step]:
    """A token, this, and another token."""
    return stream(event(text("A")) + event(data), REST)


def whole(data: Any = b"", **fields: Any) -> tuple[list[Step], Any]:
    """A whole reply that can be read all the same."""
    return reply(data or completion("AB", **fields)), answer()


def with_member(data: dict[str, Any], value: bytes) -> bytes:
    """The JSON text of an object with one member more, which is not built first."""
    return json.dumps(data).encode()[:-1] + b', "deep": ' + value + b"}"


def bare(content: str) -> dict[str, Any]:
    """A chunk of what is needed alone."""
    return {"choices": [{"delta": {"content": content}}]}


def nulls(content: str | None) -> dict[str, Any]:
    """A chunk where everything else is null."""
    delta = {"role": None, "content": content, "refusal": None, "tool_calls": None, "function_call": None}
    one = {"index": None, "delta": delta, "finish_reason": None, "logprobs": None}
    return {"id": None, "object": None, "created": None, "model": None, "choices": [one], "usage": None, "error": None}


def fragment(**fields: Any) -> dict[str, Any]:
    """A piece of a tool call that does not say of which."""
    return chunk(choice(tool_calls=[fields]))


CALL = [
    fragment(id="call_1", type="function", function={"name": "f", "arguments": ""}),
    fragment(function={"arguments": '{"a": '}),
    fragment(function={"arguments": "1}"}),
]
CALLS = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
CALLED = answer(calls=[("f", '{"a": 1}')])

ERRORS = [
    Fault("an error object in mid-stream", streamed=(then(error("Model crashed")), CRASHED)),
    Fault("an error string in mid-stream", streamed=(then({"error": "Model crashed"}), CRASHED)),
    Fault("a detail in mid-stream", streamed=(then({"detail": "Model crashed"}), CRASHED)),
    Fault("`event: error` with plain text", streamed=(then(b"event: error\ndata: Model crashed\n\n"), CRASHED)),
    Fault("an error beside a token", streamed=(then({**text("?"), **error("Model crashed")}), CRASHED)),
    Fault('`"error": null`', streamed=(then({**text(""), "error": None}), answer()), whole=whole(error=None)),
    Fault(
        "HTML with status 200",
        streamed=(reply(HTML, content_type="text/html"), fails("APIResponseValidationError", "text/html", "<html>")),
        whole=(reply(HTML, content_type="text/html"), fails("APIResponseValidationError", "text/html", "<html>")),
    ),
    Fault(
        "an error in JSON with status 200",
        streamed=(reply(error("Model crashed")), fails("APIError", "Model crashed", "application/json")),
        whole=(reply(error("Model crashed")), fails("APIError", "Model crashed")),
    ),
    Fault("a whole completion in place of a stream", streamed=(reply(completion("AB")), answer())),
    Fault(
        "a stream in place of a whole completion",
        whole=(stream(SAID), fails("APIResponseValidationError", "event-stream")),
    ),
    Fault(
        "an error page with status 502",
        **dict.fromkeys(
            ("streamed", "whole"),
            (reply(HTML, 502, content_type="text/html"), fails("InternalServerError", "Maintenance", status_code=502)),
        ),
    ),
]

DATA = [
    Fault(
        "data that is not JSON",
        streamed=(then("{oops}"), fails("APIResponseValidationError", "{oops}", partial="A")),
        whole=(reply(b"{oops}"), fails("APIResponseValidationError", "{oops}")),
    ),
    Fault(
        "data that is a number",
        streamed=(then("12"), REFUSED),
        whole=(reply(b"12"), fails("APIResponseValidationError", "12")),
    ),
    Fault(
        "data that is a list",
        streamed=(then("[1, 2]"), REFUSED),
        whole=(reply(b"[1, 2]"), fails("APIResponseValidationError", "[1, 2]")),
    ),
    Fault(
        "data that is `null`",
        streamed=(then("null"), REFUSED),
        whole=(reply(b"null"), fails("APIResponseValidationError", "null")),
    ),
    Fault(
        "JSON with something after it",
        streamed=(then(json.dumps(text("?")) + "x"), REFUSED),
        whole=(reply(json.dumps(completion("AB")) + "x"), fails("APIResponseValidationError")),
    ),
    Fault("an event with empty data", streamed=(then(b"data:\n\ndata\n\n"), answer())),
    Fault("events of `retry` and `id` alone", streamed=(then(b"retry: 10\n\nid: 3\n\n"), answer())),
    Fault(
        "event names that nobody knows",
        streamed=(then(b'event: ping\ndata: {"type": "ping"}\n\nevent: x\ndata:\n\n'), answer()),
    ),
    Fault(
        "null everywhere",
        streamed=(stream(sse(nulls(None), nulls("A"), nulls("B"))), answer()),
        whole=whole(
            {
                "id": None,
                "object": None,
                "created": None,
                "model": None,
                "usage": None,
                "choices": [
                    {"index": None, "message": {**MESSAGE, "tool_calls": None, "refusal": None}, "finish_reason": None}
                ],
            }
        ),
    ),
    Fault(
        "keys that are missing",
        streamed=(stream(sse({}, {"choices": []}, bare("A"), bare("B"))), answer()),
        whole=whole({"choices": [{"message": {"content": "AB"}}]}),
    ),
    Fault(
        "values of other types",
        streamed=(stream(sse(*({**text(t), "id": 7, "created": "now", "usage": "none"} for t in "AB"))), answer()),
        whole=whole(id=7, created="now", usage="none"),
    ),
    Fault(
        "keys twice",
        streamed=(then(json.dumps(text(""))[:-1] + ', "id": "other", "choices": []}'), answer()),
        whole=whole(json.dumps(completion("?"))[:-1] + ', "choices": [{"message": {"content": "AB"}}]}'),
    ),
    Fault(
        "a huge number",
        streamed=(then(with_member(text(""), b"1e999").join((b"data: ", b"\n\n"))), answer()),
        whole=whole(with_member(completion("AB"), b"1e999")),
    ),
    Fault(
        "a number of 10,000 digits",
        streamed=(then(with_member(text(""), b"7" * 10_000).join((b"data: ", b"\n\n"))), DIGITS),
        whole=(reply(with_member(completion("AB"), b"7" * 10_000)), fails("APIResponseValidationError", "digits")),
    ),
    Fault(
        "JSON 100,000 levels deep",
        streamed=(then(with_member(text(""), DEEP).join((b"data: ", b"\n\n"))), REFUSED),
        whole=(reply(with_member(completion("AB"), DEEP)), fails("APIResponseValidationError")),
    ),
    Fault(
        "an error 100,000 levels deep",
        **dict.fromkeys(
            ("streamed", "whole"),
            (reply(with_member(error("No"), DEEP), 400), fails("BadRequestError", status_code=400)),
        ),
    ),
    Fault(
        "pieces of a tool call without an index",
        streamed=(stream(sse(text("AB"), *CALL, finish("tool_calls"))), CALLED),
        whole=(reply(completion("AB", message={"tool_calls": CALLS})), CALLED),
    ),
    Fault(
        "one choice of two unfinished",
        streamed=(
            stream(sse(chunk(choice(content="A"), choice(index=1, content="B")), finish(), done=False)),
            fails("StreamTruncatedError", partial="A"),
        ),
    ),
    Fault("[DONE] alone", streamed=(stream(sse()), fails("APIResponseValidationError", "without a single chunk"))),
]

BYTES = [
    Fault(
        "a byte-order mark",
        streamed=(stream(b"\xef\xbb\xbf" + SAID), answer()),
        whole=whole(b"\xef\xbb\xbf" + json.dumps(completion("AB")).encode()),
    ),
    Fault(
        "a byte-order mark before a completion in the place of a stream",
        streamed=(reply(b"\xef\xbb\xbf" + json.dumps(completion("AB")).encode()), answer()),
    ),
    Fault("lines that end in CR", streamed=(stream(SAID.replace(b"\n", b"\r")), answer())),
    Fault(
        "CRLF split between packets",
        streamed=(stream(*(part for line in SAID.splitlines() for part in (line + b"\r", b"\n"))), answer()),
    ),
    Fault(
        "invalid UTF-8",
        streamed=(
            then(json.dumps(text("@")).encode().replace(b"@", b"\xff").join((b"data: ", b"\n\n"))),
            answer("A\ufffdB"),
        ),
        whole=(reply(json.dumps(completion("A@B")).encode().replace(b"@", b"\xff")), answer("A\ufffdB")),
    ),
    Fault(
        "half of a surrogate pair, escaped",
        streamed=(then(json.dumps(text("\ud800"))), answer("A\ud800B")),
        whole=(reply(completion("A\ud800B")), answer("A\ud800B")),
    ),
    Fault(
        "U+2028 and U+0085 in the text",
        streamed=(then(text("\u2028\x85")), answer("A\u2028\x85B")),
        whole=(reply(json.dumps(completion("A\u2028\x85B"), ensure_ascii=False)), answer("A\u2028\x85B")),
    ),
    Fault(
        "NUL in the text",
        streamed=(then(text("\x00")), answer("A\x00B")),
        whole=(reply(completion("A\x00B")), answer("A\x00B")),
    ),
    Fault(
        "a comment inside an event",
        streamed=(stream(event(text("A"))[:-1] + b": ping\n\n", frame(b"")[:0], REST), answer()),
    ),
]

FAULTS = [*ERRORS, *DATA, *BYTES]

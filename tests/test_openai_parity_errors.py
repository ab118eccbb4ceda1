"""What openai-python and tokstream tell of what goes wrong."""

from __future__ import annotations

import pytest

from parity import HEADERS, Programs, ask
from replies import completion, error, sse, text
from server import CLOSE, reply, stream

program = Programs()


@program(
    *(
        reply(sent, status, headers=HEADERS)
        for status, sent in [
            (400, error("no", code="c", type="t", param="p")),
            (401, {"detail": "Not authenticated"}),
            (403, {"error": "no"}),
            (404, error("no", code=7)),
            (409, {"detail": {"error": "no"}}),
            (418, [1, 2]),
            (422, {"detail": "no"}),
            (429, error("busy", code="engine_overloaded")),
            (500, "plain text"),
            (503, {}),
        ]
    ),
)
def errors(surface, client, library):
    seen = []
    for _ in range(10):
        with pytest.raises(library.APIStatusError) as caught:
            ask(surface, client)
        got = caught.value
        seen.append(
            [
                type(got).__name__,
                isinstance(got, library.APIError),
                got.status_code,
                got.body,
                got.code,
                got.type,
                got.param,
                got.request_id,
                got.response.status_code,
                got.response.headers["x-mine"],
                got.request.method,
                got.response.text,
            ]
        )
    return seen


@program([CLOSE], reply(completion("ok")))
def connection_errors(surface, client, library):
    with pytest.raises(library.APIConnectionError) as caught:
        ask(surface, client)
    got = caught.value
    return [
        type(got).__name__,
        isinstance(got, library.APIError),
        isinstance(got, library.APIStatusError),
        got.body,
        got.code,
        ask(surface, client).choices[0].message.content,
    ]


@program(stream(sse(text("A"), error("Model crashed", code="oom"))))
def error_in_mid_stream(surface, client, library):
    answer = ask(surface, client, stream=True)
    first = surface.next(answer).choices[0].delta.content
    with pytest.raises(library.APIError) as caught:
        surface.next(answer)
    got = caught.value
    return [first, type(got).__name__, got.message, got.body, got.code, got.type, got.param]


@pytest.mark.parametrize("name", program.known)
def test_the_same_program_reads_the_same(surface, serve, name):
    theirs, ours = program.run(name, surface, serve)
    assert ours.result == theirs.result
    assert ours.sent == theirs.sent

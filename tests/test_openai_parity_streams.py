"""What openai-python and tokstream read out of streams and their events."""

from __future__ import annotations

import importlib

import pytest

from parity import HEADERS, PIECES, Programs, ask
from replies import HELLO, MODEL, said, sse
from server import stream

program = Programs()


@program(stream(sse(*PIECES)), stream(sse(*PIECES)))
def a_stream_that_is_left(surface, client, library):
    first = ask(surface, client, stream=True)
    seen = [surface.first(first).choices[0].delta.content]
    surface.run(first.close())
    with surface.using(ask(surface, client, stream=True)) as answer:
        seen.append(surface.next(answer).choices[0].delta.content)
        seen.append(answer.response.headers["content-type"])
    return seen


@program(stream(sse(*PIECES)))
def a_stream_of_any_route(surface, client, library):
    chunk_class = importlib.import_module(f"{library.__name__}.types.chat").ChatCompletionChunk
    stream_class = library.AsyncStream if surface.name == "async" else library.Stream
    options = {"cast_to": chunk_class, "stream": True, "stream_cls": stream_class[chunk_class]}
    answer = surface.run(client.post("/chat/completions", body={"stream": True}, **options))
    return [piece.to_dict() for piece in surface.list(answer)]


@program(stream(sse(*PIECES), headers=HEADERS))
def chunks(surface, client, library):
    answer = ask(surface, client, stream=True, stream_options={"include_usage": True})
    read = surface.list(answer)
    return [
        [piece.to_dict() for piece in read],
        [piece.model_dump(exclude_unset=True) for piece in read],
        [[c.delta.content for c in piece.choices] for piece in read],
        [[c.delta.role for c in piece.choices] for piece in read],
        [[c.finish_reason for c in piece.choices] for piece in read],
        [piece.usage and piece.usage.total_tokens for piece in read],
        [piece.system_fingerprint for piece in read],
        read[3].obfuscation,
        read[3].choices[0].delta.mood,
        read[4].choices[0].delta.tool_calls[0].function.arguments,
        type(read[0]).__name__,
        answer.response.status_code,
        answer.response.headers["x-request-id"],
    ]


@program(stream(sse(*PIECES)))
def text_by_hand(surface, client, library):
    collected = ""
    for piece in surface.list(ask(surface, client, stream=True)):
        if piece.choices and piece.choices[0].delta.content is not None:
            collected += piece.choices[0].delta.content
    return collected


@program(stream(said("A", "B", "C")))
def stream_as_a_context(surface, client, library):
    with surface.using(ask(surface, client, stream=True)) as answer:
        first = surface.next(answer)
        return [first.choices[0].delta.content, [c.choices[0].delta.content for c in surface.list(answer)]]


@program(stream(sse(*PIECES)))
def events(surface, client, library):
    with surface.using(client.chat.completions.stream(messages=HELLO, model=MODEL)) as answer:
        seen = [
            [event.type, getattr(event, "delta", None), getattr(event, "content", None)]
            for event in surface.list(answer)
        ]
        final = surface.run(answer.get_final_completion())
    return [seen, final.choices[0].message.content, final.choices[0].finish_reason, final.usage.total_tokens]


@pytest.mark.parametrize("name", program.known)
def test_the_same_program_reads_the_same(surface, serve, name):
    theirs, ours = program.run(name, surface, serve)
    assert ours.result == theirs.result
    assert ours.sent == theirs.sent

"""What tests of answers that are resumed share: streams that break, and what goes on from them."""

from __future__ import annotations

from typing import Any

import tokstream
from replies import HELLO, sse, text
from server import RESET, stream

POLICY = tokstream.RetryPolicy(initial_delay=0.01)
EVENTS = ("Content-Type", "text/event-stream")
CHUNKED = ("Transfer-Encoding", "chunked")
LONG = "It was a dark and stormy night; the rain fell in torrents, except at "


def begun(*contents: str) -> bytes:
    return sse(*map(text, contents), done=False)


def cut(*contents: str, by: Any = RESET) -> list[Any]:
    return stream(begun(*contents), by)


def contents(chunks: list[Any]) -> list[Any]:
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]


def answered(content: str, **fields: Any) -> list[Any]:
    return [*HELLO, {"role": "assistant", "content": content, **fields}]


# How the text of an answer is read.
READERS = {
    "chunks": lambda surface, answer: "".join(filter(None, contents(surface.list(answer)))),
    "text_stream": lambda surface, answer: "".join(surface.list(answer.text_stream)),
    "final text": lambda surface, answer: surface.run(answer.get_final_text()),
    "until done": lambda surface, answer: surface.run(surface.run(answer.until_done()).get_final_text()),
    "final completion": lambda surface, answer: surface.run(answer.get_final_completion()).choices[0].message.content,
    "one chunk, then all": lambda surface, answer: surface.next(answer) and surface.run(answer.get_final_text()),
}

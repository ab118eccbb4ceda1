"""What openai-python and tokstream make of the settings of a client."""

from __future__ import annotations

import pytest

from parity import Programs, ask
from replies import completion
from server import reply

httpx = pytest.importorskip("httpx2", reason="openai-python has another HTTP library")

program = Programs()


@program(*[reply(completion("ok"))] * 4)
def settings(surface, client, library):
    changed = client.with_options(
        default_headers={"X-Mine": "1", "X-A": "a"},
        default_query={"q": "1"},
        timeout=httpx.Timeout(60, read=5, connect=2),
    )
    ask(surface, changed)
    ask(surface, changed, extra_headers={"X-Mine": library.Omit()}, extra_query={"q": "2"}, timeout=httpx.Timeout(9))
    ask(
        surface,
        changed.copy(set_default_headers={}, set_default_query={}),
        temperature=library.omit,
        top_p=library.not_given,
    )
    client.api_key = "another"
    ask(surface, client)
    return [changed.timeout == httpx.Timeout(60, read=5, connect=2), changed.max_retries]


@program(reply({"a": [1, {"b": None}]}), reply({"ok": True}))
def routes(surface, client, library):
    return [
        surface.run(client.get("/some/route", cast_to=object)),
        surface.run(client.post("/other", cast_to=object, body={"x": 1}, options={"headers": {"X-A": "1"}})),
    ]


@program()
def attributes(surface, client, library):
    changed = client.with_options(timeout=3, max_retries=5)
    return [
        client.api_key,
        client.max_retries,
        changed.timeout,
        changed.max_retries,
        client.is_closed(),
        bool(library.NOT_GIVEN),
        str(client.base_url).rstrip("/").rpartition("/")[2],
        client.chat.completions is not None,
    ]


@program()
def closing(surface, client, library):
    with surface.using(client) as entered:
        same = entered is client
    return [same, client.is_closed()]


@pytest.mark.parametrize("name", program.known)
def test_the_same_program_reads_the_same(surface, serve, name):
    theirs, ours = program.run(name, surface, serve)
    assert ours.result == theirs.result
    assert ours.sent == theirs.sent

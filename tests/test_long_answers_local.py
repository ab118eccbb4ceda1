"""Answers that go on, with the model on this machine: what was cut anywhere is one coherent text in the end."""

from __future__ import annotations

import http.client
import json
import random
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from server import RESET, Request, Step, stream
from tokstream import RetryPolicy, local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from surface import Surface

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs tokstream[local]"),
    pytest.mark.timeout(300),  # the first test may have to fetch the model
]

STORY: dict[str, Any] = {"messages": "Tell me a story about a cat.", "max_tokens": 60, "temperature": 0, "seed": 1}
CAP = 20


@pytest.fixture(scope="module")
def server() -> Iterator[local.Server]:
    with local.serve(ctx_size=4096, parallel=1) as server:
        yield server


@pytest.fixture
def story(surface: Surface, server: local.Server) -> str:
    """The answer as it is if nothing happens to it."""
    text: str = surface.ask(surface.client(server.base_url, model=server.model), streamed=False, **STORY)
    return text


def asked(server: local.Server, body: dict[str, Any]) -> tuple[bytes, str | None]:
    """What the server answers, and what it calls that."""
    connection = http.client.HTTPConnection(server.base_url.split("/")[2], timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read(), response.headers["Content-Type"]
    connection.close()
    return answer


@pytest.mark.parametrize("seed", range(3))
def test_what_was_cut_anywhere_is_one_text(
    surface: Surface, serve: Any, server: local.Server, story: str, seed: int
) -> None:
    dice = random.Random(seed)
    cuts = [dice.randrange(1_000, 12_000), dice.randrange(1_000, 6_000)]

    def cut(request: Request) -> Sequence[Step]:
        body, _ = asked(server, request.json)
        return stream(body[: cuts.pop(0) % len(body)], RESET) if cuts else stream(body)

    proxy = serve(then=cut)
    client = surface.client(proxy, model=server.model, retry=RetryPolicy(initial_delay=0.01))
    answer = surface.stream(client, resume=True, **STORY)
    assert "".join(surface.list(answer.text_stream)) == story
    assert answer.resumed == 2
    for request in proxy.requests[1:]:
        sent = request.json["messages"][-1]
        assert sent["role"] == "assistant"
        assert story.startswith(sent["content"])


@pytest.mark.parametrize("streamed", [False, True])
def test_past_a_cap_of_the_server(
    surface: Surface, serve: Any, server: local.Server, story: str, *, streamed: bool
) -> None:
    def capped(request: Request) -> Sequence[Step]:
        body, kind = asked(server, {**request.json, "max_tokens": CAP})
        return stream(body, content_type=kind, framing="length")

    proxy = serve(then=capped)
    answer = surface.create(surface.client(proxy, model=server.model), **STORY, auto_continue=True, stream=streamed)
    whole = surface.run(answer.get_final_completion()) if streamed else answer
    assert whole.choices[0].message.content == story
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage.completion_tokens == 3 * CAP
    assert [request.json["max_tokens"] for request in proxy.requests] == [60, 40, 20]

"""One program, two libraries: what tests of openai-python and tokstream side by side share.

Each program is run with both on both surfaces, against servers that play the same script. What it returns, and the
JSON that it sent, must be equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import tokstream
from replies import HELLO, MODEL, USAGE, choice, chunk, completion
from surface import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from server import Entry, Server
    from surface import Surface

openai = pytest.importorskip("openai", reason="openai-python is not installed")

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
LOGPROB = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
HEADERS = [("X-Request-Id", "req_1"), ("X-Mine", "1")]

WHOLE = completion(
    " Hi!",
    message={"tool_calls": [CALL], "reasoning_content": "hm", "refusal": None, "mood": {"calm": [True, None]}},
    system_fingerprint="fp",
    service_tier="default",
    energy=1.5,
)
WHOLE["choices"][0]["logprobs"] = {"content": [LOGPROB], "refusal": None}

PIECES = [
    chunk(choice(role="assistant", content=" ")),
    chunk(choice(content="Hi")),
    chunk(choice(content="")),
    chunk(choice(content="</s>", mood="calm"), system_fingerprint="fp", obfuscation="xyz"),
    chunk(choice(tool_calls=[{"index": 0, **CALL}])),
    chunk(choice("stop")),
    chunk(usage=USAGE),
]


class Run(NamedTuple):
    """What a program returned with a library, and what it sent."""

    result: Any
    sent: list[Any]


class Programs:
    """The programs of a module by name: functions of surface, client and library."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def __call__(self, *script: Entry, **options: Any) -> Callable[[Any], Any]:
        """Add a function; the script is what the server plays for it, the options are those of its client."""

        def register(function: Any) -> Any:
            self.known[function.__name__] = (function, script, options)
            return function

        return register

    def run(self, name: str, surface: Surface, serve: Callable[..., Server]) -> list[Run]:
        """Run a program with openai-python, and with tokstream."""
        function, script, options = self.known[name]
        runs = []
        for library in (openai, tokstream):
            client_class = {
                ("sync", openai): openai.OpenAI,
                ("async", openai): openai.AsyncOpenAI,
                ("sync", tokstream): tokstream.Client,
                ("async", tokstream): tokstream.AsyncClient,
            }[surface.name, library]
            server = serve(*script)
            client = client_class(base_url=server.url, api_key=KEY, max_retries=0, **options)
            result = function(surface, client, library)
            surface.run(client.close())
            runs.append(Run(result, [request_of(request) for request in server.requests]))
        return runs


def ask(surface: Surface, client: Any, **params: Any) -> Any:
    """Ask for a chat completion."""
    params.setdefault("messages", HELLO)
    params.setdefault("model", MODEL)
    return surface.run(client.chat.completions.create(**params))


def request_of(request: Any) -> list[Any]:
    """What of a request the two have in common."""
    body = request.json if request.body else None
    if isinstance(body, dict) and request.path.endswith("/embeddings"):
        # How vectors travel by default is each library's own choice.
        body.pop("encoding_format", None)
    if isinstance(body, dict) and body.get("stream") is False:
        # Which is what it is where nothing is said.
        del body["stream"]
    query = sorted(pair for pair in request.query if pair != ("filter", "with_meta"))
    mine = [request.header(name) for name in ("authorization", "content-type", "x-mine", "x-a")]
    return [request.method, request.path, query, body, mine]

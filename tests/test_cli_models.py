"""`tokstream models`: what the server offers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli import CommandLine, fail, run
from server import reply

if TYPE_CHECKING:
    from cli import Serve

MODELS = [
    {
        "id": "zeta/Small-1B",
        "object": "model",
        "created": 1,
        "owned_by": "zeta",
        "metadata": {
            "context_length": 32768,
            "max_tokens": 16384,
            "pricing": {"input_tokens": 0.015, "output_tokens": 0.4, "cache_read_tokens": None},
        },
    },
    {
        "id": "Acme/Large-70B",
        "object": "model",
        "metadata": {
            "context_length": 131072,
            "pricing": {"input_tokens": 12, "output_tokens": 0.000062, "cache_read_tokens": 0.1},
        },
    },
    {"id": "mid/Embedder", "object": "model", "metadata": None},
]


class TestModels(CommandLine):
    """What the server offers."""

    def test_the_table(self, talk: Serve) -> None:
        talk(reply({"object": "list", "data": MODELS}))
        done = run("models")
        assert done.returncode == 0
        assert done.stdout == (
            "MODEL           CONTEXT  INPUT    OUTPUT  CACHED\n"
            "Acme/Large-70B  131,072  12.00  0.000062    0.10\n"
            "mid/Embedder\n"
            "zeta/Small-1B    32,768  0.015      0.40\n"
        )
        assert done.stderr == "Prices are in USD for a million tokens.\n"

    def test_words_choose(self, talk: Serve) -> None:
        answer = reply({"object": "list", "data": MODELS})
        talk(answer, answer)
        done = run("models", "-q", "LARGE", "acme")
        assert done.stdout.splitlines()[1:] == ["Acme/Large-70B  131,072  12.00  0.000062    0.10"]
        assert done.stderr == ""
        done = run("models", "large", "small")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "There is no such model.\n")

    def test_base_url(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEEPINFRA_API_KEY")
        server = serve(reply({"object": "list", "data": [{"id": "a"}]}))
        assert run("models", "--base-url", server.url).stdout == "a\n"
        assert server.request.path == "/v1/openai/models"
        assert ("filter", "with_meta") in server.request.query

    def test_json(self, talk: Serve) -> None:
        talk(reply({"object": "list", "data": MODELS}))
        lines = run("models", "--json").stdout.splitlines()
        assert [json.loads(line) for line in lines] == [MODELS[1], MODELS[2], MODELS[0]]

    def test_a_server_without_prices(self, talk: Serve) -> None:
        talk(reply({"object": "list", "data": [{"id": "b", "object": "model"}, {"id": "a", "object": "model"}]}))
        done = run("models")
        assert (done.stdout, done.stderr) == ("a\nb\n", "")

    def test_a_server_without_models(self, talk: Serve) -> None:
        talk(reply({"object": "list", "data": []}))
        done = run("models")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "The server lists no models.\n")

    @pytest.mark.parametrize("body", [{"data": None}, {"x": 1}, {}, {"data": [5, None, "a"]}], ids=str)
    def test_a_reply_without_models(self, talk: Serve, body: Any) -> None:
        talk(reply(body), reply(body))
        done = run("models")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "The server lists no models.\n")
        assert run("models", "--json").returncode == 0

    @pytest.mark.parametrize("body", [{"data": 5}, [1], "text"], ids=str)
    def test_a_reply_that_is_no_list(self, talk: Serve, body: Any) -> None:
        talk(reply(body))
        fail(1, "models")

    def test_a_server_that_says_odd_things(self, talk: Serve) -> None:
        data = [
            {"id": 7, "metadata": 5},
            {"id": None, "metadata": {"pricing": 5, "context_length": "long"}},
            {
                "id": "odd",
                "metadata": {
                    "context_length": 1000,
                    "pricing": {"input_tokens": "0.5", "output_tokens": "much", "cache_read_tokens": [1]},
                },
            },
        ]
        talk(reply({"data": data}))
        done = run("models", "-q")
        assert (done.returncode, done.stderr) == (0, "")
        assert [line.split() for line in done.stdout.splitlines()] == [
            ["MODEL", "CONTEXT", "INPUT"],
            ["7"],
            ["None"],
            ["odd", "1,000", "0.50"],
        ]

    def test_names_cannot_steer_a_terminal(self, talk: Serve) -> None:
        talk(reply({"data": [{"id": "a\x1b[2J\u202eb\u2028c\u200b\nd\x9b1me"}]}))
        done = run("models")
        assert done.stdout == "a[2Jb c d1me\n"

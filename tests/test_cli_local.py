"""The command line and the model on this machine: `chat --local`, `serve`."""

from __future__ import annotations

import json
import signal
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

import tokstream
from cli import KEY, CommandLine, fail, finish, posix, run, running
from tokstream import local

if TYPE_CHECKING:
    from cli import Serve


@pytest.fixture(scope="module")
def cache() -> str:
    """The folder with the model's file."""
    return str(local.fetch_model().parent)


@pytest.mark.local
@pytest.mark.timeout(300)
@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs tokstream[local]")
class TestLocal(CommandLine):
    """The model on this machine."""

    @pytest.fixture(autouse=True)
    def _cache(self, _environment: None, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOKSTREAM_CACHE", cache)
        monkeypatch.delenv("DEEPINFRA_API_KEY")

    def test_chat(self) -> None:
        done = run("chat", "--local", "--temperature", "0", "--max-tokens", "12", "Hello!")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Hello!")
        assert " completion tokens, first token after " in done.stderr

    def test_another_model(self, cache: str) -> None:
        file = f"{cache}/SmolLM2-135M-Instruct.Q4_1.gguf"
        done = run("chat", "--model-file", file, "--json", "--max-tokens", "2", "Hello!")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[0])["model"] == "SmolLM2-135M-Instruct.Q4_1"

    @posix
    def test_serve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOKSTREAM_LOCAL_API_KEY", KEY)
        with running("serve", "--ctx-size", "512", "--parallel", "2", "--embeddings") as process:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            with tokstream.Client(base_url=url, api_key="another") as stranger:
                with pytest.raises(tokstream.AuthenticationError):
                    stranger.models.list()
                client = stranger.with_options(api_key=KEY)
                assert client.chat.completions.create(messages="Hello!", max_tokens=2).choices
                assert client.embeddings.create(model="any", input="Hello!").data
            process.send_signal(signal.SIGINT)
            code, out, err = finish(process)
        assert (code, out) == (0, "")
        assert err == "Serving SmolLM2-135M-Instruct; Ctrl-C ends it.\n\n"

    def test_a_proxy_is_not_asked(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, serve().origin)
        done = run("chat", "--local", "-q", "--max-tokens", "2", "Hello!")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.strip()

    def test_the_key_of_the_environment_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEEPINFRA_API_KEY", KEY)
        done = run("chat", "--local", "-q", "--max-tokens", "2", "Hello!")
        # The server asks for another key, that of this one conversation.
        assert (done.returncode, done.stderr) == (0, "")

    @posix
    def test_where_it_serves_and_what(self, cache: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        file = f"{cache}/SmolLM2-135M-Instruct.Q4_1.gguf"
        options = ("--host", "127.0.0.1", "--port", port, "--model-file", file, "--parallel", "1", "--verbose", "-q")
        with running("serve", *options) as process:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            assert url == f"http://127.0.0.1:{port}/v1"
            with tokstream.Client(base_url=url) as client:
                assert [model.id for model in client.models.list()] == ["SmolLM2-135M-Instruct.Q4_1"]
                with pytest.raises(tokstream.APIStatusError, match="embeddings"):
                    client.with_options(max_retries=0).embeddings.create(model="any", input="Hello!")
            process.send_signal(signal.SIGINT)
            code, _, err = finish(process)
        assert code == 0
        # The log of llama.cpp, and no line of our own.
        assert "llama" in err
        assert "Serving" not in err

    def test_others_need_a_key(self) -> None:
        assert "needs an api_key" in fail(2, "serve", "--host", "0.0.0.0")

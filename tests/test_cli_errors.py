"""What goes wrong under way: one line that says what to do, and an exit code."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

import replies
from cli import CommandLine, fail, run
from server import reply, stream
from tokstream._cli import terminal

if TYPE_CHECKING:
    from cli import Serve


class TestErrors(CommandLine):
    """One line that says what to do, and an exit code."""

    @pytest.mark.parametrize(
        ("status", "message", "advice"),
        [
            (400, "too long", ""),
            (401, "Not authenticated", "set DEEPINFRA_API_KEY"),
            (402, "inference prohibited", "means of payment"),
            (404, "Model is not available", "'tokstream models'"),
            (422, "no such\nrole", ""),
        ],
    )
    def test_of_the_server(self, talk: Serve, status: int, message: str, advice: str) -> None:
        talk(reply(replies.error(message), status=status))
        line = fail(1, "chat", "Hello!")
        assert " ".join(message.split()) in line
        assert str(status) in line
        assert advice in line

    def test_a_key_that_a_chunk_repeats_is_not_shown(self, talk: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEEPINFRA_API_KEY", "s3cret-key")
        talk(stream(replies.sse(replies.chunk({"index": 0, "delta": {"content": ["s3cret-key"]}}))))
        line = fail(1, "chat", "Hello!")
        assert "no chunk" in line
        assert "s3cret-key" not in line

    def test_a_long_one_is_cut(self, talk: Serve) -> None:
        talk(reply(replies.error("x" * 100_000), status=400))
        assert len(fail(1, "chat", "Hello!")) < 700

    def test_it_cannot_steer_a_terminal(self, talk: Serve) -> None:
        talk(reply(replies.error("\x1b]0;owned\x07 \x9b2J"), status=400))
        line = fail(1, "chat", "Hello!")
        assert line.isprintable()
        assert "owned" in line

    def test_in_the_middle(self, talk: Serve) -> None:
        talk(
            stream(replies.sse(replies.text("Hel"), replies.error("It broke"), done=False)),
            stream(replies.sse(replies.text("Hel"), done=False)),
        )
        for words in "It broke", "before":
            done = run("chat", "Hello!")
            assert (done.returncode, done.stdout) == (1, "Hel\n")
            assert done.stderr.startswith("tokstream: error: ")
            assert words in done.stderr
            assert done.stderr.count("\n") == 1

    def test_no_server(self, serve: Serve) -> None:
        server = serve()
        server.stop()
        line = fail(1, "chat", "--base-url", server.url, "Hello!")
        assert "refused" in line
        assert "check the network, and --base-url" in line

    def test_no_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEEPINFRA_API_KEY")
        line = fail(2, "chat", "Hello!")
        assert "api_key=" not in line
        for way in ("DEEPINFRA_API_KEY", "--base-url", "--local"):
            assert way in line

    @pytest.mark.parametrize("command", [("chat", "--local", "Hello!"), ("serve",)], ids=["chat", "serve"])
    def test_without_the_extra(self, command: tuple[str, ...]) -> None:
        bare = "from tokstream import cli, local; local.find_spec = lambda name: None; raise SystemExit(cli.main())"
        done = run(*command, program=("-c", bare))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("tokstream: error: ")
        assert "pip install 'tokstream[local]'" in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        "chunk",
        [
            {"choices": 5},
            {"choices": "ab"},
            {"choices": [{"index": 0, "delta": {"content": 5}}]},
            {"choices": [{"index": 0, "delta": {"content": ["a"]}}]},
            b"data: {oops\n\n",
            b"data: [1]\n\n",
        ],
        ids=str,
    )
    def test_a_bad_chunk(self, talk: Serve, chunk: Any) -> None:
        talk(stream(replies.sse(replies.text("Hel"), chunk, replies.finish())))
        done = run("chat", "Hello!")
        assert (done.returncode, done.stdout) == (1, "Hel\n")
        assert done.stderr.startswith("tokstream: error: ")
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        "chunk",
        [
            {"choices": None},
            {"choices": [5, None]},
            {"choices": [{"index": 0, "delta": 5, "finish_reason": ["x"]}]},
            {"choices": [], "usage": {"prompt_tokens": "a", "completion_tokens": None, "estimated_cost": "free"}},
        ],
        ids=str,
    )
    def test_an_odd_chunk(self, talk: Serve, chunk: Any) -> None:
        talk(stream(replies.sse(replies.text("Hel"), chunk, replies.finish())))
        done = run("chat", "Hello!")
        assert done.stdout == "Hel\n"
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1


class Terminal(io.StringIO):
    """An output that someone looks at."""

    def isatty(self) -> bool:
        return True


def test_text_of_a_stranger_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = "\x1b\x07\x7f\x9b\u061c\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff"
    # Persian and emoji are written with these.
    seen = "é\tن\u200cم 👩\u200d👧\n"
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    terminal.write(f"{unseen}{seen}\u2028{unseen}")
    assert screen.getvalue() == f"{seen}\n"
    assert terminal.one_line(f"a{unseen}\u2028b\r\nc") == "a b c"

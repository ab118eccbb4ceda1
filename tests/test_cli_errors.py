"""What goes wrong under way: one line that says what to do, and an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import replies
from cli import CommandLine, fail, run
from server import reply, stream

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
        assert "DEEPINFRA_API_KEY" in fail(2, "chat", "Hello!")

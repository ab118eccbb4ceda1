"""`tokstream chat` without a prompt, at a terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import replies
from cli import PATIENCE, CommandLine, command, posix
from server import STALL, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli import Serve


class Typist:
    """Someone at a terminal: a pseudo-terminal with the command on its other side."""

    def __init__(self, *arguments: str) -> None:
        import pty

        self.screen = ""
        self._master, terminal = pty.openpty()
        environment = {**os.environ, "TERM": "dumb"}
        streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
        self.process = subprocess.Popen(command("chat", *arguments), env=environment, start_new_session=True, **streams)
        os.close(terminal)

    def read(self, until: str | None) -> str:
        """What is shown up to and with these words, or to the end."""
        import select

        while until is None or until not in self.screen:
            assert select.select([self._master], [], [], PATIENCE)[0], f"{until!r} is not on {self.screen!r}"
            try:
                data = os.read(self._master, 10_000)
            except OSError:  # the other side is closed
                data = b""
            if not data:
                assert until is None, f"{until!r} is not on {self.screen!r}"
                break
            self.screen += data.decode().replace("\r\n", "\n")
        end = len(self.screen) if until is None else self.screen.index(until) + len(until)
        shown, self.screen = self.screen[:end], self.screen[end:]
        return shown

    def type(self, text: str) -> None:
        """At the prompt."""
        self.read("> ")
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C at the prompt, until it is noticed: `input` misses one between its prompt and its wait."""
        import select

        self.read("> ")
        self.process.send_signal(signal.SIGINT)
        while not select.select([self._master], [], [], 1.0)[0]:
            self.process.send_signal(signal.SIGINT)

    def leave(self) -> int:
        """The exit code, once the rest is read."""
        self.read(None)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@posix
class TestConversation(CommandLine):
    """Without a prompt, at a terminal."""

    @pytest.fixture
    def typist(self) -> Iterator[Callable[..., Typist]]:
        with contextlib.ExitStack() as stack:

            def start(*arguments: str) -> Typist:
                typist = Typist(*arguments)
                stack.callback(typist.close)
                return typist

            yield start

    def test_it_remembers(self, talk: Serve, typist: Callable[..., Typist]) -> None:
        server = talk(*[stream(replies.said("Answer", f" {number}.")) for number in range(3)])
        user = typist("-s", "Be brief.")
        user.type("Hello!\n")
        user.read("Answer 0.\nfirst token after ")
        user.type("And?\n")
        user.read("Answer 1.\n")
        user.type("/reset\n")
        user.read("anew.\n")
        user.type("Again!\n")
        user.read("Answer 2.\n")
        user.type("\x04")
        assert user.leave() == 0
        system, first = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}
        answer = {"role": "assistant", "content": "Answer 0."}
        assert [request.json["messages"] for request in server.requests] == [
            [system, first],
            [system, first, answer, {"role": "user", "content": "And?"}],
            [system, {"role": "user", "content": "Again!"}],
        ]

    def test_commands(self, talk: Serve, typist: Callable[..., Typist]) -> None:
        talk()
        user = typist()
        user.type("/help\n")
        user.read("Ctrl-C stops an answer")
        user.type("/nonsense\n")
        user.read("There is no /nonsense.\n")
        user.type("   \n")
        user.type("/exit\n")
        assert user.leave() == 0

    def test_ctrl_c_stops_the_answer_and_keeps_the_conversation(
        self, talk: Serve, typist: Callable[..., Typist]
    ) -> None:
        server = talk(
            stream(STALL),
            stream(replies.sse(replies.text("Half an"), done=False), STALL),
            stream(replies.said("All")),
        )
        user = typist("-q")
        user.type("One\n")
        server.wait_requests(1)
        user.process.send_signal(signal.SIGINT)
        user.type("Two\n")
        user.read("Half an")
        user.process.send_signal(signal.SIGINT)
        user.type("Three\n")
        user.read("All\n")
        user.interrupt()
        user.read("/exit or Ctrl-D leaves.\n")
        user.type("/exit\n")
        assert user.leave() == 0
        # What got no answer at all is not asked again.
        two = [{"role": "user", "content": "Two"}, {"role": "assistant", "content": "Half an"}]
        assert server.requests[2].json["messages"] == [*two, {"role": "user", "content": "Three"}]

    def test_an_error_leaves_it_usable(self, talk: Serve, typist: Callable[..., Typist]) -> None:
        server = talk(reply(replies.error("too long"), status=400), stream(replies.said("Yes")))
        user = typist("-q")
        user.type("One\n")
        assert "tokstream: error: " in user.read("too long")
        user.type("Two\n")
        user.read("Yes\n")
        user.type("\x04")
        assert user.leave() == 0
        assert server.requests[1].json["messages"] == [{"role": "user", "content": "Two"}]

    def test_what_is_too_long_is_forgotten(self, talk: Serve, typist: Callable[..., Typist]) -> None:
        too_long = reply(replies.error("maximum context length is 10 tokens, but 11 were given"), status=400)
        server = talk(stream(replies.said("One")), too_long, stream(replies.said("Two")), too_long, too_long)
        user = typist("-q")
        user.type("First\n")
        user.read("One\n")
        user.type("Second\n")
        user.read("Two\n")
        user.type("Third\n")
        assert "tokstream: error: " in user.read("is too long")
        user.type("/exit\n")
        assert user.leave() == 0
        assert server.requests[2].json["messages"] == [{"role": "user", "content": "Second"}]

    def test_a_strangers_text_cannot_steer_the_terminal(self, talk: Serve, typist: Callable[..., Typist]) -> None:
        talk(stream(replies.said("a\x1b[31mb\x9bc\rd\te")))
        user = typist("-q")
        user.type("Hello!\n")
        assert "a[31mbcd\te\n" in user.read("e\n")

    def test_no_key(self, typist: Callable[..., Typist], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEEPINFRA_API_KEY")
        user = typist("-q")
        user.type("Hello!\n")
        user.read("DEEPINFRA_API_KEY")
        assert user.leave() == 2

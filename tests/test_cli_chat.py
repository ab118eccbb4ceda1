"""`tokstream chat` with a prompt: one answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import replies
from cli import KEY, PATIENCE, CommandLine, command, finish, posix, run, running
from server import STALL, Gate, Pause, stream
from tokstream._cli.answer import dollars

if TYPE_CHECKING:
    from cli import Serve

HELLO = replies.said("Hel", "lo", " there")


class TestChat(CommandLine):
    """One answer."""

    def test_it_streams_token_by_token(self, talk: Serve) -> None:
        gate = Gate()
        talk(stream(replies.sse(replies.text("Hel"), done=False), gate, replies.said("lo")))
        with running("chat", "Hello!") as process:
            assert process.stdout is not None
            assert os.read(process.stdout.fileno(), 100) == b"Hel"
            gate.open()
            assert finish(process)[:2] == (0, "lo\n")

    def test_what_it_asks(self, talk: Serve) -> None:
        server = talk(stream(HELLO), stream(HELLO))
        assert run("chat", "Hello,", "world!").stdout == "Hello there\n"
        options = ("-m", "a/b", "-s", "Be brief.", "--max-tokens", "7", "--temperature", "0")
        assert run("chat", *options, "Hello!").returncode == 0
        short, full = server.requests
        assert short.path == "/v1/openai/chat/completions"
        assert short.header("authorization") == f"Bearer {KEY}"
        assert short.json == {
            "model": replies.MODEL,
            "messages": [{"role": "user", "content": "Hello, world!"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        assert full.json == {
            "model": "a/b",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 7,
            "temperature": 0,
        }

    def test_base_url(self, serve: Serve) -> None:
        server = serve(stream(HELLO))
        assert run("chat", "--base-url", server.url, "Hello!").stdout == "Hello there\n"
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("arguments", "piped", "prompt"),
        [
            ((), "Hello!\n", "Hello!"),
            ((), "\ufeff one\n\ntwo \n\n", " one\n\ntwo "),
            (("Sum", "up:"), "a text\n", "Sum up:\n\na text"),
            (("Sum up:", "-"), "a text", "Sum up:\n\na text"),
            (("-",), "a text", "a text"),
            (("Hello!",), "\n", "Hello!"),
            (("3", "-", "2?"), "", "3 - 2?"),
            (("größer 🙂",), "ü", "größer 🙂\n\nü"),
        ],
    )
    def test_the_prompt(self, talk: Serve, arguments: tuple[str, ...], piped: str, prompt: str) -> None:
        server = talk(stream(HELLO))
        assert run("chat", *arguments, piped=piped).returncode == 0
        assert server.request.json["messages"] == [{"role": "user", "content": prompt}]

    @posix
    def test_a_prompt_with_bytes_that_are_no_text(self, talk: Serve) -> None:
        server = talk(stream(HELLO))
        words: Any = [*map(os.fsencode, command("chat")), b"caf\xe9"]
        done = subprocess.run(words, input=b"\xff!", capture_output=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stdout) == (0, b"Hello there\n")
        assert server.request.json["messages"][0]["content"] == "caf\ufffd\n\n\ufffd!"

    @posix
    def test_standard_input_that_stays_silent(self, talk: Serve) -> None:
        impatient = "import tokstream._cli.terminal as t; t.PATIENCE = 0.1; from tokstream.cli import main; main()"
        talk(stream(HELLO))
        reader, writer = os.pipe()
        try:
            words = command("chat", "-q", "Hello!", program=("-c", impatient))
            done = subprocess.run(words, stdin=reader, capture_output=True, timeout=PATIENCE, check=False)
        finally:
            os.close(reader)
            os.close(writer)
        assert done.stdout == b"Hello there\n"
        assert done.stderr.startswith(b"tokstream: nothing came from standard input in 0.1 s")

    def test_json(self, talk: Serve) -> None:
        chunks = [replies.text(" Hé"), replies.text(None), replies.finish(usage=replies.USAGE, x=[1, None])]
        talk(stream(replies.sse(*chunks)))
        done = run("chat", "--json", "Hello!")
        assert [json.loads(line) for line in done.stdout.splitlines()] == chunks

    def test_what_it_took(self, talk: Serve) -> None:
        talk(stream(replies.sse(replies.text("Hi"), replies.text("!"), replies.finish(usage=replies.USAGE))))
        done = run("chat", "Hello!")
        assert (done.returncode, done.stdout) == (0, "Hi!\n")
        usage, cost, first, *rate = done.stderr.removesuffix("\n").split(", ")
        assert (usage, cost) == ("15 prompt + 16 completion tokens", "$0.000027")
        assert first.startswith("first token after 0.")
        assert all(part.endswith(" tokens/s") for part in rate)

    def test_how_fast_it_was(self, talk: Serve) -> None:
        last = replies.sse(replies.text("!"), replies.finish(usage=replies.USAGE))
        talk(stream(replies.event(replies.text("Hi")), Pause(0.3), last))
        rate = run("chat", "Hello!").stderr.removesuffix(" tokens/s\n").rpartition(", ")[2]
        # 16 tokens in what is at least the pause.
        assert 0 < float(rate) <= 16 / 0.29

    def test_the_long_names_of_options(self, talk: Serve) -> None:
        server = talk(stream(HELLO))
        done = run("chat", "--model", "a/b", "--system=Be brief.", "--quiet", "Hello!")
        assert (done.returncode, done.stdout, done.stderr) == (0, "Hello there\n", "")
        assert server.request.json["model"] == "a/b"
        assert server.request.json["messages"][0] == {"role": "system", "content": "Be brief."}

    def test_without_usage(self, talk: Serve) -> None:
        talk(stream(replies.sse(replies.text("Hi\n"), replies.finish("length"))))
        done = run("chat", "Hello!")
        assert done.stdout == "Hi\n"
        assert done.stderr.startswith("first token after ")
        assert done.stderr.endswith(", stopped: length\n")

    def test_quiet(self, talk: Serve) -> None:
        talk(stream(replies.sse(replies.text("Hi"), replies.finish(usage=replies.USAGE))))
        done = run("chat", "--quiet", "Hello!")
        assert (done.stdout, done.stderr) == ("Hi\n", "")

    def test_reasoning(self, talk: Serve) -> None:
        thought = replies.chunk(replies.choice(reasoning_content="Hm. "))
        answer = stream(replies.sse(thought, thought, replies.text("Yes"), replies.finish()))
        talk(answer, answer)
        assert run("chat", "-q", "Hello!").stderr == ""
        done = run("chat", "-q", "--reasoning", "Hello!")
        assert (done.stdout, done.stderr) == ("Yes\n", "Hm. Hm. \n\n")

    def test_nulls_and_nothing(self, talk: Serve) -> None:
        empty = {"index": 0, "delta": None, "finish_reason": None}
        talk(stream(replies.sse(replies.chunk(empty), replies.text(""), replies.chunk(), replies.finish())))
        done = run("chat", "-q", "Hello!")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_what_an_output_cannot_write(self, talk: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        half = json.dumps(replies.text("\ud83d"))  # of a pair, as a server may cut it
        talk(stream(replies.sse(replies.text("naïve 🙂"), half, replies.finish())))
        done = run("chat", "-q", "Hello!")
        assert (done.returncode, done.stdout, done.stderr) == (0, "na?ve ??\n", "")

    @posix
    def test_a_reader_that_leaves(self, talk: Serve) -> None:
        gate = Gate()
        talk(stream(replies.sse(replies.text("one\n"), done=False), gate, replies.said("two\n"), STALL))
        with running("chat", "Hello!") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert os.read(process.stdout.fileno(), 100) == b"one\n"
            process.stdout.close()
            gate.open()
            assert process.wait(PATIENCE) == 0
            assert process.stderr.read() == b""

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_an_output_that_is_full(self, talk: Serve) -> None:
        talk(stream(HELLO))
        with Path("/dev/full").open("w") as full, running("chat", "Hello!", stdout=full) as process:
            _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (1, b"tokstream: error: [Errno 28] No space left on device\n")

    @posix
    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
    def test_a_stream_that_is_closed(self, talk: Serve, closed: str) -> None:
        talk(stream(HELLO))
        shell = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command("chat", "Hello!")]
        done = subprocess.run(shell, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0
        assert done.stdout == (b"" if closed == ">&-" else b"Hello there\n")
        assert done.stderr.startswith(b"" if closed == "2>&-" else b"first token")
        assert b"Traceback" not in done.stderr

    @posix
    def test_ctrl_c(self, talk: Serve) -> None:
        server = talk(stream(replies.sse(replies.text("Hel"), done=False), STALL))
        with running("chat", "Hello!") as process:
            assert process.stdout is not None
            assert os.read(process.stdout.fileno(), 100) == b"Hel"
            process.send_signal(signal.SIGINT)
            assert finish(process) == (130, "\n", "")
        assert server.connections[0].ended.wait(PATIENCE)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "$0.000000"), (0.0000268, "$0.000027"), (0.00999, "$0.009990"), (0.01, "$0.0100"), (12.5, "$12.5000")],
)
def test_dollars(amount: float, text: str) -> None:
    assert dollars(amount) == text

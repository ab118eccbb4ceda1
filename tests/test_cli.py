"""The command line, run as a user runs it: a process of its own, against a scripted server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import replies
import tokstream
from server import STALL, Gate, Server, reply, stream
from tokstream import cli, local
from tokstream._cli.answer import dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from server import Entry

    Serve = Callable[..., Server]
    Run = Callable[..., subprocess.CompletedProcess[str]]

KEY = "jwt:secret-key"
# A bound on a broken test, never a delay, in seconds.
PATIENCE = 40.0
MODULE = ("-m", "tokstream")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

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


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPINFRA_API_KEY", KEY)
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.chdir(tmp_path)


def command(*arguments: str, program: tuple[str, ...] = MODULE) -> list[str]:
    return [sys.executable, *program, *arguments]


def run(*arguments: str, piped: str | None = None, program: tuple[str, ...] = MODULE) -> Any:
    """Run to the end; `piped` is its standard input, which is empty otherwise."""
    source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if piped is None else {"input": piped}
    return subprocess.run(
        command(*arguments, program=program),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
        **source,
    )


@contextlib.contextmanager
def running(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run while the test goes on."""
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(*arguments), **pipes | options) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def talk(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Starts the scripted server that the command line talks to."""

    def start(*script: Entry) -> Server:
        server = serve(*script)
        monkeypatch.setenv("DEEPINFRA_BASE_URL", server.url)
        return server

    return start


HELLO = replies.said("Hel", "lo", " there")


class TestChat:
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


class TestErrors:
    """One line that says what to do, and an exit code."""

    def fail(self, code: int, *arguments: str) -> str:
        """Runs, and returns the line on standard error."""
        done = run(*arguments)
        assert done.returncode == code, done.stderr
        assert KEY not in done.stderr
        lines = done.stderr.splitlines()
        assert lines[-1].startswith(("tokstream: error: ", "tokstream chat: error: ", "tokstream serve: error: "))
        # argparse shows the usage before its own errors.
        assert len(lines) == 1 or lines[0].startswith("usage: ")
        return str(lines[-1])

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
        line = self.fail(1, "chat", "Hello!")
        assert " ".join(message.split()) in line
        assert str(status) in line
        assert advice in line

    def test_a_long_one_is_cut(self, talk: Serve) -> None:
        talk(reply(replies.error("x" * 100_000), status=400))
        assert len(self.fail(1, "chat", "Hello!")) < 700

    def test_it_cannot_steer_a_terminal(self, talk: Serve) -> None:
        talk(reply(replies.error("\x1b]0;owned\x07 \x9b2J"), status=400))
        line = self.fail(1, "chat", "Hello!")
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
        line = self.fail(1, "chat", "--base-url", server.url, "Hello!")
        assert "refused" in line
        assert "check the network, and --base-url" in line

    def test_no_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEEPINFRA_API_KEY")
        assert "DEEPINFRA_API_KEY" in self.fail(2, "chat", "Hello!")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("chat",), "there is no prompt"),
            (("chat", " "), "there is no prompt"),
            (("chat", "--base-url", "ftp://x", "Hello!"), "ftp"),
            (("chat", "--local", "--model", "x", "Hello!"), "--model-file"),
            (("chat", "--model-file", "x", "--base-url", "http://x", "Hello!"), "--base-url"),
            (("chat", "--max-tokens", "0", "Hello!"), "--max-tokens: 0 is not positive"),
            (("chat", "--max-tokens", "many", "Hello!"), "--max-tokens"),
            (("chat", "--temperature", "nan", "Hello!"), "--temperature: nan is not a number"),
            (("chat", "--mod", "x", "Hello!"), "--mod"),
            (("chat", "--api-key", KEY, "Hello!"), "set DEEPINFRA_API_KEY instead"),
            (("serve", "--api-key", KEY), "set TOKSTREAM_LOCAL_API_KEY instead"),
            (("serve", "--parallel", "0"), "--parallel: 0 is not positive"),
            (("nonsense",), "nonsense"),
        ],
    )
    def test_of_the_command_line(self, arguments: tuple[str, ...], words: str) -> None:
        assert words in self.fail(2, *arguments)

    def test_no_command(self) -> None:
        done = run()
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("usage: tokstream ")
        assert "exit codes:" in done.stderr


class TestModels:
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


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tokstream {tokstream.__version__}\n"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "$0.000000"), (0.0000268, "$0.000027"), (0.00999, "$0.009990"), (0.01, "$0.0100"), (12.5, "$12.5000")],
)
def test_dollars(amount: float, text: str) -> None:
    assert dollars(amount) == text


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

    def leave(self) -> int:
        """The exit code, once the rest is read."""
        self.read(None)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@posix
class TestConversation:
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
        user.read("> ")
        user.process.send_signal(signal.SIGINT)
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


@pytest.fixture(scope="module")
def cache() -> str:
    """The folder with the model's file."""
    return str(local.fetch_model().parent)


@pytest.mark.local
@pytest.mark.timeout(300)
@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs tokstream[local]")
class TestLocal:
    """The model on this machine."""

    @pytest.fixture(autouse=True)
    def _cache(self, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
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

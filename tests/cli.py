"""The command line, run as a user runs it: a process of its own, against a scripted server."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from server import Entry, Server

    Serve = Callable[..., Server]

KEY = "jwt:secret-key"
# A bound on a broken test, never a delay, in seconds.
PATIENCE = 40.0
MODULE = ("-m", "tokstream")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


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


def fail(code: int, *arguments: str) -> str:
    """Runs, and returns the line on standard error."""
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert KEY not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[-1].startswith(("tokstream: error: ", "tokstream chat: error: ", "tokstream serve: error: "))
    # argparse shows the usage before its own errors.
    assert len(lines) == 1 or lines[0].startswith("usage: ")
    return str(lines[-1])


class CommandLine:
    """What every class of these tests has: a key, a folder of its own, and a server to talk to."""

    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DEEPINFRA_API_KEY", KEY)
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        monkeypatch.setenv("PYTHONUTF8", "1")
        monkeypatch.chdir(tmp_path)

    @pytest.fixture
    def talk(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Serve:
        """Starts the scripted server that the command line talks to."""

        def start(*script: Entry) -> Server:
            server = serve(*script)
            monkeypatch.setenv("DEEPINFRA_BASE_URL", server.url)
            return server

        return start

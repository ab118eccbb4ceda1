"""Programs that use the package in interpreters of their own, and say what happens to them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tokstream

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = str(Path(tokstream.__file__).parents[1])
# Seconds; a child that takes longer hangs.
LIMIT = 30

PRELUDE = """
import asyncio, sys, time
sys.path.insert(0, {root!r})
import tokstream
URL, GOOD = {url!r}, {good!r}
POLICY = tokstream.RetryPolicy(max_retries={retries})
def say(*words):
    print(*words, flush=True)
"""


@contextlib.contextmanager
def running(program: str, **values: Any) -> Iterator[subprocess.Popen[str]]:
    """Runs a program, whose `{names}` are filled in, after the prelude."""
    values = {"root": ROOT, "good": "", "url": "", "retries": 0, "streamed": False, **values}
    source = (PRELUDE + textwrap.dedent(program)).format(**values)
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    words = [sys.executable, "-X", "faulthandler", "-c", source]
    # Leaving a Popen closes its pipes and waits for its end.
    with subprocess.Popen(words, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str], code: int = 0) -> list[str]:
    """The words that the child said, when it ended in time, well and without complaint."""
    assert process.stdout
    assert process.stderr
    try:
        process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        pytest.fail(f"the child hangs:\n{process.stderr.read()}")
    # What little a child says fits into its pipes; communicate() would miss what readline() has read ahead.
    out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == code, err
    assert not err, err
    return out.split()

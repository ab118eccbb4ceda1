"""Standard input, output and error as the commands use them: any text goes out, on any of them."""

from __future__ import annotations

import os
import select
import stat
import sys
from io import TextIOWrapper
from pathlib import Path

# How long a prompt on the command line waits for the first byte of standard input, in seconds: many
# programs start others with a pipe that nobody writes to or closes.
PATIENCE = 5.0
# The longest error message that is shown, in characters.
LONGEST = 600
# What would move the cursor, change colours or worse, when a terminal shows a stranger's text: controls, what turns the
# direction of writing, and what has no width. Persian, Hindi and emoji are written with two of the latter, which stay.
HARMFUL = ((0, 0x1F), (0x7F, 0x9F), (0x200B, 0x200B), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F))
SINGLE = (0x061C, 0x180E, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB)
CONTROLS: dict[int, str | None] = dict.fromkeys(SINGLE)
for first, last in HARMFUL:
    CONTROLS.update(dict.fromkeys(range(first, last + 1)))
CONTROLS.update(dict.fromkeys((0x2028, 0x2029), "\n"))
for kept in "\t\n":
    del CONTROLS[ord(kept)]


def prepare() -> None:
    """Let no character and no closed stream stop the program.

    What an encoding cannot take becomes a question mark. A stream that was closed by whoever started
    the program is an empty one.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def write(text: str) -> None:
    """Write to standard output, at once."""
    sys.stdout.write(text.translate(CONTROLS) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def say(text: str, end: str = "\n") -> None:
    """Write to standard error, at once."""
    sys.stderr.write(text.translate(CONTROLS) + end)
    sys.stderr.flush()


def one_line(text: str) -> str:
    """Return the text as a terminal may show it, in one line."""
    return " ".join(text.split()).translate(CONTROLS)


def complain(message: str) -> None:
    """Write an error to standard error, in one line."""
    line = one_line(message)
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    say(f"tokstream: error: {line}")


def is_interactive() -> bool:
    """Return whether someone types at standard input."""
    return sys.stdin.isatty()


def read_input(*, wait: bool) -> str:
    """Read standard input to its end, unless it is a terminal.

    Args:
        wait: whether its text is needed. Otherwise, input that does not begin within `PATIENCE`
            is left alone.
    """
    if is_interactive() or (not wait and not _begins()):
        return ""
    return sys.stdin.read().removeprefix("\ufeff").rstrip("\n")


def _begins() -> bool:
    if sys.platform == "win32":  # where `select` is for sockets alone
        return True
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISSOCK(mode):  # no shell makes one of these
        return False
    if select.select([sys.stdin], [], [], PATIENCE)[0]:
        return True
    say(f"tokstream: nothing came from standard input in {PATIENCE:g} s: going on without it ('-' would wait for it)")
    return False


def clean(text: str) -> str:
    """Return the text without the surrogates that stand for bytes which are no text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def ask(prompt: str) -> str:
    """Read one line that someone types.

    Raises:
        EOFError: there is no more.
    """
    if sys.stdout.isatty():
        return input(prompt)
    # The prompt is no part of an output that goes elsewhere.
    say(prompt, end="")
    return input()


def discard_output() -> None:
    """Send the rest of standard output nowhere: its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

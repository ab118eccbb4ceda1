"""A conversation in the terminal: `tokstream chat` without a prompt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import terminal
from .answer import Answer
from .errors import describe

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tokstream import Client

PROMPT = "> "
HINT = "/help shows what there is, Ctrl-D leaves."
HELP = """\
/reset   forget the conversation so far
/help    show this
/exit    leave, as Ctrl-D does
Ctrl-C stops an answer that is being written; what there is of it stays in the conversation."""


class Conversation:
    """What was said so far, and the loop that goes on with it."""

    def __init__(self, client: Client, opening: Sequence[dict[str, str]], arguments: Namespace) -> None:
        self.client = client
        self.arguments = arguments
        self._opening = tuple(opening)
        self._messages = list(opening)

    def hold(self) -> None:
        """Read questions and write answers until the user leaves."""
        _enable_line_editing()
        if not self.arguments.quiet:
            terminal.say(HINT)
        while True:
            try:
                line = terminal.clean(terminal.ask(PROMPT)).strip()
            except EOFError:
                terminal.say("")
                return
            except KeyboardInterrupt:
                terminal.say("\n/exit or Ctrl-D leaves.")
                continue
            if line in {"/exit", "/quit"}:
                return
            # A path or a comment may begin with a slash, too.
            if line.startswith("/") and " " not in line:
                self._obey(line)
            elif line:
                self._answer(line)

    def _obey(self, command: str) -> None:
        if command == "/reset":
            self._messages = list(self._opening)
            terminal.say("The conversation begins anew.")
        else:
            terminal.say(HELP if command == "/help" else f"There is no {command}.\n{HELP}")

    def _answer(self, question: str) -> None:
        from tokstream import APIError

        asked: dict[str, str] = {"role": "user", "content": question}
        answer = Answer(self.client, [*self._messages, asked], self.arguments)
        try:
            answer.write()
        except KeyboardInterrupt:
            terminal.say("")
        except APIError as error:
            terminal.complain(describe(error))
        # A question that got no answer at all is as if it had not been asked.
        if answer.text:
            self._messages += [asked, {"role": "assistant", "content": answer.text}]


def _enable_line_editing() -> None:
    """Have `input` edit lines and remember them, on systems that have readline."""
    if sys.platform != "win32":
        try:
            import readline  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError:
            return

"""A conversation in the terminal: `tokstream chat` without a prompt."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from . import terminal
from .answer import Answer
from .errors import describe

if TYPE_CHECKING:
    from argparse import Namespace

    from tokstream import Client

PROMPT = "> "
HINT = "/help shows what there is, Ctrl-D leaves."
HELP = """\
/reset   forget the conversation so far
/help    show this
/exit    leave, as Ctrl-D does
Ctrl-C stops an answer that is being written; what there is of it stays in the conversation."""


class Dialogue:
    """The loop that goes on with a conversation."""

    def __init__(self, client: Client, system: str | None, arguments: Namespace) -> None:
        self.arguments = arguments
        self._begin = partial(client.conversation, system=system, keep_partial=True, on_overflow="drop_oldest")
        self._conversation = self._begin()

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
            self._conversation = self._begin()
            terminal.say("The conversation begins anew.")
        else:
            terminal.say(HELP if command == "/help" else f"There is no {command}.\n{HELP}")

    def _answer(self, question: str) -> None:
        from tokstream import APIError, ConversationError

        messages = self._conversation.messages
        before = len(messages)
        answer = Answer(partial(self._conversation.stream, question), self.arguments)
        try:
            answer.write()
        except KeyboardInterrupt:
            terminal.say("")
        except (APIError, ConversationError) as error:
            terminal.complain(describe(error))
        # A question that got no answer at all is as if it had not been asked.
        if not answer.text:
            del messages[before:]


def _enable_line_editing() -> None:
    """Have `input` edit lines and remember them, on systems that have readline."""
    if sys.platform != "win32":
        try:
            import readline  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError:
            return

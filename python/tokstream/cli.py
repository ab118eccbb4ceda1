"""The command line: `tokstream`, or `python -m tokstream`."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from tokstream import TokstreamError, __version__

from ._cli import chat, models, serve, terminal
from ._cli.errors import FAILURE, INTERRUPTED, USAGE, UsageError, describe, exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EPILOG = """\
environment variables:
  DEEPINFRA_API_KEY        the key (also DEEPINFRA_TOKEN, DEEPINFRA_API_TOKEN)
  DEEPINFRA_BASE_URL       the server, where --base-url does not name it
  TOKSTREAM_CACHE          the folder that keeps the local model
  TOKSTREAM_LOCAL_API_KEY  a key that 'tokstream serve' asks for

exit codes:
  0    success
  1    the server or the connection failed
  2    the command line or the configuration is wrong
  130  stopped by Ctrl-C
"""
CHAT = """\
Stream a model's reply. A prompt on standard input follows the one on the command line; '-' waits
for it however long it takes. Without either, hold a conversation.

The key comes from the environment: on the command line, other users could see it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        argv: the arguments. Default: those of the process.
    """
    try:
        terminal.prepare()
        arguments = _parser().parse_args(argv)
        code: int = arguments.run(arguments)
    except BrokenPipeError:
        terminal.discard_output()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except (TokstreamError, UsageError) as error:
        terminal.complain(describe(error))
        return exit_code(error)
    except OSError as error:  # of standard input or output
        terminal.discard_output()
        terminal.complain(describe(error))
        return FAILURE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tokstream",
        description="Stream chat completions from DeepInfra and every other OpenAI-compatible server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(run=_no_command)
    commands = parser.add_subparsers(title="commands", metavar="command")
    _add_chat(commands)
    _add_models(commands)
    _add_serve(commands)
    return parser


def _no_command(_: argparse.Namespace) -> int:
    terminal.say(_parser().format_help(), end="")
    return USAGE


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def _add(commands: _Commands, name: str, text: str, description: str | None = None) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=description or f"{text[0].upper()}{text[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("-q", "--quiet", action="store_true", help="write nothing but the result and errors")
    return command


def _add_chat(commands: _Commands) -> None:
    command = _add(commands, "chat", "stream a model's reply, or hold a conversation", CHAT)
    command.set_defaults(run=chat.run)
    command.add_argument("prompt", nargs="*", help="what to ask")
    command.add_argument("-s", "--system", metavar="TEXT", help="instructions for the model")
    command.add_argument("-m", "--model", help="the model; 'tokstream models' lists them")
    command.add_argument("--base-url", metavar="URL", help="where the server's routes begin")
    command.add_argument("--api-key", type=_refuse_key("DEEPINFRA_API_KEY"), help=argparse.SUPPRESS)
    command.add_argument("--local", action="store_true", help="use the model on this machine; it needs no key")
    command.add_argument("--model-file", metavar="GGUF", help="use this model on this machine (implies --local)")
    command.add_argument("--max-tokens", type=_positive, metavar="N", help="the longest reply, in tokens")
    command.add_argument("--temperature", type=_number, metavar="T", help="0 for the likeliest reply, up to 2")
    command.add_argument("--reasoning", action="store_true", help="show the model's reasoning on standard error")
    command.add_argument("--json", action="store_true", help="write the server's chunks, one JSON object a line")


def _add_models(commands: _Commands) -> None:
    command = _add(commands, "models", "list the server's models, with context lengths and prices")
    command.set_defaults(run=models.run)
    command.add_argument("words", nargs="*", metavar="word", help="list only names that have all of these")
    command.add_argument("--base-url", metavar="URL", help="where the server's routes begin")
    command.add_argument("--api-key", type=_refuse_key("DEEPINFRA_API_KEY"), help=argparse.SUPPRESS)
    command.add_argument("--json", action="store_true", help="write what the server sent, one JSON object a line")


def _add_serve(commands: _Commands) -> None:
    command = _add(commands, "serve", "serve the model on this machine to other programs, until Ctrl-C")
    command.set_defaults(run=serve.run)
    command.add_argument("--model-file", metavar="GGUF", help="serve this model (default: SmolLM2-135M-Instruct)")
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=0, help="the port to listen on (default: any free one)")
    command.add_argument("--api-key", type=_refuse_key(serve.KEY_VARIABLE), help=argparse.SUPPRESS)
    command.add_argument(
        "--ctx-size", type=_positive, default=4096, metavar="N", help="tokens of a conversation (default: %(default)s)"
    )
    command.add_argument(
        "--parallel", type=_positive, default=4, metavar="N", help="answers at the same time (default: %(default)s)"
    )
    command.add_argument("--embeddings", action="store_true", help="serve embeddings, too")
    command.add_argument("-v", "--verbose", action="store_true", help="show llama.cpp's log on standard error")


def _refuse_key(variable: str) -> Callable[[str], object]:
    """A key on the command line is seen by every user of the machine, and kept by the shell."""

    def refuse(_: str) -> object:
        raise argparse.ArgumentTypeError(f"a key on the command line can be seen by others: set {variable} instead")

    return refuse


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return number

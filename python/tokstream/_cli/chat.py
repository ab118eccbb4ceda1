"""`tokstream chat`: one answer, or a conversation."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from . import terminal
from .answer import Answer
from .conversation import Dialogue
from .errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from tokstream import Client

# What SmolLM2 was trained for; with one conversation at a time, it costs 190 MB.
LOCAL_CONTEXT = 8192


def run(arguments: Namespace) -> int:
    """Answer the prompt, or hold a conversation where there is none and someone can type."""
    arguments.local = arguments.local or arguments.model_file is not None
    if arguments.local and (arguments.base_url or arguments.model):
        raise UsageError(
            "--local serves its own model: leave out --base-url and --model (--model-file takes another model)"
        )
    prompt = _prompt(arguments.prompt)
    system = None if arguments.system is None else terminal.clean(arguments.system)
    with ExitStack() as stack:
        client = _connect(arguments, stack)
        if prompt is None:
            Dialogue(client, system, arguments).hold()
        else:
            messages = [{"role": "user", "content": prompt}]
            if system is not None:
                messages.insert(0, {"role": "system", "content": system})
            create: Any = partial(client.chat.completions.create, messages=messages, stream=True)
            Answer(create, arguments).write()
    return 0


def _prompt(words: list[str]) -> str | None:
    """The prompt, of the command line and standard input together; `None` for a conversation."""
    if not words and terminal.is_interactive():
        return None
    wait = not words or words[-1] == "-"
    argument = terminal.clean(" ".join(words[:-1] if wait else words))
    piped = terminal.clean(terminal.read_input(wait=wait))
    parts = [part for part in (argument, piped) if part.strip()]
    if not parts:
        raise UsageError('there is no prompt: give one as an argument (tokstream chat "Hello!") or on standard input')
    return "\n\n".join(parts)


def _connect(arguments: Namespace, stack: ExitStack) -> Client:
    from tokstream import Client

    if not arguments.local:
        return stack.enter_context(Client(base_url=arguments.base_url, model=arguments.model))
    from secrets import token_urlsafe

    from tokstream.local import serve

    server = stack.enter_context(
        serve(
            model_file=arguments.model_file,
            # Other users of this machine are not asked to share it, nor is the user's own key sent.
            api_key=token_urlsafe(),
            ctx_size=LOCAL_CONTEXT,
            parallel=1,
            progress=not arguments.quiet,
        )
    )
    _reach_without_proxy("127.0.0.1")
    return stack.enter_context(Client(base_url=server.base_url, api_key=server.api_key, model=server.model))


def _reach_without_proxy(host: str) -> None:
    """Keep a proxy of the environment from standing between this process and a server on the same machine."""
    from os import environ

    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = ",".join(filter(None, [environ.get(name), host]))

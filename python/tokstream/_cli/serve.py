"""`tokstream serve`: the model on this machine, for other programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import terminal
from .errors import FAILURE

if TYPE_CHECKING:
    from argparse import Namespace

KEY_VARIABLE = "TOKSTREAM_LOCAL_API_KEY"


def run(arguments: Namespace) -> int:
    """Serve until Ctrl-C, which is the way to end it and no failure."""
    from tokstream.local import serve

    with serve(
        model_file=arguments.model_file,
        host=arguments.host,
        port=arguments.port,
        api_key=os.environ.get(KEY_VARIABLE) or None,
        ctx_size=arguments.ctx_size,
        parallel=arguments.parallel,
        embeddings=arguments.embeddings,
        verbose=arguments.verbose,
        progress=not arguments.quiet,
    ) as server:
        try:
            terminal.write(server.base_url + "\n")
            if not arguments.quiet:
                terminal.say(f"Serving {server.model}; Ctrl-C ends it.")
            code = server.wait()
        except KeyboardInterrupt:
            terminal.say("")
            return 0
    terminal.complain(f"the server ended by itself (exit code {code}); --verbose shows its log")
    return FAILURE

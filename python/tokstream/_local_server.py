"""The child process behind `tokstream.local.serve`: llama.cpp's HTTP server, and a watch on its parent.

A process of its own keeps the server's threads, signals and crashes away from the caller. It reads
its settings as one line of JSON from standard input, answers one line of JSON on standard output
when it listens, and ends when standard input ends, which it does when the parent does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing import NoReturn

# How often a POSIX system is asked whether the parent is still there, in seconds: a process that
# the parent forked may hold the other end of standard input open.
WATCH = 1.0
# llama.cpp keeps prompts that were answered up to this size, in MiB; its own default is 8 GiB.
PROMPT_CACHE = 512
# llama.cpp's levels of logging.
ERRORS, EVERYTHING = 1, 3


class Settings(TypedDict):
    """What the parent asks for."""

    parent: int
    model_file: str
    model: str
    fits: bool
    host: str
    port: int
    api_key: str | None
    ctx_size: int
    parallel: int
    embeddings: bool
    threads: int | None
    ping_interval: int
    verbose: bool


class Answer(TypedDict, total=False):
    """What the child says: one of the two."""

    address: str
    error: str


def main() -> NoReturn:
    """Serve until the parent ends or closes standard input."""
    # Ctrl-C in a terminal reaches every process; what it means is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings: Settings = json.loads(sys.stdin.buffer.readline())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What native code prints must not mix with the answer.
    os.dup2(2, 1)
    answer: Answer
    server = None
    try:
        server = _start(settings)
        answer = {"address": server.listening_address}
    except Exception as error:  # noqa: BLE001  (whatever it is, the parent reports it)
        answer = {"error": str(error)}
    answers.write(json.dumps(answer) + "\n")
    answers.close()
    if server is None:
        os._exit(1)
    if not settings["verbose"]:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    _watch(settings["parent"])
    # Not by way of the server's destructor, which can wait for requests that run.
    os._exit(0)


def _start(settings: Settings) -> Any:
    # It has no types.
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = settings["model_file"]
    params.model_alias = {settings["model"]}
    params.port = settings["port"]
    params.n_parallel = settings["parallel"]
    params.n_ctx = settings["ctx_size"] * settings["parallel"]
    if settings["api_key"] is not None:
        params.api_keys = [settings["api_key"]]
    if settings["threads"] is not None:
        params.cpuparams.n_threads = settings["threads"]
        params.cpuparams_batch.n_threads = settings["threads"]
    if settings["embeddings"]:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        # An input is pooled within one batch, so the longest input is one batch.
        params.n_batch = params.n_ubatch = settings["ctx_size"]
    # The names of these come and go from one release to another, and it works without them.
    wishes: dict[str, object] = {
        "cache_ram_mib": PROMPT_CACHE,
        "cors_origins": "",
        "endpoint_slots": False,
        "hostname": settings["host"],
        "hostnames": [settings["host"]],
        "sse_ping_interval": settings["ping_interval"],
        "ui": False,
        "verbosity": EVERYTHING if settings["verbose"] else ERRORS,
    }
    if settings["fits"]:
        wishes["fit_params"] = False
    for name, value in wishes.items():
        if hasattr(params, name):
            setattr(params, name, value)
    return xllamacpp.Server(params)


def _watch(parent: int) -> None:
    """Return when standard input ends or, where it can be known, the parent is gone."""
    if sys.platform == "win32":
        sys.stdin.buffer.read()
        return
    import select

    while os.getppid() == parent:
        if select.select([0], [], [], WATCH)[0]:
            return

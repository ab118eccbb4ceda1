"""Compare tokstream with other clients and with a floor in Rust: `python3 dev.py bench A B --quick`.

Each argument is a scenario of scenarios.py, all of them by default. The runs are interleaved (every client, then every
client again), so that what else the machine does falls on all of them. A table has the medians; the ratios are medians
over the rounds, each within its round.

    --quick          one short round of each, to see that all works
    --rounds N       as many rounds
    --only TEXT      only runs with this in their name
    --wheel FILE     measure this wheel of tokstream and build none
    --docs           write the tables of results/ into docs/benchmarks.md; measure nothing
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"
sys.path[:0] = [str(ROOT), str(HERE)]

import dev  # noqa: E402
import scale  # noqa: E402
from scenarios import ASYNC, AWAITING, BLOCKING, DRIVERS, FLOOR, SCENARIOS, SYNC, Mark, Run, Scenario  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VENV = ROOT / ".venv-bench"
RESULTS = HERE / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
PATIENCE = 150
QUICK = {"n": 300, "repeat": 2, "seconds": 1, "patience": 10, "streams": 100}

# What a program imports to use a client, and what it makes first.
IMPORTS: Mapping[str, tuple[str, str]] = {
    "tokstream": ("import tokstream", "client = tokstream.Client(api_key='key')"),
    "tokstream async": ("import tokstream", "client = tokstream.AsyncClient(api_key='key')"),
    "http.client + orjson": ("import http.client, orjson", "client = http.client.HTTPSConnection('127.0.0.1')"),
    "aiohttp + orjson": (
        "import asyncio, aiohttp, orjson",
        "async def make(): return aiohttp.ClientSession()\nclient = asyncio.Runner().run(make())",
    ),
    "pyreqwest + orjson": (
        "import orjson; from pyreqwest.client import SyncClientBuilder",
        "client = SyncClientBuilder().build()",
    ),
    "openai-python": ("import openai", "client = openai.OpenAI(api_key='key')"),
}


@dataclass(frozen=True)
class Server:
    """Its ports, in the order in which it prints them."""

    port: int
    tls_port: int
    http2_port: int
    http2_tls_port: int
    far_port: int


class LeftOut(Exception):
    """A client cannot do this here, and says why: it lacks a program or a method."""


# How a driver ends that is left out.
LEFT_OUT = 77


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{' '.join(SCENARIOS)} scale; default: all")
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    parser.add_argument("--rounds", type=int, help="as many rounds")
    parser.add_argument("--only", default="", help="only runs with this in their name; no results are written")
    parser.add_argument("--wheel", type=Path, help="a wheel of tokstream to measure")
    parser.add_argument("--docs", action="store_true", help="write the results into docs/benchmarks.md")
    options = parser.parse_args()
    names = options.scenarios or [*SCENARIOS, "scale"]
    if unknown := set(names) - {*SCENARIOS, "scale"}:
        parser.error(f"no scenario {', '.join(sorted(unknown))}")
    if options.docs:
        write_docs()
        return 0
    prepare(options.wheel)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # thousands of connections, at both ends
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        with serving(apart=name in SCENARIOS and SCENARIOS[name].apart) as server:
            if name == "scale":
                result = scale.measure(lambda run, server=server: measured(run, server), quick=options.quick)
            else:
                result = compare(name, SCENARIOS[name], server, options)
                print("\n" + table(SCENARIOS[name], result))
        if not options.quick and not options.only:
            write(RESULTS / f"{name}.json", result)
            if name == "scale":
                dev.run(dev.python(VENV), "benchmarks/plots.py", venv=VENV)
    return 0


# What is measured, built.


def prepare(wheel: Path | None) -> None:
    """Make the environment of the clients, and build the server, the floor and tokstream."""
    wanted = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
    stamp = VENV / dev.STAMP
    if not stamp.exists() or stamp.read_text() != wanted:
        if not dev.python(VENV).exists():
            dev.create(VENV, sys.executable)
        dev.run(dev.python(VENV), *dev.PIP, "--upgrade", "pip", venv=VENV)
        dev.run(dev.python(VENV), *dev.PIP, "--requirement", "benchmarks/requirements.txt", venv=VENV)
        stamp.write_text(wanted)
    dev.run("cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", "benchmarks/native/Cargo.toml")
    if wheel is None:
        folder = VENV / "wheels"
        for old in folder.glob("*.whl"):
            old.unlink()
        build = ["build", "--quiet", "--release", "--locked", "--interpreter", dev.python(VENV), "--out", folder]
        dev.run(dev.binaries(VENV) / "maturin", *build, venv=VENV)
        [wheel] = folder.glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    stamp = VENV / "wheel.txt"
    if not stamp.exists() or stamp.read_text() != digest:
        dev.run(dev.python(VENV), *dev.PIP, "--force-reinstall", "--no-deps", wheel, venv=VENV)
        stamp.write_text(digest)
        let_go_of_files()
    make_certificate()


def let_go_of_files() -> None:
    """Have libraries read from the disk again: of a file just written, Linux counts more as a process's memory."""
    for library in VENV.rglob("*.so"):
        with library.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def native(name: str) -> Path:
    """A program of benchmarks/native."""
    return Path(os.environ.get("CARGO_TARGET_DIR", HERE / "native" / "target")) / "release" / name


def make_certificate() -> None:
    """A certificate for loopback, and a file of all authorities that the machine trusts with its own added."""
    code = """if True:
        import pathlib, ssl, sys, trustme
        folder = pathlib.Path(sys.argv[1])
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        (folder / "certificate.pem").write_bytes(chain)
        (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        known = ssl.get_default_verify_paths().cafile
        trusted = pathlib.Path(known).read_bytes() if known else b""
        (folder / "trusted.pem").write_bytes(trusted + authority.cert_pem.bytes())
    """
    if not (VENV / "trusted.pem").exists():
        done = subprocess.run([dev.python(VENV), "-c", code, VENV], check=False)
        if done.returncode:
            raise dev.Failed("the certificate could not be made")


@contextlib.contextmanager
def serving(*, apart: bool) -> Iterator[Server]:
    """The server, as long as the block runs; `apart` from the clients, it has the last core to itself."""
    cores = os.sched_getaffinity(0)
    line = [native("server"), VENV / "certificate.pem", VENV / "key.pem"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ports = [int(port) for port in process.stdout.readline().split()]
        if apart and len(cores) > 1:
            os.sched_setaffinity(process.pid, {max(cores)})
            os.sched_setaffinity(0, cores - {max(cores)})  # and so for what is started from here
        try:
            yield Server(*ports)
        finally:
            os.sched_setaffinity(0, cores)
            process.stdin.close()


# One run.


def measured(run: Run, server: Server) -> dict[str, float]:
    """Run one client once; what it measured, or nothing if it could not do it."""
    variables = dev.environment(VENV) | {"SSL_CERT_FILE": str(VENV / "trusted.pem")}
    line = words(run, server)
    try:
        done = subprocess.run(line, capture_output=True, text=True, env=variables, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return {}
    if done.returncode == LEFT_OUT:
        raise LeftOut(done.stderr.strip())
    if done.returncode:
        print(f"{run.name}: {done.stderr.strip()[-2000:]}", file=sys.stderr)
        return {}
    if run.kind == "import":
        took, memory = done.stdout.split()
        return {"import": float(took), "memory": float(memory)}
    if run.kind in {"start", "start-tls"}:
        return {"first": float(done.stdout)}
    line_of_json: dict[str, float] = json.loads(done.stdout)
    return line_of_json


def words(run: Run, server: Server) -> list[str]:
    """The command of a run."""
    driver, *more = DRIVERS[run.client]
    interpreter = str(dev.python(VENV))
    if run.kind == "import":
        return [interpreter, str(HERE / "start" / "imports.py"), *IMPORTS[run.client]]
    if run.kind in {"start", "start-tls"}:
        url = f"https://127.0.0.1:{server.tls_port}" if run.kind == "start-tls" else f"http://127.0.0.1:{server.port}"
        return [interpreter, str(HERE / "start" / f"{driver}.py"), url, str(time.monotonic_ns())]
    if run.kind.startswith("first-"):
        url = {
            "first-plain": f"http://127.0.0.1:{server.port}",
            "first-tls": f"https://127.0.0.1:{server.tls_port}",
            "first-http2": f"https://127.0.0.1:{server.http2_tls_port}",
        }[run.kind.removesuffix("-warmed")]
        return [interpreter, str(HERE / "first" / f"{driver}.py"), url, run.model, run.kind.removeprefix("first-")]
    port = server.port
    if "http2=1" in more:
        port = server.http2_port
    if "far" in run.arguments:
        port = server.far_port
    arguments = [f"port={port}", f"model={run.model}", *more]
    arguments += [f"{name}={number}" for name, number in run.arguments.items()]
    if run.client == FLOOR:
        return [str(native(driver)), run.kind, *arguments]
    return [interpreter, str(HERE / "clients" / f"{driver}.py"), run.kind, *arguments]


def quickened(run: Run) -> Run:
    """The same run, as short as it can be."""
    numbers = {name: min(number, QUICK.get(name, number)) for name, number in run.arguments.items()}
    if "flight" in numbers:
        numbers["n"] = numbers["flight"] * 2
    model = (
        re.sub(r"\bn=(\d+)", lambda n: f"n={min(int(n[1]), 2000)}", run.model)
        if "paced" not in run.model
        else run.model
    )
    if run.kind == "stream-paced":
        model = model.replace("n=500", "n=300")
    return Run(run.client, run.kind, model, numbers, run.case, run.rounds)


# One scenario.


def compare(name: str, scenario: Scenario, server: Server, options: argparse.Namespace) -> dict[str, Any]:
    """Run every client in turn, as often as there are rounds."""
    rounds = options.rounds or (1 if options.quick else scenario.rounds)
    runs = [run for run in scenario.runs if options.only in run.name]
    samples: dict[str, dict[int, dict[str, float]]] = {run.name: {} for run in runs}
    for number in range(rounds):
        for run in runs:
            if number < run.rounds and run.name in samples:
                progress(f"{name}: round {number + 1} of {rounds}: {run.name}")
                try:
                    found = measured(quickened(run) if options.quick else run, server)
                except LeftOut as why:
                    del samples[run.name]
                    progress("")
                    print(f"{run.name} is left out: {why}", file=sys.stderr)
                    continue
                if found:
                    samples[run.name][number] = found
    progress("")
    medians = {
        run.name: {
            metric: statistics.median(values)
            for metric in scenario.metrics
            if (values := [found[metric] for found in samples[run.name].values() if found.get(metric) is not None])
        }
        for run in runs
        if run.name in samples
    }
    marks = [found for mark in scenario.marks if (found := judge(mark, scenario, samples)) is not None]
    return {
        "scenario": name,
        "title": scenario.title,
        "rounds": rounds,
        "machine": machine(),
        "versions": versions(),
        "medians": medians,
        "marks": marks,
        "samples": {run: list(by_round.values()) for run, by_round in samples.items()},
    }


def judge(mark: Mark, scenario: Scenario, samples: dict[str, dict[int, dict[str, float]]]) -> dict[str, Any] | None:
    """How a mark stands: the median of what it was in each round."""
    found = []
    if mark.run not in samples or (mark.reference and mark.reference not in samples):
        return None
    for number, line in samples[mark.run].items():
        other = samples[mark.reference].get(number) if mark.reference else None
        with contextlib.suppress(KeyError, TypeError):
            if other is not None or not mark.reference:
                found.append(mark.measured(line, other))
    measured_ = statistics.median(found) if found else None
    reached = measured_ is not None and mark.reached(measured_)
    return {"mark": mark.says(scenario.metrics), "measured": measured_, "reached": reached}


def progress(text: str) -> None:
    """What is being done, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """In general words."""
    system = platform.system()
    with contextlib.suppress(OSError):
        release = platform.freedesktop_os_release()
        system += f" {platform.release().split('-')[0]}, {release.get('NAME', '')} {release.get('VERSION_ID', '')}"
    model = platform.processor()
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    return {"cores": os.cpu_count(), "processor": model, "architecture": platform.machine(), "system": system}


def versions() -> dict[str, str]:
    """Of all that was compared."""
    code = (
        "import importlib.metadata as m, json, platform\n"
        "names = ['tokstream', 'openai', 'orjson', 'aiohttp', 'uvloop', 'pyreqwest']\n"
        "print(json.dumps({'Python': platform.python_version()} | {n: m.version(n) for n in names}))"
    )
    found: dict[str, str] = json.loads(subprocess.check_output([dev.python(VENV), "-c", code], text=True))
    rustc = subprocess.check_output(["rustc", "--version"], text=True).split()[1]
    return found | {"rustc": rustc}


# What comes of it.


def table(scenario: Scenario, result: Mapping[str, Any]) -> str:
    """The medians and the marks of a scenario, as tables in Markdown."""
    medians: Mapping[str, Mapping[str, float]] = result["medians"]
    first = next(iter(scenario.metrics))
    shown = [metric for metric in scenario.metrics if any(metric in line for line in medians.values())]
    floors = any(run.client == FLOOR for run in scenario.runs)
    head = ["", *(scenario.metrics[metric] for metric in shown), *([f"× {FLOOR}"] if floors else [])]
    rows = [head, ["---", *["--:"] * (len(head) - 1)]]
    for run in scenario.runs:
        line = medians.get(run.name)
        if line is None:
            continue
        cells = [figure(line.get(metric)) for metric in shown]
        if floors:
            floor = medians.get(Run(FLOOR, "", "", case=run.case).name, {})
            cells.append(f"{line[first] / floor[first]:.2f}" if first in line and first in floor else "")
        rows.append([run.name if line else f"{run.name} (could not)", *cells])
    marks = [["mark", "measured", "reached"], ["---", "--:", "---"]]
    answers = {True: "yes", False: "**no**"}
    marks += [[mark["mark"], figure(mark["measured"]), answers[mark["reached"]]] for mark in result["marks"]]
    tables = [rows, marks] if len(marks) > 2 else [rows]
    return "\n\n".join("\n".join("| " + " | ".join(row) + " |" for row in each) for each in tables)


def figure(value: float | None) -> str:
    if value is None:
        return ""
    if value == float("inf"):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(path: Path, result: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(result, indent=1, default=str) + "\n")


def write_docs() -> None:
    """Fill docs/benchmarks.md with the results that were written down."""
    page = PAGE.read_text()
    for name, scenario in SCENARIOS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            result = json.loads(path.read_text())
            about = f"{scenario.about}\n\n" if scenario.about else ""
            page = replaced(page, name, f"{about}{table(scenario, result)}")
    stored = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    if stored:
        found = stored[0]
        known = found["machine"]
        listed = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
        text = (
            f"{known['cores']} cores of an {known['processor']} ({known['architecture']}), {known['system']}. {listed}."
        )
        page = replaced(page, "machine", text)
    curves = RESULTS / "scale.json"
    if curves.exists():
        page = replaced(page, "scale", plots(json.loads(curves.read_text())))
    page = replaced(page, "losses", losses())
    PAGE.write_text(page)


def plots(result: Mapping[str, Any]) -> str:
    """The plots of the curves, which plots.py has drawn."""
    lines = [f"![{c['title']}: {c['y']}, by {c['x']}](benchmarks/{c['name']}.svg)" for c in result["curves"]]
    return "\n\n".join(lines)


def losses() -> str:
    """Every mark that was missed, and every case where another client in Python took less."""
    lines: list[str] = []
    for name, scenario in SCENARIOS.items():
        path = RESULTS / f"{name}.json"
        if not path.exists():
            continue
        result = json.loads(path.read_text())
        missed = [mark for mark in result["marks"] if not mark["reached"]]
        lines += [f"- {name}: {mark['mark']}: {figure(mark['measured']) or 'not measured'}." for mark in missed]
        lines += [f"- {name}: {line}" for line in beaten(scenario, result["medians"])]
    return "Marks that are missed, and other clients in Python that take less:\n\n" + "\n".join(lines)


def beaten(scenario: Scenario, medians: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Where another client in Python has a smaller first metric than tokstream, in the same case and manner."""
    metric = next(iter(scenario.metrics))
    for case in dict.fromkeys(run.case for run in scenario.runs):
        for ours, theirs in ((SYNC, BLOCKING), (ASYNC, AWAITING)):
            own = medians.get(Run(ours, "", "", case=case).name, {}).get(metric)
            for client in theirs:
                other = medians.get(Run(client, "", "", case=case).name, {}).get(metric)
                if own is not None and other is not None and other < own:
                    where = f"{case}: " if case else ""
                    yield f"{where}{scenario.metrics[metric]}: {client} {figure(other)}, {ours} {figure(own)}."


def replaced(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = page.partition(begin)
    if not found:
        raise dev.Failed(f"docs/benchmarks.md has no place {begin}")
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except dev.Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)

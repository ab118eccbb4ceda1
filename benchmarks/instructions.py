"""Count the instructions of the core's hot paths under callgrind: `python3 dev.py bench-check`.

Time says little on a busy machine, and a count is the same each time. It fails where a path takes over 3 % more than
instructions.json has; `--write` renews that. Another compiler makes other instructions, and other machines have other
copying and searching: what they were counted with is written down too.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import dev  # noqa: E402 - it lies above

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN = ROOT / "benchmarks" / "instructions.json"
LIMIT = 0.03


def main(*arguments: str) -> None:
    """Count all paths, compare, and write down if that was asked for."""
    if set(arguments) - {"--write"}:
        raise dev.Failed("bench-check takes --write or nothing")
    if not shutil.which("valgrind"):
        raise dev.Failed("valgrind is not installed (on Debian and Ubuntu `apt install valgrind`)")
    write = "--write" in arguments
    made = {"rustc": output("rustc", "--version").split()[1], "architecture": platform.machine()}
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    if not write and any(known.get(name) != value for name, value in made.items()):
        was, now = (" on ".join(str(each.get(name)) for name in made) for each in (known, made))
        raise dev.Failed(
            f"the counts were taken with rustc {was}, this is {now}; `bench-check --write` takes them anew"
        )
    binary = build()
    counts = {name: count(binary, name) for name in output(binary).splitlines()}
    grown = compare(counts, known.get("counts", {}))
    if write:
        KNOWN.write_text(json.dumps(made | {"counts": counts}, indent=2) + "\n")
    elif grown:
        raise dev.Failed(
            f"over {LIMIT:.0%} more instructions: {'; '.join(grown)}. If that must be: bench-check --write"
        )


def build() -> Path:
    """Build the bench with the names of its functions, by which callgrind finds what to count."""
    words = ["cargo", "bench", "--quiet", "--no-default-features", "--bench", "instructions", "--no-run"]
    lines = output(*words, "--message-format", "json", variables={"CARGO_PROFILE_BENCH_STRIP": "none"}).splitlines()
    [binary] = [found for line in lines if (found := json.loads(line).get("executable"))]
    return Path(binary)


def count(binary: Path, name: str) -> int:
    """How many instructions one path takes."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "counts"
        options = ["--tool=callgrind", "--quiet", "--toggle-collect=*hot_path*", f"--callgrind-out-file={found}"]
        output("valgrind", *options, binary, name)
        total = re.search(r"^totals: (\d+)", found.read_text(), re.MULTILINE)
    if total is None or not int(total[1]):
        raise dev.Failed(f"callgrind has counted nothing of {name!r}")
    return int(total[1])


def compare(counts: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """Print the counts beside those that are known; the paths that have grown too much."""
    grown: list[str] = []
    for name, number in counts.items():
        change = number / known[name] - 1 if name in known else 0.0
        print(f"{number:>12,}  {f'{change:+.1%}' if name in known else 'new':>7}  {name}", flush=True)
        if change > LIMIT:
            grown.append(f"{name} {change:+.1%}")
    return grown


def output(*words: str | Path, variables: Mapping[str, str] | None = None) -> str:
    """What a program prints."""
    line = [str(word) for word in words]
    env = dev.environment(dev.VENV) | dict(variables or {})
    done = subprocess.run(line, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise dev.Failed(f"{' '.join(line)}: exit code {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except dev.Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)

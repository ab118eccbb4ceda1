"""The stubs say what the module does, and type checkers infer from them what users rely on."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from pages import ROOT, examples, pages, program

# These are there for type checkers alone, in modules without a stub.
ONLY_FOR_CHECKERS = """
tokstream._choice.Choices
tokstream._choice.IncEx
tokstream._cli.answer.AnyStream
tokstream._conversation.base.Policy
tokstream._conversation.base.Question
tokstream._events.streams.AnyStream
tokstream._events.streams.AnyStreamManager
tokstream._events.streams.AsyncAnyStream
tokstream._events.streams.AsyncAnyStreamManager
tokstream._events.types.T
tokstream._http.HeaderTypes
tokstream._models.Flags
tokstream._models.Model
tokstream._tools.definition.ToolChoiceLike
tokstream._tools.definition.ToolLike
tokstream._validation.Model
"""
PROGRAMS = ROOT / "tests" / "typing"

pytestmark = pytest.mark.slow


def run(module: str, *arguments: str, folder: Path) -> str:
    """Run a type checker as a user would, away from the settings of this repository."""
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        pytest.skip(f"{module} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_mypy_infers_what_users_rely_on(tmp_path: Path) -> None:
    run("mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path), str(PROGRAMS), folder=tmp_path)


@pytest.mark.timeout(300)
def test_mypy_accepts_the_examples_of_the_documentation(tmp_path: Path) -> None:
    for page in (page for page in pages() if any(examples(page))):
        (tmp_path / f"{page.stem.replace('-', '_').lower()}.py").write_text(program(page), encoding="utf-8")
    # A page's examples use the same names for things of several types.
    run("mypy", "--strict", "--config-file=", "--disable-error-code=no-redef", ".", folder=tmp_path)


@pytest.mark.timeout(300)
def test_pyright_infers_what_users_rely_on(tmp_path: Path) -> None:
    run("pyright", "--pythonpath", sys.executable, "--level", "error", str(PROGRAMS), folder=tmp_path)


@pytest.mark.timeout(300)
def test_stubs_agree_with_the_module(tmp_path: Path) -> None:
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\n[mypy-xllamacpp.*]\nignore_missing_imports = True\n")
    allowed = tmp_path / "allowed"
    allowed.write_text(ONLY_FOR_CHECKERS)
    options = ["--ignore-missing-stub", "--mypy-config-file", str(settings), "--allowlist", str(allowed)]
    run("mypy.stubtest", "tokstream", *options, folder=tmp_path)

"""The stubs say what the module does, and type checkers infer from them what users rely on."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
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
def test_pyright_infers_what_users_rely_on(tmp_path: Path) -> None:
    run("pyright", "--pythonpath", sys.executable, "--level", "error", str(PROGRAMS), folder=tmp_path)


@pytest.mark.timeout(300)
def test_stubs_agree_with_the_module(tmp_path: Path) -> None:
    run("mypy.stubtest", "tokstream", "--ignore-missing-stub", folder=tmp_path)

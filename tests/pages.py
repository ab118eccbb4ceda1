"""The Python examples of the README and the documentation."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Stands above an example that needs what a test has not, such as a proxy.
NOT_RUN = re.compile(r"<!-- not run: .+ -->\s*\Z")


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/reference/*.md"))]


def examples(page: Path, *, not_run: bool = False) -> Iterator[str]:
    """The page's examples, each with as many line breaks before it as make its line numbers those of the page."""
    source = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(source):
        if fence[1] == "python" and (not_run or not NOT_RUN.search(source, 0, fence.start())):
            yield "\n" * source.count("\n", 0, fence.start(2)) + fence[2]


def program(page: Path) -> str:
    """All examples of a page, each on its own lines."""
    lines: list[str] = []
    for example in examples(page, not_run=True):
        lines += example.splitlines()[len(lines) :]
    return "\n".join(lines) + "\n"

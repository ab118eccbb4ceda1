"""What tokstream and openai-python do with a server's faults, as a table: `python tests/hostile_table.py [--write]`.

Both are asked for the same, with the same timeouts and the same number of retries. Every attempt is made in a process
that is ended when it takes too long. With --write the table goes into docs/hostile-servers.md.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai

from attempts import THEIRS, USABLE, Fault, Outcome, Right, attempt, kept, wrong
from faults import FAULTS
from surface import SURFACES

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PAGE = Path(__file__).parents[1] / "docs" / "hostile-servers.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
# The timeout of both clients where the fault is no silence, and how long an attempt may take in all.
TIMEOUT, LIMIT = 2.0, 5.0
LIBRARIES = {"tokstream": SURFACES, "openai-python": THEIRS}
HEADS = ("fault", "asked for", "right", *LIBRARIES)


def escape(text: str) -> str:
    """A table's cell."""
    return text.replace("|", "\\|")


def expected(right: Right) -> str:
    """The right outcome in words."""
    if not right.error:
        return "the answer" if right.text != USABLE else "the answer of the second attempt"
    words = f"error: {right.error}"
    return f"{words}, partial kept" if right.partial else words


def words(outcome: Outcome, fault: Fault, right: Right) -> str:
    """The outcome in words."""
    error = outcome.error
    if error is None:
        said = passing(outcome, fault, right)
    elif type(error).__module__.partition(".")[0] in {"openai", "tokstream"}:
        said = f"error: {type(error).__name__}"
        if right.partial and kept(error) == right.partial:
            said += ", partial kept"
    else:
        said = f"raw {type(error).__name__}"
    if outcome.following == USABLE:
        return said
    return f"{said}; the next call gets {outcome.following!r}"


def passing(outcome: Outcome, fault: Fault, right: Right) -> str:
    """The words for a call that raised nothing."""
    if not right.error and outcome.text == right.text:
        return expected(right)
    if fault.bound:
        return "no bound"
    if outcome.requests > 1 + fault.retries:
        return "goes there"
    if not outcome.text:
        return "passes as an empty answer"
    return "passes as complete" if right.error else f"another text: {outcome.text[:20]!r}"


def work(pipe: Connection) -> None:
    """Makes the attempts that come through the pipe, until none is left."""
    for variable in [one for one in os.environ if one.lower().endswith("_proxy")]:
        del os.environ[variable]
    while (asked := pipe.recv()) is not None:
        at, form, library, name = asked
        surface = LIBRARIES[library][name]()
        fault = FAULTS[at]
        case = fault.case(form)
        assert case is not None
        outcome = attempt(surface, fault, form, TIMEOUT)
        good = library != "tokstream" or not wrong(outcome, case[1])
        pipe.send((words(outcome, fault, case[1]), good))
        try:
            surface.shut()
        except Exception as error:  # noqa: BLE001 - of no matter for the outcome
            print(f"{fault.name}: {library} leaves behind {error!r}", file=sys.stderr)


class Worker:
    """A process that makes attempts, and another one when that is lost."""

    def __init__(self) -> None:
        self.process: Any = None

    def ask(self, *what: Any) -> tuple[str, bool]:
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=work, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
            self.pipe.send((0, FAULTS[0].forms[0], "tokstream", "sync"))
            self.pipe.recv()  # the process is there, its imports done
        self.pipe.send(what)
        try:
            if self.pipe.poll(LIMIT):
                return self.pipe.recv()
            said = "hangs"
        except EOFError:
            said = "crashes"
        self.end()
        return said, False

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


def rows(worker: Worker) -> tuple[list[list[str]], Counter[tuple[str, str]], list[str]]:
    """The table, how often each library went wrong in each way, and where tokstream did."""
    table, ways, bad = [], Counter[tuple[str, str]](), []
    for at, fault in enumerate(FAULTS):
        cells: dict[str, list[str]] = {}
        for form in fault.forms:
            case = fault.case(form)
            assert case is not None
            row = [expected(case[1])]
            for library, surfaces in LIBRARIES.items():
                said = {name: worker.ask(at, form, library, name) for name in sorted(surfaces, reverse=True)}
                row.append(told({name: outcome for name, (outcome, _) in said.items()}))
                ways.update((library, way(outcome)) for outcome, _ in said.values())
                if library == "tokstream" and not all(good for _, good in said.values()):
                    bad.append(f"{fault.name}, {form}")
            cells[form] = row
        added = [[fault.name, *row] for row in merged(fault, cells)]
        for row in added:
            print(*row, sep=" | ", file=sys.stderr)
        table += added
    return table, ways, bad


WAYS = {
    "passes": "a cut or empty answer passes as a whole one",
    "another": "a part of the text is lost",
    "hangs": "hangs: no timeout ends it",
    "raw": "an error that is none of the library's",
    "next": "the next call gets bytes of this one",
    "no bound": "takes whatever size is sent",
    "goes there": "follows the server to another host",
    "crashes": "ends the process",
}


def way(outcome: str) -> str:
    """In which way this outcome is wrong; empty if it is an answer or an error of the library."""
    if "; the next call" in outcome:
        return "next"
    return next((begin for begin in WAYS if outcome.startswith(begin)), "")


def told(said: dict[str, str]) -> str:
    """One outcome if both clients of a library have the same."""
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{name}: {outcome}" for name, outcome in said.items())


def merged(fault: Fault, cells: dict[str, list[str]]) -> list[list[str]]:
    """One row if a stream and a whole reply have the same."""
    if len(cells) == 2 and cells["streamed"] == cells["whole"]:
        return [["both", *cells["whole"]]]
    return [[{"streamed": "stream", "whole": "whole reply"}[form], *cells[form]] for form in fault.forms]


def table_of(heads: list[str], rows: list[list[str]]) -> str:
    """The lines of a table."""
    return "\n".join("| " + " | ".join(map(escape, row)) + " |" for row in (heads, ["---"] * len(heads), *rows))


def main() -> int:
    """Print the table or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write it into docs/{PAGE.name}")
    write = parser.parse_args().write
    worker = Worker()
    try:
        table, ways, bad = rows(worker)
    finally:
        worker.end()
    last = f"openai-python {openai.__version__}"
    counted = [[words, *(str(ways[library, begin]) for library in LIBRARIES)] for begin, words in WAYS.items()]
    counted = [row for row in counted if set(row[1:]) != {"0"}]
    calls = sum(ways.values()) // len(LIBRARIES)
    text = "\n\n".join(
        [
            f"Of {calls} calls that each library made (every fault, sync and async, streamed and whole):",
            table_of([f"of {calls} calls", "tokstream", last], counted),
            table_of([*HEADS[:-1], last], table),
        ]
    )
    if write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    else:
        print(text)
    for one in bad:
        print("tokstream is wrong:", one, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

"""Every fault of a server, on both clients, streamed and whole: the right outcome, and a client that goes on."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

import tokstream
from attempts import THEIRS, attempt, wrong
from faults import FAULTS
from hostile_table import escape
from replies import sse, text
from server import stream

# On whichever thread a call is driven.
ALL_SURFACES = True

PAGE = Path(__file__).parents[1] / "docs" / "hostile-servers.md"
CASES = {f"{fault.name}-{form}": (fault, form) for fault in FAULTS for form in fault.forms}
# No outcome may take longer; far more than any takes.
SOON = 5.0


@pytest.mark.timeout(30)
@pytest.mark.parametrize("case", CASES)
def test_a_fault_has_its_outcome(surface, case):
    fault, form = CASES[case]
    outcome = attempt(surface, fault, form)
    assert wrong(outcome, fault.case(form)[1]) == []
    assert outcome.took < (fault.timeout + 1 if fault.timeout else SOON)


class Mark:
    """Something that the caller holds."""


@pytest.mark.parametrize("how", ["chunks", "text", "final"])
def test_a_broken_stream_keeps_nothing_of_its_caller(surface, client, how):
    """A stream that knows its error, whose traceback knows the stream: a circle that must not last."""
    api, _ = client(then=stream(sse(text("A"), done=False)), max_retries=0)
    marks = []

    def read():
        mark = Mark()
        marks.append(weakref.ref(mark))
        answer = surface.stream(api)
        try:
            if how == "final":
                surface.run(answer.get_final_completion())
            else:
                surface.list(answer if how == "chunks" else answer.text_stream)
        except tokstream.StreamTruncatedError:
            pass

    read()
    gc.collect()
    assert marks[0]() is None


def test_each_fault_has_a_name_of_its_own():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


BLIND = [
    "closed in order without [DONE], chunked-streamed",
    "comments for ever in the middle-streamed",
    "an error whose body never comes-whole",
    "data that is not JSON-streamed",
    "an empty body-whole",
]


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("case", BLIND)
def test_the_matrix_can_fail(name, case):
    """A client that lets a fault pass, or raises something else, is found out."""
    fault, form = CASES[case]
    surface = THEIRS[name]()
    try:
        assert wrong(attempt(surface, fault, form, timeout=1.0), fault.case(form)[1])
    finally:
        surface.shut()


def test_the_page_is_of_these_faults():
    page = PAGE.read_text(encoding="utf-8")
    assert [fault.name for fault in FAULTS if f"| {escape(fault.name)} |" not in page] == []

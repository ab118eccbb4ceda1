"""The soak for a few seconds, so that it can be trusted to run for minutes; and that it finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import tokstream
from soak import Footprint, Ledger, grown
from soak_plan import BAD, GOOD, plan
from soak_server import SENDERS

PROGRAM = Path(__file__).with_name("soak.py")
SEED = 7


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_few_seconds_of_it():
    words = [sys.executable, "-W", "error", str(PROGRAM), "5", str(SEED)]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr


def plans():
    return [plan(SEED, number) for number in range(3000)]


def test_every_fault_and_every_way_to_answer_comes():
    came = Counter(kind for planned in plans() for kind in planned.made)
    assert set(came) == {*GOOD, *BAD}
    assert {*GOOD, *BAD} - {"400", "429", "503", "html"} == set(SENDERS)


def test_a_plan_is_the_same_for_both_sides():
    assert plans() == plans()
    assert plan(SEED, 1) != plan(SEED + 1, 1)


def which(condition):
    return next(planned for planned in plans() if planned.streamed and condition(planned))


def test_a_wrong_answer_is_found():
    good = which(lambda planned: planned.attempts[0] in GOOD)
    cut = which(lambda planned: planned.made == ("cut length",) and planned.total is None)
    error = tokstream.StreamTruncatedError("cut")
    for wrong in (
        lambda ledger: ledger.succeeded(good, good.text[:-1]),
        lambda ledger: ledger.succeeded(cut, cut.text),
        lambda ledger: ledger.left(good, "evil"),
        lambda ledger: ledger.failed(good, None, error),
        lambda ledger: ledger.failed(cut, None, ValueError()),
        lambda ledger: ledger.failed(cut, cut.pieces[0], error),
    ):
        ledger = Ledger(SEED)
        wrong(ledger)
        assert len(ledger.violations) == 1
    ledger = Ledger(SEED)
    ledger.succeeded(good, good.text)
    ledger.left(good, good.pieces[0])
    ledger.failed(cut, "", error)
    assert not ledger.violations


def test_what_is_left_behind_is_found():
    before = Footprint(0, 10, 3, 5000, 50 << 20)
    assert grown(before, before) == []
    assert len(grown(before, Footprint(1, 20, 8, 9000, 500 << 20))) == 5
    assert grown(Footprint(0, None, 3, 5000, None), Footprint(0, None, 3, 5000, None)) == []

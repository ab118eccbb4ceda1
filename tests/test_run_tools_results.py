"""What tools return in a run of them, as the model is told it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import pydantic
import pytest

from tool_runs import ANSWER, call, calls, results


class Mood(Enum):
    CALM = "calm"


class Report(pydantic.BaseModel):
    day: date


@dataclass
class Point:
    x: int
    inner: Any = None


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ("as it is é", "as it is é"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (["é", {"a": None}], '["é", {"a": null}]'),
        (Report(day=date(2026, 1, 2)), '{"day": "2026-01-02"}'),
        ([Point(1, Point(2))], '[{"x": 1, "inner": {"x": 2, "inner": null}}]'),
        (
            {"mood": Mood.CALM, "days": (date(2026, 1, 2),), "set": {1}},
            '{"mood": "calm", "days": ["2026-01-02"], "set": [1]}',
        ),
    ],
)
def test_results_are_texts_or_json(run, result, content):
    def tool() -> Any:
        return result

    got, server = run(calls(call("tool")), ANSWER, tools=[tool])
    assert results(server.requests[1]) == [("call-1", content)]
    assert got.result is None


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize("result", [object(), b"bytes", {(1, 2): 3}, LOOP, Point])
def test_results_that_json_cannot_say(run, result):
    def tool() -> Any:
        return result

    _, server = run(calls(call("tool")), ANSWER, tools=[tool])
    ((_, content),) = results(server.requests[1])
    assert content.startswith("Error: The result of tool cannot be sent to the model: ")

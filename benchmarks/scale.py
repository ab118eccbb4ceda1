"""What a stream, a chunk and a byte cost as there are more of them: each should stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios import AIOHTTP, ASYNC, ASYNC_HTTP2, FLOOR, HTTP_CLIENT, SYNC, Run

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3


@dataclass(frozen=True)
class Curve:
    """Runs along an axis; what is drawn is a run's `metric`, times the factor of its point."""

    name: str
    title: str
    x: str
    y: str
    points: tuple[tuple[float, Run, float], ...]
    metric: str = "cpu"


def streams() -> Curve:
    """Streams of 100 chunks at once, and as often again that each point has about 2,000."""
    points = []
    for count in (1, 3, 10, 30, 100, 300, 1000, 2000):
        numbers = {"streams": count, "waves": max(2000 // count, 1)}
        clients = (FLOOR, ASYNC, AIOHTTP)
        points += [(count, Run(client, "stream-crowd", "flood:n=100,k=10", numbers), 1.0) for client in clients]
    return Curve("streams", "A stream of 100 chunks", "streams at once", "CPU per stream, µs", tuple(points))


def chunks() -> Curve:
    """Streams of so many chunks, and so many streams that each point has 50,000 chunks at the least."""
    points = []
    for count in (10, 100, 1000, 10_000, 100_000, 1_000_000):
        for client in (FLOOR, SYNC, ASYNC, HTTP_CLIENT):
            numbers = {"repeat": max(50_000 // count, 1)}
            points.append((count, Run(client, "stream", f"flood:n={count},k=60", numbers), 1.0))
    return Curve("chunks", "A chunk", "chunks of the stream", "CPU per chunk, µs", tuple(points))


def contents() -> Curve:
    """One event with a content of so many bytes, each event a write."""
    points = []
    for size in (10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000):
        for client in (FLOOR, SYNC, ASYNC, HTTP_CLIENT):
            numbers = {"repeat": max(min(3000, 30_000_000 // size), 3)}
            model = f"text:size={size},event={size}"
            # A stream is two chunks then: the content's and the last.
            points.append((size, Run(client, "stream", model, numbers), 2000 / size))
    return Curve("contents", "A byte of a content", "bytes of the content", "CPU per byte, ns", tuple(points))


def splits() -> Curve:
    """A megabyte in one event, its body in writes of so many bytes."""
    points = []
    size = 1_000_000
    for cut in (100, 300, 1000, 3000, 10_000, 100_000, 1_000_000):
        for client in (FLOOR, SYNC, ASYNC, HTTP_CLIENT):
            model = f"text:size={size},event={size},cut={cut}"
            points.append((cut, Run(client, "stream", model, {"repeat": 10}), 2000 / size))
    return Curve("splits", "A byte of one event of 1 MB", "bytes of each write", "CPU per byte, ns", tuple(points))


def rates() -> Curve:
    """Streams of 100 tokens, 50 a second, at once; over HTTP/2 a connection may have 100 of them."""
    points = []
    for count in (20, 50, 100, 200, 500):
        for client in (FLOOR, ASYNC, ASYNC_HTTP2):
            # A second wave has the connections of the first.
            run = Run(client, "stream-crowd", "paced:n=100,rate=50", {"streams": count, "waves": 1})
            points.append((count, run, count / 1e6))
    title = "Streams of 100 tokens, 50 a second"
    return Curve("rates", title, "streams at once", "seconds until all had ended", tuple(points), "wall")


def finals() -> Curve:
    """get_final_completion() of streams of so many chunks."""
    points = []
    for count in (10, 100, 1000, 10_000, 100_000, 1_000_000):
        for client in (SYNC, ASYNC):
            numbers = {"repeat": max(50_000 // count, 1), "final": count}
            points.append((count, Run(client, "stream", f"flood:n={count},k=60", numbers), 1.0))
    return Curve("finals", "get_final_completion()", "chunks of the stream", "CPU per chunk, µs", tuple(points))


def openings() -> Curve:
    """So many requests at once from a client without connections, to a server whose handshakes take 50 ms."""
    points = []
    for count in (1, 10, 50, 100, 200):
        for client in (SYNC, ASYNC, AIOHTTP):
            run = Run(client, "whole-burst", "whole:size=10", {"flight": count, "far": 1})
            points.append((count, run, 1 / 1000))
    title = "Requests at once, each with a handshake of 50 ms"
    return Curve("openings", title, "requests", "ms until all were answered", tuple(points), "wall")


def measure(measured: Callable[[Run], dict[str, float]], *, quick: bool) -> dict[str, Any]:
    """Run every point in turn, as often as there are rounds; the least that it took is taken."""
    curves = []
    for curve in (streams(), chunks(), contents(), splits(), rates(), finals(), openings()):
        lines: dict[str, dict[float, float]] = {}
        points = [point for point in curve.points if point[0] <= 100_000] if quick else curve.points
        for _ in range(1 if quick else ROUNDS):
            for x, run, factor in points:
                found = measured(run)
                if found:
                    line = lines.setdefault(run.client, {})
                    line[x] = min(line.get(x, float("inf")), found[curve.metric] * factor)
        curves.append({"name": curve.name, "title": curve.title, "x": curve.x, "y": curve.y, "lines": lines})
        print(f"\n{curve.title}: {curve.y}, by {curve.x}")
        for client, line in lines.items():
            print(f"  {client:<22}", *(f"{x:,.0f}: {y:.3g}  " for x, y in line.items()))
    return {"curves": curves}

"""Work of several requests that is written once: its steps are done in order, its errors reach it, its end is done."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tokstream import _steps
from tokstream._steps import END, Emit, following

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Failed(Exception):
    """Of which there are weak references."""


def driven(work: Any) -> Any:
    """Run a coroutine that waits for nothing but its turn; a loop would keep its exception for longer."""
    try:
        while True:
            work.send(None)
    except StopIteration as end:
        return end.value


class Blocking:
    """Steps done by `run` and `Iterator`."""

    def value(self, value: Any) -> Callable[[], Any]:
        return lambda: value

    def stream(self, items: list[int]) -> Any:
        return iter(items)

    def run(self, steps: Any) -> Any:
        return _steps.run(steps)

    def emitted(self, steps: Any, count: int | None = None) -> tuple[list[Any], Any]:
        iterator = _steps.Iterator(steps)
        if count is None:
            return list(iterator), iterator.result
        values = [next(iterator) for _ in range(count)]
        iterator.close()
        return values + list(iterator), iterator.result


class Awaiting:
    """Steps done by `arun` and `AsyncIterator`."""

    def value(self, value: Any) -> Callable[[], Any]:
        async def step() -> Any:
            await asyncio.sleep(0)
            return value

        return step

    def stream(self, items: list[int]) -> Any:
        class Items:
            def __init__(self) -> None:
                self.items = iter(items)

            async def __anext__(self) -> int:
                for item in self.items:
                    return item
                raise StopAsyncIteration

        return Items()

    def run(self, steps: Any) -> Any:
        return driven(_steps.arun(steps))

    def emitted(self, steps: Any, count: int | None = None) -> tuple[list[Any], Any]:
        async def main() -> tuple[list[Any], Any]:
            iterator = _steps.AsyncIterator(steps)
            if count is None:
                return [value async for value in iterator], iterator.result
            values = [await iterator.__anext__() for _ in range(count)]
            await iterator.aclose()
            return values + [value async for value in iterator], iterator.result

        emitted: tuple[list[Any], Any] = driven(main())
        return emitted


@pytest.fixture(params=[Blocking, Awaiting])
def way(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_each_result_comes_back_from_its_step_and_the_return_value_is_the_end(way: Any) -> None:
    def steps() -> Generator[Any, Any, str]:
        first = yield way.value("a")
        yield Emit("dropped")
        second = yield way.value(first + "b")
        return f"{second}c"

    assert way.run(steps()) == "abc"


def test_what_answers_to_every_name_is_not_awaited(way: Any) -> None:
    class Stub:
        def __getattr__(self, name: str) -> str:
            return name

    stub = Stub()

    def steps() -> Generator[Any, Any, Any]:
        return (yield lambda: stub)

    assert way.run(steps()) is stub


def test_an_error_of_a_step_is_raised_where_the_step_was_yielded(way: Any) -> None:
    def fail() -> None:
        raise KeyError("k")

    def steps() -> Generator[Any, Any, str]:
        with pytest.raises(KeyError):
            yield fail
        yield Emit("on")
        yield fail
        return "not reached"

    with pytest.raises(KeyError):
        way.run(steps())


def test_an_error_that_the_work_lets_through_is_in_no_cycle(way: Any) -> None:
    def fail() -> None:
        raise Failed

    def steps() -> Generator[Any, Any, None]:
        yield fail

    gc.collect()
    gc.disable()
    try:
        errors = []
        try:
            way.run(steps())
        except Failed as caught:
            errors.append(weakref.ref(caught))
        assert [error() for error in errors] == [None]
    finally:
        gc.enable()


def test_the_items_of_a_stream_are_steps(way: Any) -> None:
    def steps() -> Generator[Any, Any, int]:
        total = 0
        take = following(way.stream([1, 2, 3]))
        while (item := (yield take)) is not END:
            total += item
            yield Emit(item)
        return total

    assert way.emitted(steps()) == ([1, 2, 3], 6)


def test_closing_ends_the_work_with_what_its_finally_asks_for(way: Any) -> None:
    done = []

    def steps() -> Generator[Any, Any, None]:
        try:
            for number in range(5):
                yield Emit(number)
        finally:
            done.append((yield way.value("closed")))

    assert way.emitted(steps(), 2) == ([0, 1], None)
    assert done == ["closed"]


def test_work_that_was_never_begun_can_be_closed(way: Any) -> None:
    def steps() -> Generator[Any, Any, None]:
        yield Emit(1)

    assert way.emitted(steps(), 0) == ([], None)


def closed_meanwhile(wait: Callable[[], Any], done: list[str]) -> Generator[Any, Any, None]:
    """Work that is closed while its step goes on."""
    try:
        yield wait
        done.append("went on")
    finally:
        yield lambda: done.append("ended")


def test_closing_from_another_thread_leaves_a_step_that_goes_on_without_a_taker() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def wait() -> None:
        begun.set()
        assert go_on.wait(20)

    iterator = _steps.Iterator(closed_meanwhile(wait, done))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(list, iterator)
        assert begun.wait(20)
        iterator.close()
        assert done == ["ended"]
        go_on.set()
        assert reading.result(20) == []
    assert done == ["ended"]


def test_closing_from_another_task_leaves_a_step_that_goes_on_without_a_taker() -> None:
    async def main() -> list[str]:
        begun, go_on, done = asyncio.Event(), asyncio.Event(), []

        async def wait() -> None:
            begun.set()
            await go_on.wait()

        iterator = _steps.AsyncIterator(closed_meanwhile(wait, done))

        async def read() -> list[Any]:
            return [value async for value in iterator]

        reading = asyncio.create_task(read())
        await begun.wait()
        await iterator.aclose()
        assert done == ["ended"]
        go_on.set()
        assert await reading == []
        return done

    assert asyncio.run(main()) == ["ended"]

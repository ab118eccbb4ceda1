"""What streams have in common that are made of other streams."""

from __future__ import annotations

from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Protocol

    from typing_extensions import Self

    from ._http import Response
    from ._tokstream import CompletionUsage, Timings

    class _Closed(Protocol):
        def close(self) -> None: ...

    class _AsyncClosed(Protocol):
        async def close(self) -> None: ...


class OverStream:
    """What a stream shows of the one that it reads, its `_source`."""

    __slots__ = ()

    _source: Any

    @property
    def response(self) -> Response:
        """Status, headers and request id of the response."""
        return self._source.response  # type: ignore[no-any-return]

    @property
    def usage(self) -> CompletionUsage | None:
        """Tokens and cost, as the server gave them last; None before it did."""
        return self._source.usage  # type: ignore[no-any-return]

    @property
    def timings(self) -> Timings:
        """How long connecting, the first token and the whole took, in seconds."""
        return self._source.timings  # type: ignore[no-any-return]

    @property
    def resumed(self) -> int:
        """How many times the stream was taken up again after a cut: 0 without `resume`."""
        return getattr(self._source, "resumed", 0)

    @property
    def continued(self) -> int:
        """How many times the reply was continued at its length's end: 0 without `auto_continue`."""
        return getattr(self._source, "continued", 0)


class ClosedOnExit:
    """A stream that is closed at the end of its `with` block."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self: _Closed, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClosedOnExit:
    """A stream that is closed at the end of its `async with` block."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self: _AsyncClosed,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

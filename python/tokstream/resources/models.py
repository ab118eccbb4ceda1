"""`client.models`: the models that a server offers."""

from __future__ import annotations

from tokstream._marks import NOT_GIVEN
from tokstream._resource import PARSED, Resource, awaited, options_of, send
from tokstream._tokstream import Model, ModelList
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator
    from typing import Any

# Prices and context lengths come only with this filter; servers that do not know it ignore it.
_WITH_META = {"filter": "with_meta"}


class Models(Resource):
    """The models that the server offers."""

    def list(
        self, *, extra_headers: Any = None, extra_query: Any = None, extra_body: Any = None, timeout: Any = NOT_GIVEN
    ) -> Any:
        """Ask which models there are."""
        return send(
            self._client,
            self._form,
            ("GET", "/models", None),
            options_of(extra_headers, {**_WITH_META, **(extra_query or {})}, extra_body, timeout, needs_key=False),
            ModelList,
        )

    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Any = None,
        extra_query: Any = None,
        extra_body: Any = None,
        timeout: Any = NOT_GIVEN,
    ) -> Any:
        """Ask about one model."""
        if not model:
            raise ValueError(f"Expected a non-empty value for `model` but received {model!r}")
        if model in (".", ".."):
            raise ValueError(f"`model` is {model!r}, which leads to another route")
        from urllib.parse import quote

        path = "/models/" + quote(model, safe="!$&'()*+,;=:@")
        return send(
            self._client,
            self._form,
            ("GET", path, None),
            options_of(extra_headers, extra_query, extra_body, timeout, needs_key=False),
            Model,
        )


class AsyncModels(Models):
    """The models that the server offers."""

    retrieve = awaited(Models.retrieve)

    def list(self, **options: Any) -> Any:
        """Ask which models there are: await it, or iterate it with `async for`."""
        if self._form != PARSED:
            return awaited(Models.list)(self, **options)
        return AsyncModelList(self, options)


class AsyncModelList:
    """The models that a server offers, asked for when they are awaited or iterated."""

    __slots__ = ("_call",)

    def __init__(self, models: AsyncModels, options: dict[str, Any]) -> None:
        # Not sent before it is awaited, like any coroutine.
        self._call = awaited(Models.list)(models, **options)

    def __await__(self) -> Generator[Any, Any, ModelList]:
        return self._call.__await__()  # type: ignore[no-any-return]

    # What asyncio.create_task and its like ask of a coroutine.

    def send(self, value: Any) -> Any:
        """Go on with the call."""
        return self._call.send(value)

    def throw(self, *error: Any) -> Any:
        """End the call with an error."""
        return self._call.throw(*error)

    def close(self) -> None:
        """End the call."""
        self._call.close()

    async def __aiter__(self) -> AsyncIterator[Model]:
        from tokstream._models import page_items

        for model in page_items(await self):
            yield model

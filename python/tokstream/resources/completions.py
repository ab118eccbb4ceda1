"""`client.completions`: texts that the model goes on with."""

from __future__ import annotations

from tokstream._marks import NOT_GIVEN
from tokstream._resource import Resource, awaited, options_of, send
from tokstream._tokstream import Completion
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Completions(Resource):
    """Texts that the model goes on with."""

    def create(
        self,
        *,
        prompt: Any,
        model: Any = NOT_GIVEN,
        stream: Any = False,
        extra_headers: Any = None,
        extra_query: Any = None,
        extra_body: Any = None,
        timeout: Any = NOT_GIVEN,
        **params: Any,
    ) -> Any:
        """Ask for what comes after a text."""
        client = self._client
        body: dict[str, Any] = {"model": model if model or model is None else client.model, "prompt": prompt}
        if stream:
            body["stream"] = True
        elif stream is None:
            body["stream"] = None
        body.update(params)
        return send(
            client,
            self._form,
            ("POST", "/completions", body),
            options_of(extra_headers, extra_query, extra_body, timeout),
            Completion,
            stream="text" if stream else None,
        )


class AsyncCompletions(Completions):
    """Texts that the model goes on with."""

    create = awaited(Completions.create)

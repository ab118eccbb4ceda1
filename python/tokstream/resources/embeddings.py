"""`client.embeddings`: texts as vectors."""

from __future__ import annotations

from tokstream._exceptions import APIResponseValidationError
from tokstream._marks import NOT_GIVEN, Omit
from tokstream._resource import Resource, awaited, options_of, send
from tokstream._tokstream import CreateEmbeddingResponse
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Embeddings(Resource):
    """Texts as vectors."""

    def create(
        self,
        *,
        input: Any,
        model: Any = NOT_GIVEN,
        encoding_format: Any = NOT_GIVEN,
        extra_headers: Any = None,
        extra_query: Any = None,
        extra_body: Any = None,
        timeout: Any = NOT_GIVEN,
        **params: Any,
    ) -> Any:
        """Ask for the vectors of one text or of several."""
        client = self._client
        # The default model chats; it has no vectors.
        if not model and model is not None:
            model = client.chosen_model
            if model is None:
                raise TypeError("embeddings.create() needs a `model`: name one here, or give the client one")
        not_asked = encoding_format is NOT_GIVEN or isinstance(encoding_format, Omit)
        body = {"input": input, "model": model, "encoding_format": encoding_format, **params}
        return send(
            client,
            self._form,
            ("POST", "/embeddings", body),
            options_of(extra_headers, extra_query, extra_body, timeout),
            CreateEmbeddingResponse,
            then=_as_numbers if not_asked else None,
        )


class AsyncEmbeddings(Embeddings):
    """Texts as vectors."""

    create = awaited(Embeddings.create)


def _as_numbers(reply: CreateEmbeddingResponse) -> CreateEmbeddingResponse:
    """Decode vectors that a server sent in base64 although nobody asked for that."""
    if not any(isinstance(item.embedding, str) for item in reply.data or ()):
        return reply
    from array import array
    from base64 import b64decode
    from json import dumps
    from sys import byteorder

    data = reply.to_dict()
    for item in data["data"]:
        if isinstance(item["embedding"], str):
            try:
                numbers = array("f", b64decode(item["embedding"], validate=True))
            except ValueError as error:
                raise APIResponseValidationError(
                    body=data,
                    message=f"The reply has an embedding that is not a list of floats, nor floats in base64: {error}",
                    status_code=200,
                    request_id=reply._request_id,
                ) from error
            if byteorder == "big":
                numbers.byteswap()
            item["embedding"] = numbers.tolist()
    return CreateEmbeddingResponse._from_json(dumps(data).encode(), reply._request_id)

"""`client.embeddings`: texts as vectors."""

from __future__ import annotations

from tokstream._exceptions import APIResponseValidationError
from tokstream._marks import NOT_GIVEN, Omit
from tokstream._resource import Resource, send
from tokstream._tokstream import CreateEmbeddingResponse
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from tokstream._http import Response


class Embeddings(Resource):
    """Texts as vectors."""

    __slots__ = ()

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
        not_asked = encoding_format is NOT_GIVEN or isinstance(encoding_format, Omit)
        return send(
            client,
            self._form,
            "POST",
            "/embeddings",
            body={
                "input": input,
                "model": model if model or model is None else client.model,
                "encoding_format": encoding_format,
                **params,
            },
            cast=CreateEmbeddingResponse,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
            then=_as_numbers if not_asked else None,
        )


class AsyncEmbeddings(Embeddings):
    """Texts as vectors."""

    __slots__ = ()


def _as_numbers(reply: CreateEmbeddingResponse, response: Response) -> CreateEmbeddingResponse:
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
                    response,
                    data,
                    message=f"The reply has an embedding that is not a list of floats, nor floats in base64: {error}",
                ) from error
            if byteorder == "big":
                numbers.byteswap()
            item["embedding"] = numbers.tolist()
    return CreateEmbeddingResponse._from_json(dumps(data).encode(), response.request_id)

"""orjson alone, without a request: what JSON costs a Python program at the least.

With `all=1` what is received has all fields that `model_dump()` shows, those that the server left out as null.
"""

import http.client

import measure
import orjson
from measure import BODY, HEADERS, MODEL

connection = http.client.HTTPConnection("127.0.0.1", int(measure.ARGUMENTS["port"]))


def encode(messages: list) -> None:
    orjson.dumps({"model": MODEL, "messages": messages})


def received() -> bytes:
    connection.request("POST", "/v1/chat/completions", BODY, HEADERS)
    body = connection.getresponse().read()
    return with_all_fields(body) if measure.number("all", 0) else body


def with_all_fields(body: bytes) -> bytes:
    from tokstream.types.chat import ChatCompletion

    return orjson.dumps(ChatCompletion.model_validate_json(body).model_dump())


def dump(body: bytes) -> dict:
    return orjson.loads(body)


def to_json(body: bytes) -> bytes:
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)


if measure.KIND == "encode":
    measure.finish(measure.measure_encoding(encode, None))
else:
    measure.finish(measure.measure_dumps(received, dump, to_json))

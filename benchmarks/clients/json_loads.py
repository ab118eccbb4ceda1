"""json.loads alone, without a request: what the decoding of a large completion costs a Python program at the least."""

import http.client
import json

import measure
from measure import BODY, HEADERS

connection = http.client.HTTPConnection("127.0.0.1", int(measure.ARGUMENTS["port"]))
connection.request("POST", "/v1/chat/completions", BODY, HEADERS)
body = connection.getresponse().read()


def whole() -> object:
    return json.loads(body)


def logprobs(completion) -> list[float]:
    return [token["logprob"] for token in completion["choices"][0]["logprobs"]["content"]]


measure.finish(measure.measure_logprobs(whole, logprobs, None))

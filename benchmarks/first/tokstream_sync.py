import json
import sys
import time

from tokstream import Client

URL, MODEL, KIND = sys.argv[1:]


def first() -> float:
    """When the first token of a stream was there, all of which is read."""
    at = 0.0
    for chunk in client.chat.completions.create(model=MODEL, messages="Hello!", stream=True):
        if chunk.choices[0].delta.content:
            at = at or time.monotonic()
    return at


began = time.monotonic()
client = Client(base_url=f"{URL}/v1", api_key="key", http2=KIND.startswith("http2"))
if KIND.endswith("warmed"):
    warm_up = getattr(client, "warm_up", None)
    if warm_up is None:
        print("tokstream has no warm_up()", file=sys.stderr)
        sys.exit(77)
    warm_up()
    began = time.monotonic()
    print(json.dumps({"warmed": (first() - began) * 1000}))
else:
    cold = first() - began
    began = time.monotonic()
    print(json.dumps({"cold": cold * 1000, "warm": (first() - began) * 1000}))

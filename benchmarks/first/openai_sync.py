import json
import sys
import time

from openai import OpenAI

URL, MODEL, KIND = sys.argv[1:]


def first() -> float:
    """When the first token of a stream was there, all of which is read."""
    at = 0.0
    messages = [{"role": "user", "content": "Hello!"}]
    for chunk in client.chat.completions.create(model=MODEL, messages=messages, stream=True):
        if chunk.choices[0].delta.content:
            at = at or time.monotonic()
    return at


began = time.monotonic()
client = OpenAI(base_url=f"{URL}/v1", api_key="key")
cold = first() - began
began = time.monotonic()
print(json.dumps({"cold": cold * 1000, "warm": (first() - began) * 1000}))

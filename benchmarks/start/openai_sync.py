import sys
import time

from openai import OpenAI

URL, BEGAN = sys.argv[1:]
client = OpenAI(base_url=f"{URL}/v1", api_key="key")
messages = [{"role": "user", "content": "Hello!"}]
for chunk in client.chat.completions.create(model="flood:n=100,k=1", messages=messages, stream=True):
    if chunk.choices[0].delta.content:
        break
print((time.monotonic_ns() - int(BEGAN)) / 1e6)

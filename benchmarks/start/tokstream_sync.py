import sys
import time

from tokstream import Client

URL, BEGAN = sys.argv[1:]
client = Client(base_url=f"{URL}/v1", api_key="key")
for chunk in client.chat.completions.create(model="flood:n=100,k=1", messages="Hello!", stream=True):
    if chunk.choices[0].delta.content:
        break
print((time.monotonic_ns() - int(BEGAN)) / 1e6)

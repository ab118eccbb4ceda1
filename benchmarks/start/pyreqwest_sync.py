import sys
import time

import orjson
from pyreqwest.client import SyncClientBuilder

URL, BEGAN = sys.argv[1:]
client = SyncClientBuilder().build()
body = orjson.dumps({"model": "flood:n=100,k=1", "messages": [{"role": "user", "content": "Hello!"}], "stream": True})
request = client.post(f"{URL}/v1/chat/completions").body_bytes(body).streamed_read_buffer_limit(0)
with request.build_streamed() as response:
    event = bytes(response.body_reader.read_chunk()).partition(b"\n\n")[0]
    assert orjson.loads(event[6:])["choices"][0]["delta"]["content"]
    print((time.monotonic_ns() - int(BEGAN)) / 1e6)

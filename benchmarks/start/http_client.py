import http.client
import sys
import time

import orjson

URL, BEGAN = sys.argv[1:]
connect = http.client.HTTPSConnection if URL.startswith("https") else http.client.HTTPConnection
connection = connect(URL.rpartition("/")[2])
body = orjson.dumps({"model": "flood:n=100,k=1", "messages": [{"role": "user", "content": "Hello!"}], "stream": True})
connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
event = connection.getresponse().readline()
assert orjson.loads(event[6:])["choices"][0]["delta"]["content"]
print((time.monotonic_ns() - int(BEGAN)) / 1e6)

"""asyncio without a client: the least that a Python program which awaits needs to its first token."""

import asyncio
import sys
import time

URL, BEGAN = sys.argv[1:]
BODY = b'{"model": "flood:n=100,k=1"}'


async def main() -> None:
    host, port = URL.rpartition("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=URL.startswith("https") or None)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
    await reader.readuntil(b'"content":"')
    print((time.monotonic_ns() - int(BEGAN)) / 1e6)
    writer.transport.abort()


asyncio.run(main())

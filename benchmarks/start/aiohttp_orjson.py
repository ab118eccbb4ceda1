import asyncio
import sys
import time

import aiohttp
import orjson

URL, BEGAN = sys.argv[1:]


async def main() -> None:
    messages = [{"role": "user", "content": "Hello!"}]
    body = orjson.dumps({"model": "flood:n=100,k=1", "messages": messages, "stream": True})
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{URL}/v1/chat/completions", data=body) as response,
    ):
        event = await response.content.readline()
        assert orjson.loads(event[6:])["choices"][0]["delta"]["content"]
        print((time.monotonic_ns() - int(BEGAN)) / 1e6)


asyncio.run(main())

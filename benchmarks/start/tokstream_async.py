import asyncio
import sys
import time

from tokstream import AsyncClient

URL, BEGAN = sys.argv[1:]


async def main() -> None:
    client = AsyncClient(base_url=f"{URL}/v1", api_key="key")
    async for chunk in await client.chat.completions.create(model="flood:n=100,k=1", messages="Hello!", stream=True):
        if chunk.choices[0].delta.content:
            break
    print((time.monotonic_ns() - int(BEGAN)) / 1e6)


asyncio.run(main())

import asyncio
import json
import sys
import time

from tokstream import AsyncClient

URL, MODEL, KIND = sys.argv[1:]


async def first(client: AsyncClient) -> float:
    """When the first token of a stream was there, all of which is read."""
    at = 0.0
    async for chunk in await client.chat.completions.create(model=MODEL, messages="Hello!", stream=True):
        if chunk.choices[0].delta.content:
            at = at or time.monotonic()
    return at


async def main() -> None:
    began = time.monotonic()
    client = AsyncClient(base_url=f"{URL}/v1", api_key="key", http2=KIND.startswith("http2"))
    if KIND.endswith("warmed"):
        warm_up = getattr(client, "warm_up", None)
        if warm_up is None:
            print("tokstream has no warm_up()", file=sys.stderr)
            sys.exit(77)
        await warm_up()
        began = time.monotonic()
        print(json.dumps({"warmed": (await first(client) - began) * 1000}))
        return
    cold = await first(client) - began
    began = time.monotonic()
    print(json.dumps({"cold": cold * 1000, "warm": (await first(client) - began) * 1000}))


asyncio.run(main())

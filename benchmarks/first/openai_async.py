import asyncio
import json
import sys
import time

from openai import AsyncOpenAI

URL, MODEL, KIND = sys.argv[1:]


async def first(client: AsyncOpenAI) -> float:
    """When the first token of a stream was there, all of which is read."""
    at = 0.0
    messages = [{"role": "user", "content": "Hello!"}]
    async for chunk in await client.chat.completions.create(model=MODEL, messages=messages, stream=True):
        if chunk.choices[0].delta.content:
            at = at or time.monotonic()
    return at


async def main() -> None:
    began = time.monotonic()
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key="key")
    cold = await first(client) - began
    began = time.monotonic()
    print(json.dumps({"cold": cold * 1000, "warm": (await first(client) - began) * 1000}))


asyncio.run(main())

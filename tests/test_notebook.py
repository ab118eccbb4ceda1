"""A Jupyter kernel: a cell that waits for a stream is interrupted like any other, and the next one works."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tokstream
from replies import completion, event, said, text
from server import STALL, reply, stream

manager = pytest.importorskip("jupyter_client.manager", reason="jupyter_client is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="a kernel is interrupted in another way there"),
    # What jupyter_client leaves to the garbage collector, and what it plans to change, is its own affair.
    pytest.mark.filterwarnings("ignore"),
]

ROOT = str(Path(tokstream.__file__).parents[1])
# How long a kernel may take to start, or a cell to begin, on a busy machine.
PATIENCE = 40
# "A second or so".
PROMPT = 2.0


class Kernel:
    """A kernel of its own, whose cells are begun and end."""

    def __init__(self, stack):
        self.manager, self.client = manager.start_new_kernel(startup_timeout=PATIENCE)
        stack.callback(self.manager.shutdown_kernel, now=True)
        stack.callback(self.client.stop_channels)

    def begin(self, cell):
        self.cell = self.client.execute(cell)

    def end(self, within):
        """How the cell ended: `None`, or the name of its error."""
        end = time.monotonic() + within
        while True:
            try:
                message = self.client.get_shell_msg(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                pytest.fail("the cell hangs")
            if message["parent_header"].get("msg_id") == self.cell:
                return message["content"].get("ename")


@pytest.fixture
def kernel():
    with contextlib.ExitStack() as stack:
        yield Kernel(stack)


CELLS = {
    "sync": """
client = tokstream.Client(base_url={url!r})
for chunk in client.chat.completions.create(messages="x", stream=True):
    begun()
""",
    "async": """
client = tokstream.AsyncClient(base_url={url!r})
async for chunk in await client.chat.completions.create(messages="x", stream=True):
    begun()
""",
    "async, text": """
client = tokstream.AsyncClient(base_url={url!r})
async for piece in (await client.chat.completions.create(messages="x", stream=True)).text_stream:
    begun()
""",
}
# What a kernel prints first may be lost, so a cell tells by a request how far it is, and does not wait for it.
PRELUDE = """
import sys
import threading
import urllib.request
sys.path.insert(0, {root!r})
import tokstream
def begun():
    threading.Thread(target=lambda: urllib.request.urlopen({news!r}).read()).start()
"""
NEXT = {
    "sync": 'assert client.chat.completions.create(messages="x").choices[0].message.content == "ok"',
    "async": 'assert (await client.chat.completions.create(messages="x")).choices[0].message.content == "ok"',
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_that_waits_is_interrupted(serve, kernel, kind):
    server, news = serve(stream(event(text("A")), STALL), reply(completion("ok"))), serve(reply("noted"))
    kernel.begin((PRELUDE + CELLS[kind]).format(root=ROOT, url=server.url, news=news.origin))
    news.wait_requests(1)
    kernel.manager.interrupt_kernel()
    assert kernel.end(PROMPT) in ("KeyboardInterrupt", "CancelledError")
    assert server.connections[0].ended.wait(PROMPT)
    kernel.begin(NEXT[kind.partition(",")[0]])
    assert kernel.end(PATIENCE) is None


NESTED = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
try:
    import nest_asyncio
except ImportError:
    import nest_asyncio2 as nest_asyncio
import tokstream

nest_asyncio.apply()

async def main():
    client = tokstream.AsyncClient(base_url=sys.argv[2])
    async def ask():
        return (await client.chat.completions.create(messages="x")).choices[0].message.content
    async def words():
        return [word async for word in (await client.chat.completions.create(messages="x", stream=True)).text_stream]
    loop = asyncio.get_event_loop()
    print(await ask(), loop.run_until_complete(ask()))
    async for word in (await client.chat.completions.create(messages="x", stream=True)).text_stream:
        print(word, loop.run_until_complete(words()), await asyncio.gather(ask(), ask()))

asyncio.run(main())
"""


def test_a_loop_that_is_run_within_itself(serve):
    """As `nest_asyncio` makes it, which many notebooks use."""

    def answer(request):
        return stream(said("A", "B")) if request.json.get("stream") else reply(completion("ok"))

    server = serve(then=answer)
    line = [sys.executable, "-c", NESTED, ROOT, server.url]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["ok ok", "A ['A', 'B'] ['ok', 'ok']", "B ['A', 'B'] ['ok', 'ok']"]

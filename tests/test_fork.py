"""Processes that fork: parent and child both go on, and a stream stays with the process that opened it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from replies import completion, said
from server import Gate, reply, stream

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

# Longer than any of these programs takes; one that hangs is ended and fails.
PATIENCE = 30

SYNC = """
client = tokstream.Client(base_url=sys.argv[1])
answer = client.chat.completions.create(messages="x", stream=True)
words = answer.text_stream
print(next(words), flush=True)
pid = os.fork()
if pid == 0:
    print("child", client.chat.completions.create(messages="y").choices[0].message.content, flush=True)
    try:
        next(words)
    except RuntimeError as error:
        print("child", "belongs to the process" in str(error), flush=True)
    del words, answer
    gc.collect()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print("parent", client.chat.completions.create(messages="z").choices[0].message.content, flush=True)
print("".join(words), flush=True)
"""

ASYNC = """
async def ask(client, text):
    return (await client.chat.completions.create(messages=text)).choices[0].message.content

async def main():
    client = tokstream.AsyncClient(base_url=sys.argv[1])
    answer = await client.chat.completions.create(messages="x", stream=True)
    words = answer.text_stream
    print(await words.__anext__(), flush=True)
    pid = os.fork()
    if pid == 0:
        # The child's own event loop runs in a thread: this one is inherited with the parent's.
        thread = threading.Thread(target=lambda: print("child", asyncio.run(ask(client, "y")), flush=True))
        thread.start()
        thread.join()
        try:
            words.__anext__().send(None)
        except RuntimeError as error:
            print("child", "belongs to the process" in str(error), flush=True)
        del words, answer
        gc.collect()
        os._exit(0)
    assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0
    print("parent", await ask(client, "z"), flush=True)
    print("".join([word async for word in words]), flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_parent_and_child_both_go_on(serve, program):
    gate = Gate()
    first, rest = said("A", "B", "C").split(b"\n\n", 1)
    server = serve(stream(first + b"\n\n", gate, rest), then=reply(completion("ok")))
    source = "import asyncio, gc, os, sys, threading\nimport tokstream\n" + textwrap.dedent(program)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-X", "faulthandler", "-c", source, server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [process.stdout.readline().strip() for _ in range(4)]
        gate.open()
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (lines, out.split(), err) == (["A", "child ok", "child True", "parent ok"], ["BC"], "")
    assert process.returncode == 0

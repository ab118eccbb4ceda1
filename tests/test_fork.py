"""Processes that fork: parent and child both go on, and a stream stays with the process that opened it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from http2_server import JSON, Http2Server
from replies import DONE, completion, said
from server import Gate, Pause, reply, stream

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


def run(program, *arguments, opening=None):
    """What a program prints, line by line; `opening` names a gate, and after how many lines it opens."""
    source = "import asyncio, gc, os, sys, threading\nimport tokstream\n" + textwrap.dedent(program)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-X", "faulthandler", "-c", source, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = threading.Timer(PATIENCE, process.kill)
    end.start()
    try:
        lines = []
        if opening:
            gate, after = opening
            lines = [process.stdout.readline() for _ in range(after)]
            gate.open()
        out, err = process.communicate()
    finally:
        end.cancel()
        process.kill()
    assert (process.returncode, err) == (0, ""), lines
    return "".join([*lines, out]).splitlines()


# What a child drops of its parent's: a stream of either surface, over either version of HTTP.
DROPPING = """
http2 = sys.argv[2] == "2" and "prior-knowledge"

async def main():
    client = tokstream.AsyncClient(base_url=sys.argv[1], http2=http2)
    plain = tokstream.Client(base_url=sys.argv[1], http2=http2)
    answers = [await client.chat.completions.create(messages="x", stream=True) for _ in range(2)]
    words = answers[0].text_stream
    others = [plain.chat.completions.create(messages="x", stream=True)]
    print(await words.__anext__(), next(others[0].text_stream), flush=True)
    waiting = words.__anext__()
    waiting.send(None)
    pid = os.fork()
    if pid == 0:
        del waiting, words, answers, others, client, plain
        gc.collect()
        with tokstream.Client(base_url=sys.argv[1], http2=http2) as own:
            print("child", own.chat.completions.create(messages="y").choices[0].message.content, flush=True)
        os._exit(0)
    assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0
    waiting.close()
    print("parent", (await client.chat.completions.create(messages="z")).choices[0].message.content, flush=True)
    print("".join([word async for word in answers[1].text_stream]), "".join(others[0].text_stream), flush=True)
    await client.close()
    plain.close()

asyncio.run(main())
"""


def answered_over_http2(gate):
    first, rest = said("A", "B", "C").split(b"\n\n", 1)

    def respond(answer):
        if not json.loads(answer.body).get("stream"):
            return answer.answer(json.dumps(completion("ok")).encode(), JSON)
        answer.head()
        answer.send(first + b"\n\n")
        assert gate.wait(PATIENCE)
        answer.send(rest)
        return answer.end()

    return Http2Server(respond)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_child_drops_what_it_inherited(serve, version):
    gate = Gate()
    first, rest = said("A", "B", "C").split(b"\n\n", 1)

    def respond(request):
        return stream(first + b"\n\n", gate, rest) if request.json.get("stream") else reply(completion("ok"))

    with answered_over_http2(gate) if version == "2" else contextlib.nullcontext(serve(then=respond)) as server:
        lines = run(DROPPING, server.url, version, opening=(gate, 3))
    assert lines == ["A A", "child ok", "parent ok", "ABC BC"]


HTTP2 = """
client = tokstream.Client(base_url=sys.argv[1], http2="prior-knowledge")
def ask():
    print(client.chat.completions.create(messages="x").choices[0].message.content, flush=True)
    print("".join(client.chat.completions.create(messages="x", stream=True).text_stream), flush=True)
ask()
pid = os.fork()
if pid == 0:
    ask()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
ask()
"""


def test_a_child_uses_a_client_of_http2(serve):
    gate = Gate()
    gate.open()
    with answered_over_http2(gate) as server:
        assert run(HTTP2, server.url) == ["ok", "ABC"] * 3
        assert len(server.connections) == 2


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_parent_and_child_both_go_on(serve, program):
    gate = Gate()
    first, rest = said("A", "B", "C").split(b"\n\n", 1)
    server = serve(stream(first + b"\n\n", gate, rest), then=reply(completion("ok")))
    assert run(program, server.url, opening=(gate, 4)) == ["A", "child ok", "child True", "parent ok", "BC"]


IN_A_STEP = """
async def ask(client, text):
    return (await client.chat.completions.create(messages=text)).choices[0].message.content

async def main():
    client = tokstream.AsyncClient(base_url=sys.argv[1])
    print(await ask(client, "x"), flush=True)
    # No loop runs in the child, but on its stack is the step of the task that forked.
    pid = os.fork()
    if pid == 0:
        print("child", asyncio.run(ask(client, "y")), flush=True)
        os._exit(0)
    assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0
    print("parent", await ask(client, "z"), flush=True)

asyncio.run(main())
"""


def test_a_child_of_a_task_runs_a_loop_of_its_own(serve):
    assert run(IN_A_STEP, serve(then=reply(completion("ok"))).url) == ["ok", "child ok", "parent ok"]


OVER_TLS = """
async def main():
    client = tokstream.AsyncClient(base_url=sys.argv[1], verify=sys.argv[2])
    plain = tokstream.Client(base_url=sys.argv[1], verify=sys.argv[2])
    answer = await client.chat.completions.create(messages="x", stream=True)
    other = plain.chat.completions.create(messages="x", stream=True)
    words, others = answer.text_stream, other.text_stream
    print(await words.__anext__(), next(others), flush=True)
    pid = os.fork()
    if pid == 0:
        print("child", plain.chat.completions.create(messages="y").choices[0].message.content, flush=True)
        other.close()
        del words, others, answer, other
        plain.close()
        del client, plain
        gc.collect()
        os._exit(0)
    assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0
    print("parent", flush=True)
    print("".join([word async for word in words]), "".join(others), flush=True)
    await client.close()
    plain.close()

asyncio.run(main())
"""


def test_a_child_says_nothing_on_the_tls_connections_of_its_parent(serve, authority):
    """What it closes or drops would end them: a TLS connection is told of its end."""
    gate = Gate()
    first, rest = said("A", "B", "C").split(b"\n\n", 1)

    def respond(request):
        return stream(first + b"\n\n", gate, rest) if request.json.get("stream") else reply(completion("ok"))

    server = serve(then=respond, tls=authority.server())
    lines = run(OVER_TLS, server.url, str(authority.file), opening=(gate, 3))
    assert lines == ["A A", "child ok", "parent", "BC BC"]


ENDING = """
async def begin():
    global client, words
    client = tokstream.AsyncClient(base_url=sys.argv[1])
    words = (await client.chat.completions.create(messages="x", stream=True)).text_stream
    print(await words.__anext__(), flush=True)

plain = tokstream.Client(base_url=sys.argv[1])
answer = plain.chat.completions.create(messages="x", stream=True)
next(answer)
asyncio.run(begin())
pid = os.fork()
if pid == 0:
    if sys.argv[2] == "used":
        plain.chat.completions.create(messages="y")
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
print("".join(answer.text_stream), flush=True)
"""


@pytest.mark.parametrize("use", ["used", "unused"])
def test_a_child_ends_as_any_program_does(serve, use):
    """With all that it inherited still in its globals, and what it opened itself too."""
    gate = Gate()
    first, rest = said("A", "B", "C").split(b"\n\n", 1)

    def respond(request):
        return stream(first + b"\n\n", gate, rest) if request.json.get("stream") else reply(completion("ok"))

    assert run(ENDING, serve(then=respond).url, use, opening=(gate, 1)) == ["A", "BC"]


AMID = """
def read():
    lines.append("".join(client.chat.completions.create(messages="x", stream=True).text_stream))

lines = []
client = tokstream.Client(base_url=sys.argv[1])
reading = [threading.Thread(target=read) for _ in range(4)]
for thread in reading:
    thread.start()
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        ok = client.chat.completions.create(messages="y").choices[0].message.content == "ok"
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
print("forked", flush=True)
for thread in reading:
    thread.join()
print(*lines, flush=True)
"""


AMID_LOOPS = """
async def read():
    answer = await client.chat.completions.create(messages="x", stream=True)
    return "".join([word async for word in answer.text_stream])

async def ask():
    return (await client.chat.completions.create(messages="y")).choices[0].message.content

lines = []
client = tokstream.AsyncClient(base_url=sys.argv[1])
reading = [threading.Thread(target=lambda: lines.append(asyncio.run(read()))) for _ in range(4)]
for thread in reading:
    thread.start()
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if asyncio.run(ask()) == "ok" else 1)
    assert os.waitpid(pid, 0)[1] == 0
print("forked", flush=True)
for thread in reading:
    thread.join()
print(*lines, flush=True)
"""


@pytest.mark.parametrize("program", [AMID, AMID_LOOPS], ids=["sync", "async"])
def test_forks_while_other_threads_read(serve, program):
    gate = Gate()

    def respond(request):
        if not request.json.get("stream"):
            return reply(completion("ok"))
        return stream(*(step for n in range(200) for step in (said(str(n % 10), done=False), Pause(0.001))), gate, DONE)

    expected = "".join(str(n % 10) for n in range(200))
    assert run(program, serve(then=respond).url, opening=(gate, 1)) == ["forked", " ".join([expected] * 4)]


IMPORTING = """
import importlib.abc, time

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name.startswith("tokstream"):
            importing.set()
            time.sleep(0.5)

importing = threading.Event()
client = tokstream.Client(base_url=sys.argv[1])
sys.meta_path.insert(0, Slow())
threading.Thread(target=lambda: (client.chat, importing.set())).start()
importing.wait()
pid = os.fork()
# One write, so that the lines of the two do not mix.
os.write(1, client.chat.completions.create(messages="x").choices[0].message.content.encode() + b"\\n")
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_fork_while_another_thread_first_asks_for_a_resource(serve):
    """A module that is being imported at the fork would stay locked in the child for ever."""
    server = serve(then=reply(completion("ok")))
    assert run(IMPORTING, server.url) == ["ok", "ok"]

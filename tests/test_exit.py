"""The end of the process, whatever is open, in child processes with a time limit."""

from __future__ import annotations

import os
import time

import pytest

from children import LIMIT, finish
from http2_server import Http2Server
from replies import event, said, text
from server import STALL, reply, stream

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")

ENDINGS = {
    "a stream in a global": """
        client = tokstream.Client(base_url=URL)
        stream = client.chat.completions.create(messages="x", stream=True)
        next(stream)
        say("end")
    """,
    "an async stream in a global": """
        async def main():
            global client, stream
            client = tokstream.AsyncClient(base_url=URL)
            stream = await client.chat.completions.create(messages="x", stream=True)
            await stream.__anext__()
        asyncio.run(main())
        say("end")
    """,
    "a task that waits": """
        async def main():
            global client, task
            client = tokstream.AsyncClient(base_url=URL)
            stream = await client.chat.completions.create(messages="x", stream=True)
            async def read():
                async for _ in stream:
                    pass
            task = asyncio.create_task(read())
            await asyncio.sleep(0.05)
        asyncio.run(main())
        say("end")
    """,
    "a daemon thread that waits": """
        import threading
        client = tokstream.Client(base_url=URL)
        begun = threading.Event()
        def read():
            for _ in client.chat.completions.create(messages="x", stream=True):
                begun.set()
        threading.Thread(target=read, daemon=True).start()
        begun.wait()
        say("end")
    """,
    "a daemon thread whose loop waits": """
        import threading
        begun = threading.Event()
        async def read():
            client = tokstream.AsyncClient(base_url=URL)
            async for _ in await client.chat.completions.create(messages="x", stream=True):
                begun.set()
        threading.Thread(target=lambda: asyncio.run(read()), daemon=True).start()
        begun.wait()
        say("end")
    """,
    "a streaming response half read": """
        client = tokstream.Client(base_url=URL)
        manager = client.chat.completions.with_streaming_response.create(messages="x", stream=True)
        lines = manager.__enter__().iter_lines()
        next(lines)
        say("end")
    """,
    "a client that was used": """
        client = tokstream.Client(base_url=URL)
        client.models.list()
        say("end")
    """,
    "a client that was not": """
        client, other = tokstream.Client(base_url=URL), tokstream.AsyncClient(base_url=URL)
        say("end")
    """,
    "sys.exit amid a stream": """
        client = tokstream.Client(base_url=URL)
        for _ in client.chat.completions.create(messages="x", stream=True):
            say("end")
            sys.exit()
    """,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_whatever_is_open(serve, child, ending):
    def answer(request):
        return reply({"object": "list", "data": []}) if request.method == "GET" else stream(event(text("A")), STALL)

    server = serve(then=answer)
    begun = time.monotonic()
    assert finish(child(ENDINGS[ending], url=server.url)) == ["end"]
    assert time.monotonic() - begun < LIMIT / 2


OVER_HTTP2 = {
    "a stream in a global": """
        client = tokstream.Client(base_url=URL, http2="prior-knowledge")
        stream = client.chat.completions.create(messages="x", stream=True)
        next(stream)
        say("end")
    """,
    "an async stream in a global": """
        async def main():
            global client, stream
            client = tokstream.AsyncClient(base_url=URL, http2="prior-knowledge")
            stream = await client.chat.completions.create(messages="x", stream=True)
            await stream.__anext__()
        asyncio.run(main())
        say("end")
    """,
    "a daemon thread that waits": """
        import threading
        client = tokstream.Client(base_url=URL, http2="prior-knowledge")
        begun = threading.Event()
        def read():
            for _ in client.chat.completions.create(messages="x", stream=True):
                begun.set()
        threading.Thread(target=read, daemon=True).start()
        begun.wait()
        say("end")
    """,
}


@pytest.mark.parametrize("ending", OVER_HTTP2)
def test_the_interpreter_ends_whatever_is_open_over_http2(child, ending):
    def respond(answer):
        answer.head()
        answer.send(event(text("A")))
        answer.was_reset.wait(LIMIT)

    with Http2Server(respond) as server:
        begun = time.monotonic()
        assert finish(child(OVER_HTTP2[ending], url=server.url)) == ["end"]
        assert time.monotonic() - begun < LIMIT / 2


def test_text_reaches_a_pipe_as_it_arrives(serve, child):
    program = """
        client = tokstream.Client(base_url=URL)
        for piece in client.chat.completions.create(messages="x", stream=True).text_stream:
            print(piece, end="", flush=True)
    """
    server = serve(stream(said("one ", "two")))
    assert finish(child(program, url=server.url)) == ["one", "two"]

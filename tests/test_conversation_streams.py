"""Streamed replies of conversations: read to the end, left before it, cut, cancelled."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import subprocess
import sys

import pytest

import tokstream
from cli import PATIENCE, posix
from replies import DONE, USAGE, choice, chunk, completion, error, event, finish, said, sse, text
from server import CLOSE, STALL, reply, stream
from tokstream import ContextLengthExceededError, ConversationError, StreamTruncatedError

SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "One"}
HALF = {"role": "assistant", "content": "Half an"}
HALTED = stream(sse(text("Half"), text(" an"), done=False), STALL)


def asked(surface, api, **options):
    """A conversation and the stream of its first reply."""
    conversation = api.conversation(system="Be brief.", **options)
    return conversation, surface.run(conversation.stream("One"))


def left(keep_partial):
    """The history after half a reply."""
    return [SYSTEM, QUESTION, HALF] if keep_partial else [SYSTEM]


def test_the_text(surface, client):
    api, server = client(stream(said(" ", "Hi", "", " there")))
    conversation, stream_ = asked(surface, api)
    assert conversation.messages == [SYSTEM]
    assert surface.list(stream_.text_stream) == [" ", "Hi", " there"]
    assert conversation.messages == [SYSTEM, QUESTION, {"role": "assistant", "content": " Hi there"}]
    assert server.request.json["messages"] == [SYSTEM, QUESTION]
    assert surface.list(stream_.text_stream) == surface.list(stream_) == []
    assert len(conversation.messages) == 3


def test_the_chunks_and_what_a_stream_has(surface, client):
    answer = sse(text("Hi"), finish(usage=USAGE))
    api, _ = client(stream(answer, headers=[("x-request-id", "req-1")]))
    conversation, stream_ = asked(surface, api)
    assert stream_.current_completion_snapshot is None
    assert stream_.usage is None
    chunks = surface.list(stream_)
    assert [type(item) for item in chunks] == [tokstream.types.chat.ChatCompletionChunk] * 2
    assert stream_.response.request_id == "req-1"
    assert stream_.timings.first_token <= stream_.timings.total
    assert stream_.usage.total_tokens == conversation.usage.total_tokens == 31
    assert stream_.is_closed
    assert surface.run(stream_.get_final_text()) == "Hi"
    final = surface.run(stream_.get_final_completion())
    assert final == stream_.current_completion_snapshot
    assert surface.run(stream_.until_done()) is stream_


@pytest.mark.parametrize("method", ["get_final_completion", "get_final_text", "until_done"])
def test_what_reads_to_the_end_keeps_the_reply(surface, client, method):
    api, _ = client(stream(said("Hi", " there")))
    conversation, stream_ = asked(surface, api)
    surface.next(stream_.text_stream)
    surface.run(getattr(stream_, method)())
    assert conversation.messages[2] == {"role": "assistant", "content": "Hi there"}


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_stream_is_not_copied(surface, client, twin):
    api, _ = client(stream(said("Hi")))
    conversation, stream_ = asked(surface, api)
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        twin(stream_)
    gc.collect()
    surface.run(stream_.until_done())
    assert len(conversation.messages) == 3


def test_the_text_and_the_chunks_share_one_place(surface, client):
    api, _ = client(stream(said("a", "b", "c", "d")))
    conversation, stream_ = asked(surface, api)
    assert surface.next(stream_.text_stream) == "a"
    assert surface.next(stream_).choices[0].delta.content == "b"
    assert surface.list(stream_.text_stream) == ["c", "d"]
    assert conversation.messages[2]["content"] == "abcd"


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("way", ["close", "with", "drop", "drop the text", "error in with", "next message"])
def test_leaving_early(surface, client, keep_partial, way):
    api, server = client(HALTED, reply(completion("Second")))
    conversation, stream_ = asked(surface, api, keep_partial=keep_partial)
    texts = stream_.text_stream
    assert surface.take(texts, 2) == ["Half", " an"]
    assert conversation.messages == [SYSTEM]
    if way == "close":
        surface.run(stream_.close())
        surface.run(stream_.close())
    elif way == "with":
        with surface.using(stream_):
            pass
    elif way == "error in with":
        with pytest.raises(ZeroDivisionError), surface.using(stream_):
            raise ZeroDivisionError
    elif way == "drop":
        del texts, stream_
        gc.collect()
    elif way == "drop the text":
        del stream_
        gc.collect()
        assert conversation.messages == [SYSTEM]
        del texts
        gc.collect()
    if way != "next message":
        assert conversation.messages == left(keep_partial)
        assert conversation.usage.requests == 1
    surface.run(conversation.send("Two"))
    assert server.requests[1].json["messages"] == [*left(keep_partial), {"role": "user", "content": "Two"}]
    assert server.connections[0].ended.wait(PATIENCE)
    assert conversation.messages[-1] == {"role": "assistant", "content": "Second"}
    if way == "next message":
        with pytest.raises(ConversationError, match="went on without"):
            surface.next(stream_)
        with pytest.raises(ConversationError, match="went on without"):
            surface.run(stream_.get_final_text())
        surface.run(stream_.close())
        assert len(conversation.messages) == len(left(keep_partial)) + 2


@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_loop_that_is_left_by_break(surface, client, keep_partial):
    api, _ = client(stream(sse(text("Half an"), done=False), STALL))
    conversation = api.conversation(system="Be brief.", keep_partial=keep_partial)
    assert surface.first(surface.run(conversation.stream("One")).text_stream) == "Half an"
    gc.collect()
    assert conversation.messages == left(keep_partial)


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (CLOSE, StreamTruncatedError),
        (event(error("It broke")), tokstream.APIError),
        (b"data: {]\n\n", tokstream.APIResponseValidationError),
    ],
)
def test_a_reply_that_fails(surface, client, keep_partial, end, kind):
    half = sse(chunk(choice(role="assistant", content="Half an", reasoning_content="hm")), done=False)
    api, server = client(stream(half, end), reply(completion("Second")))
    conversation, stream_ = asked(surface, api, keep_partial=keep_partial)
    with pytest.raises(kind):
        surface.list(stream_)
    kept = [SYSTEM, QUESTION, {**HALF, "reasoning_content": "hm"}] if keep_partial else [SYSTEM]
    assert conversation.messages == kept
    surface.run(stream_.close())
    del stream_
    surface.run(conversation.send("Two"))
    assert server.requests[1].json["messages"] == [*kept, {"role": "user", "content": "Two"}]


def test_a_call_that_is_not_whole_is_not_kept(surface, client):
    call = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    for given, kept in (("Half an", [SYSTEM, QUESTION, HALF]), (None, [SYSTEM])):
        half = sse(chunk(choice(role="assistant", content=given, tool_calls=[call])), done=False)
        api, _ = client(stream(half, CLOSE))
        conversation, stream_ = asked(surface, api, keep_partial=True)
        with pytest.raises(StreamTruncatedError):
            surface.list(stream_)
        assert conversation.messages == kept


@pytest.mark.parametrize("pieces", [[DONE], [b": ping\n\n", CLOSE]])
def test_a_reply_without_a_chunk_leaves_the_history_as_it_was(surface, client, pieces):
    api, _ = client(stream(*pieces), max_retries=0)
    conversation, stream_ = asked(surface, api, keep_partial=True)
    with pytest.raises(tokstream.APIError):
        surface.run(stream_.get_final_completion())
    assert conversation.messages == [SYSTEM]


def test_a_reply_that_has_ended_is_kept_whole(surface, client):
    # Left between the finish reason and [DONE].
    api, _ = client(stream(sse(text("All"), finish(), done=False), STALL))
    conversation, stream_ = asked(surface, api)
    for item in (surface.next(stream_) for _ in range(2)):
        assert item.choices
    surface.run(stream_.close())
    assert conversation.messages[2] == {"role": "assistant", "content": "All"}


def test_the_usage_of_a_reply_that_was_left(surface, client):
    first = {**text("Half an"), "usage": {**USAGE, "completion_tokens": 2}}
    api, _ = client(stream(sse(first, done=False), STALL))
    conversation, stream_ = asked(surface, api)
    surface.next(stream_)
    surface.run(stream_.close())
    assert conversation.usage.completion_tokens == 2
    assert conversation.cost == USAGE["estimated_cost"]


def test_too_long_says_the_stream(surface, client):
    says = error("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens")
    api, _ = client(stream(event(says)))
    conversation, stream_ = asked(surface, api)
    with pytest.raises(ContextLengthExceededError) as caught:
        surface.list(stream_)
    assert (caught.value.tokens, caught.value.limit) == (9000, 8192)
    assert conversation.messages == [SYSTEM]


def test_too_long_says_the_stream_where_nothing_was_shortened(surface, client):
    says = error("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens")
    api, _ = client(stream(event(says)))
    _, stream_ = asked(surface, api, on_overflow="drop_oldest")
    with pytest.raises(ContextLengthExceededError, match="context_length=") as caught:
        surface.list(stream_)
    assert "shortened" not in str(caught.value)


# ── of the async client alone ─────────────────────────────────────────────────────────────────


async def with_client(serve, script, work, **options):
    server = serve(*script)
    async with tokstream.AsyncClient(base_url=server.url, api_key="key") as client:
        conversation = client.conversation(system="Be brief.", **options)
        await work(conversation)
        return conversation


def test_async_with_opens_the_stream(serve):
    async def work(conversation):
        async with conversation.stream("One") as stream_:
            assert [piece async for piece in stream_.text_stream] == ["Hi"]

    conversation = asyncio.run(with_client(serve, [stream(said("Hi"))], work))
    assert conversation.messages[2]["content"] == "Hi"


def test_a_task_can_be_made_of_it(serve):
    async def work(conversation):
        stream_ = await asyncio.create_task(conversation.stream("One"))
        assert await stream_.get_final_text() == "Hi"
        stream_ = await asyncio.wait_for(conversation.stream("Two"), PATIENCE)
        assert await stream_.get_final_text() == "Ho"

    asyncio.run(with_client(serve, [stream(said("Hi")), stream(said("Ho"))], work))


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_a_task_that_is_cancelled(serve, keep_partial, held):
    streams = []

    async def work(conversation):
        async def read():
            stream_ = await conversation.stream("One")
            if held:
                streams.append(stream_)
            async for _ in stream_.text_stream:
                await reading.put(None)

        reading = asyncio.Queue()
        task = asyncio.create_task(read())
        await reading.get()
        await reading.get()
        assert conversation._turn.busy
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert conversation.messages == left(keep_partial)
        await conversation.send("Two")
        assert len(conversation.messages) == len(left(keep_partial)) + 2

    asyncio.run(with_client(serve, [HALTED, reply(completion())], work, keep_partial=keep_partial))


@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_send_that_is_cancelled(serve, keep_partial):
    async def work(conversation):
        server = servers[0]
        task = asyncio.create_task(conversation.send("One"))
        await asyncio.to_thread(server.wait_requests, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert conversation.messages == [SYSTEM]
        await conversation.send("Two")
        assert server.requests[1].json["messages"] == [SYSTEM, {"role": "user", "content": "Two"}]

    servers = []

    def serving(*script):
        servers.append(serve(*script))
        return servers[0]

    asyncio.run(with_client(serving, [[STALL], reply(completion())], work, keep_partial=keep_partial))


def test_a_wait_that_is_cancelled_ends_the_stream(serve):
    async def work(conversation):
        stream_ = await conversation.stream("One")
        await anext(stream_)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream_.until_done(), 0.1)
        assert conversation.messages == left(keep_partial=True)
        with pytest.raises(StreamTruncatedError):
            await stream_.until_done()
        assert conversation.messages == left(keep_partial=True)
        assert conversation.usage.requests == 1

    asyncio.run(with_client(serve, [HALTED], work, keep_partial=True))


# ── of the blocking client alone ──────────────────────────────────────────────────────────────

INTERRUPTED = """
import signal, sys, threading
import tokstream
client = tokstream.Client(base_url=sys.argv[1], api_key="key")
conversation = client.conversation(keep_partial=sys.argv[2] == "True")
stream = conversation.stream("One")
try:
    for number, piece in enumerate(stream.text_stream):
        if number == 1:
            threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
except KeyboardInterrupt:
    print([message["content"] for message in conversation.messages])
    print(conversation.send("Two").choices[0].message.content)
"""


@posix
@pytest.mark.parametrize("keep_partial", [False, True])
def test_ctrl_c(serve, keep_partial):
    server = serve(HALTED, reply(completion("Second")))
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, server.url, str(keep_partial)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{['One', 'Half an'] if keep_partial else []}\nSecond\n"

"""Conversations whose model calls tools: all messages of a run are in the history."""

from __future__ import annotations

import asyncio
import gc

import pytest

import tokstream
from replies import DONE, USAGE, choice, chunk, completion, error, finish, said, sse, text
from server import CLOSE, PATIENCE, STALL, Reached, reply, stream
from tokstream import BudgetExceededError, ContextLengthExceededError, StreamTruncatedError

SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "Weather?"}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
    "extra_content": {"google": {"thought_signature": "abc"}},
}
ASKS = {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "sunny in Rome"}
ANSWER = {"role": "assistant", "content": "Sunny."}
TOO_LONG = error("maximum context length is 8192 tokens, but 9000 were given")


def weather(city: str) -> str:
    """How the weather is.

    Args:
        city: where.
    """
    asked.append(city)
    return f"sunny in {city}"


asked: list[str] = []


@pytest.fixture(autouse=True)
def _clear():
    asked.clear()


def called(streamed, **fields):
    """The reply that asks for a call."""
    if not streamed:
        message = {"reasoning_content": "hm", "tool_calls": [{**CALL, "index": 0}], "annotations": []}
        return reply(completion(None, message=message, **fields))
    delta = choice(role="assistant", content=None, reasoning_content="hm", tool_calls=[{**CALL, "index": 0}])
    return stream(sse(chunk(delta), finish("tool_calls", usage=USAGE | fields.get("usage", {}))))


def answered(streamed):
    return stream(sse(text("Sun"), text("ny."), finish(usage=USAGE))) if streamed else reply(completion("Sunny."))


def ask(surface, conversation, streamed, message="Weather?", **params):
    if streamed:
        return surface.run(surface.run(conversation.stream(message, **params)).get_final_completion())
    return surface.run(conversation.send(message, **params))


def messages_of(request):
    return request.json["messages"]


@pytest.mark.parametrize("streamed", [False, True])
def test_all_messages_of_a_run_are_kept(surface, client, streamed):
    api, server = client(called(streamed), answered(streamed), answered(streamed))
    conversation = api.conversation(system="Be brief.", tools=[weather], temperature=0)
    reply_ = ask(surface, conversation, streamed)
    assert reply_.choices[0].message.content == "Sunny."
    kept = [SYSTEM, QUESTION, ASKS, RESULT, ANSWER]
    assert conversation.messages == kept
    assert asked == ["Rome"]
    assert conversation.usage.requests == 2
    assert conversation.usage.total_tokens == 62
    ask(surface, conversation, streamed, "And?")
    assert messages_of(server.requests[2]) == [*kept, {"role": "user", "content": "And?"}]
    for request in server.requests:
        assert request.json["temperature"] == 0
        assert [tool["function"]["name"] for tool in request.json["tools"]] == ["weather"]
    assert conversation.undo()[0]["content"] == "And?"
    assert conversation.undo() == kept[1:]


def test_a_stream_gives_the_pieces_of_all_replies(surface, client):
    first = stream(sse(text("Let me see. "), chunk(choice(tool_calls=[{**CALL, "index": 0}])), finish("tool_calls")))
    api, _ = client(first, answered(streamed=True))
    conversation = api.conversation(tools=[weather])
    stream_ = surface.run(conversation.stream("Weather?"))
    assert surface.list(stream_.text_stream) == ["Let me see. ", "Sun", "ny."]
    assert [message["content"] for message in conversation.messages] == [
        "Weather?",
        "Let me see. ",
        "sunny in Rome",
        "Sunny.",
    ]
    assert stream_.is_closed
    assert surface.run(stream_.get_final_text()) == "Sunny."
    assert stream_.current_completion_snapshot.choices[0].message.content == "Sunny."
    assert stream_.usage.total_tokens == 31
    with pytest.raises(AttributeError, match="several requests"):
        _ = stream_.timings


def test_a_stream_gives_chunks(surface, client):
    api, _ = client(called(streamed=True), answered(streamed=True))
    stream_ = surface.run(api.conversation(tools=[weather]).stream("Weather?"))
    assert asked == []
    chunks = surface.list(stream_)
    assert len(chunks) == 5
    assert all(isinstance(item, tokstream.types.chat.ChatCompletionChunk) for item in chunks)
    assert asked == ["Rome"]


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_without_a_function_are_answered_by_the_user(surface, client, streamed):
    api, server = client(called(streamed), answered(streamed))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    conversation = api.conversation(tools=[tool])
    assert ask(surface, conversation, streamed).choices[0].message.tool_calls[0].function.name == "weather"
    assert conversation.messages == [QUESTION, ASKS]
    ask(surface, conversation, streamed, RESULT)
    assert messages_of(server.requests[1]) == [QUESTION, ASKS, RESULT]
    assert conversation.messages[-1] == ANSWER


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_max_cost_holds_within_a_run(surface, client, streamed, keep_partial):
    api, server = client(called(streamed, usage={**USAGE, "estimated_cost": 0.5}))
    conversation = api.conversation(tools=[weather], max_cost=0.5, keep_partial=keep_partial)
    with pytest.raises(BudgetExceededError):
        ask(surface, conversation, streamed)
    assert conversation.messages == ([QUESTION, ASKS, RESULT] if keep_partial else [])
    assert conversation.cost == 0.5
    with pytest.raises(BudgetExceededError, match="conversation"):
        ask(surface, conversation, streamed)
    assert len(server.requests) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_a_run_may_cost_what_is_left(surface, client, streamed):
    usage = {**USAGE, "estimated_cost": 0.3}
    first = stream(sse(text("Hi"), finish(usage=usage))) if streamed else reply(completion("Hi", usage=usage))
    api, server = client(first, called(streamed, usage=usage))
    conversation = api.conversation(tools=[weather], max_cost=0.5)
    ask(surface, conversation, streamed, "Hello!")
    with pytest.raises(BudgetExceededError):
        ask(surface, conversation, streamed)
    assert len(server.requests) == 2
    assert conversation.cost == 0.6


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_run_that_fails(surface, client, streamed, keep_partial):
    failed = stream(sse(text("Sun"), done=False), CLOSE) if streamed else reply(error("No"), status=400)
    api, _ = client(called(streamed), failed, answered(streamed))
    conversation = api.conversation(system="Be brief.", tools=[weather], keep_partial=keep_partial)
    with pytest.raises(StreamTruncatedError if streamed else tokstream.BadRequestError):
        ask(surface, conversation, streamed)
    partial = [{"role": "assistant", "content": "Sun"}] if streamed else []
    assert conversation.messages == [SYSTEM, *([QUESTION, ASKS, RESULT, *partial] if keep_partial else [])]
    assert conversation.usage.total_tokens == 31
    ask(surface, conversation, streamed)
    assert conversation.messages[-1] == ANSWER


@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_without_a_result_is_not_kept(surface, client, streamed):
    def broken(city: str) -> str:
        raise ZeroDivisionError(city)

    broken.__name__ = "weather"
    api, _ = client(called(streamed))
    conversation = api.conversation(tools=[broken], on_tool_error="raise", keep_partial=True)
    with pytest.raises(tokstream.TokstreamError, match="weather"):
        ask(surface, conversation, streamed)
    assert all(message.get("content") for message in conversation.messages[2:])
    calls = [call["id"] for message in conversation.messages for call in message.get("tool_calls", ())]
    assert calls == [message["tool_call_id"] for message in conversation.messages if message["role"] == "tool"]


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("way", ["close", "with", "drop", "next message"])
def test_a_run_that_is_left(surface, client, keep_partial, way):
    half = stream(sse(text("Sun"), done=False), STALL)
    api, server = client(called(streamed=True), half, answered(streamed=False))
    conversation = api.conversation(tools=[weather], keep_partial=keep_partial)
    stream_ = surface.run(conversation.stream("Weather?"))
    assert surface.next(stream_.text_stream) == "Sun"
    assert conversation.messages == []
    if way == "close":
        surface.run(stream_.close())
    elif way == "with":
        with surface.using(stream_):
            pass
    elif way == "drop":
        gc.disable()  # no cycle may be what keeps the connection
        try:
            del stream_
            assert server.connections[-1].ended.wait(PATIENCE)
        finally:
            gc.enable()
    left = [QUESTION, ASKS, RESULT, {"role": "assistant", "content": "Sun"}] if keep_partial else []
    if way != "next message":
        assert conversation.messages == left
        assert server.connections[-1].ended.wait(PATIENCE)
    surface.run(conversation.send("And?"))
    assert messages_of(server.requests[2]) == [*left, {"role": "user", "content": "And?"}]
    assert conversation.usage.requests == 3


@pytest.mark.parametrize("streamed", [False, True])
def test_a_run_that_becomes_too_long_goes_on_and_calls_nothing_twice(surface, client, streamed):
    old = [{"role": "user", "content": "Old"}, {"role": "assistant", "content": "Older"}]
    api, server = client(called(streamed), reply(TOO_LONG, status=400), answered(streamed))
    conversation = api.conversation(messages=[SYSTEM, *old], tools=[weather], on_overflow="drop_oldest")
    assert ask(surface, conversation, streamed).choices[0].message.content == "Sunny."
    assert messages_of(server.requests[2]) == [SYSTEM, QUESTION, ASKS, RESULT]
    assert conversation.messages == [SYSTEM, QUESTION, ASKS, RESULT, ANSWER]
    assert asked == ["Rome"]
    assert conversation.usage.requests == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_history_that_is_too_long_for_a_run(surface, client, streamed):
    old = [{"role": "user", "content": "Old"}, {"role": "assistant", "content": "Older"}]
    api, server = client(reply(TOO_LONG, status=400), answered(streamed), reply(TOO_LONG, status=400))
    conversation = api.conversation(messages=old, tools=[weather], on_overflow="drop_oldest")
    ask(surface, conversation, streamed)
    assert messages_of(server.requests[1]) == [QUESTION]
    conversation.on_overflow = None
    with pytest.raises(ContextLengthExceededError):
        ask(surface, conversation, streamed)
    assert conversation.messages == [QUESTION, ANSWER]


@pytest.mark.parametrize("streamed", [False, True])
def test_options_of_runs(surface, client, streamed):
    api, server = client(*[called(streamed)] * 2)
    conversation = api.conversation(tools=[weather], max_turns=2)
    with pytest.raises(tokstream.TokstreamError, match="max_turns"):
        ask(surface, conversation, streamed)
    assert conversation.messages == []
    assert len(server.requests) == 2
    server.script.append(answered(streamed))
    ask(surface, conversation, streamed, tools=[])
    assert not server.requests[2].json.keys() & {"tools", "max_turns"}


def test_a_run_that_brings_nothing(surface, client):
    api, _ = client(stream(DONE), max_retries=0)
    conversation = api.conversation(tools=[weather], keep_partial=True)
    with pytest.raises(tokstream.APIError):
        ask(surface, conversation, streamed=True)
    assert conversation.messages == []


def test_a_fork_has_the_same_tools(surface, client):
    api, _ = client(called(streamed=False), answered(streamed=False), answered(streamed=False))
    conversation = api.conversation(tools=[weather])
    fork = conversation.fork()
    surface.run(fork.send("Weather?"))
    assert asked == ["Rome"]
    assert conversation.messages == []
    fork.tools.clear()
    assert conversation.tools == [weather]
    surface.run(fork.send("And?"))


def test_an_async_tool(serve):
    async def later(city: str) -> str:
        await asyncio.sleep(0)
        return f"sunny in {city}"

    later.__name__ = "weather"
    server = serve(called(streamed=True), answered(streamed=True))

    async def main():
        async with tokstream.AsyncClient(base_url=server.url, api_key="key") as api:
            conversation = api.conversation(tools=[later])
            async with conversation.stream("Weather?") as stream_:
                assert "".join([piece async for piece in stream_.text_stream]) == "Sunny."
            return conversation

    assert asyncio.run(main()).messages == [QUESTION, ASKS, RESULT, ANSWER]


@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_whole_run_that_is_cancelled(serve, keep_partial):
    reached = Reached()
    server = serve(called(False), [reached, STALL], answered(False))

    async def main() -> None:
        async with tokstream.AsyncClient(api_key="key", base_url=server.url) as api:
            conversation = api.conversation(tools=[weather], keep_partial=keep_partial)
            asking = asyncio.create_task(conversation.send("Weather?"))
            await asyncio.to_thread(reached.wait)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert conversation.messages == ([QUESTION, ASKS, RESULT] if keep_partial else [])
            assert conversation.usage.total_tokens == USAGE["total_tokens"]
            await conversation.send("Weather?")
            assert conversation.messages[-1] == ANSWER

    asyncio.run(main())


def test_a_run_read_through_to_its_end_is_closed_in_peace(surface, client):
    api, _ = client(stream(said("Sunny.")))
    conversation = api.conversation(tools=[weather])
    with surface.using(surface.run(conversation.stream("Weather?"))) as stream_:
        surface.run(stream_.until_done())
    assert conversation.messages == [QUESTION, ANSWER]

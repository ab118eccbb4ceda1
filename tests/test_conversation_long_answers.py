"""Conversations whose replies take several requests: past the cap, after a cut, by a stream under them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import tokstream
from replies import USAGE, completion, error, finish, sse, text
from server import RESET, Gate, Reached, reply, stream
from tokstream import BudgetExceededError, ContextLengthExceededError

POLICY = tokstream.RetryPolicy(max_retries=0, initial_delay=0.001)
QUESTION = {"role": "user", "content": "One"}


def usage(prompt: int, said: int, cost: float = 0.01) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "estimated_cost": cost,
    }


def capped(content: str, **fields: Any) -> list[Any]:
    """A whole reply that ended at the cap."""
    ended = completion(content, **fields)
    ended["choices"][0]["finish_reason"] = "length"
    return reply(ended)


def cut(*contents: str) -> list[Any]:
    return stream(sse(*map(text, contents), done=False), RESET)


def kept(content: str) -> list[Any]:
    return [QUESTION, {"role": "assistant", "content": content}]


def ask(surface: Any, conversation: Any, streamed: bool, **params: Any) -> Any:
    """The whole reply, asked for in one piece or as a stream."""
    if streamed:
        return surface.run(surface.run(conversation.stream("One", **params)).get_final_completion())
    return surface.run(conversation.send("One", **params))


def test_a_stream_tells_how_often_it_went_on(surface, hasty):
    api, _ = hasty(
        cut("A"),
        stream(sse(text("B"), finish("length", usage=USAGE))),
        stream(sse(text("C"), finish())),
        stream(sse(text("D"), finish())),
    )
    conversation = api.conversation(resume=True, auto_continue=True)
    answer = surface.run(conversation.stream("One"))
    assert surface.run(answer.get_final_text()) == "ABC"
    assert (answer.resumed, answer.continued) == (1, 1)
    assert conversation.messages == kept("ABC")
    plain = surface.run(conversation.stream("Two", resume=False, auto_continue=False))
    surface.run(plain.until_done())
    assert (plain.resumed, plain.continued) == (0, 0)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("whose", ["conversation", "client"])
def test_a_budget_holds_between_the_requests_of_a_reply(surface, hasty, whose, keep_partial, streamed):
    ending = sse(text("A"), finish("length", usage=usage(5, 1)))
    script = [stream(ending), stream(ending)] if streamed else [capped("A", usage=usage(5, 1))] * 2
    limit = {"max_cost": 0.015}
    api, server = hasty(*script, **(limit if whose == "client" else {}))
    options = limit if whose == "conversation" else {}
    conversation = api.conversation(auto_continue=True, keep_partial=keep_partial, **options)
    with pytest.raises(BudgetExceededError) as caught:
        ask(surface, conversation, streamed)
    assert len(server.requests) == 2
    assert (caught.value.limit, caught.value.spent) == (0.015, 0.02)
    assert caught.value.partial.choices[0].message.content == "AA"
    assert conversation.cost == 0.02
    assert conversation.messages == (kept("AA") if keep_partial else [])


def test_the_length_of_a_history_is_what_the_last_request_says(surface, hasty):
    script = [capped("A", usage=usage(3000, 500)), capped("B", usage=usage(3500, 500))]
    api, server = hasty(*script, reply(completion("C", usage=usage(4000, 500))), reply(completion()))
    conversation = api.conversation(auto_continue=True, on_overflow="raise", context_length=8000)
    assert surface.run(conversation.send("One")).usage.total_tokens == 12000
    surface.run(conversation.send("Two"))
    assert len(server.requests) == 4


TOO_LONG = reply(error("This model's maximum context length is 8192 tokens, you requested 9000 tokens"), status=400)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_context_that_is_full_between_two_requests(surface, hasty, keep_partial, streamed):
    first = stream(sse(text("A"), finish("length", usage=USAGE))) if streamed else capped("A")
    api, _ = hasty(first, TOO_LONG)
    conversation = api.conversation(auto_continue=True, keep_partial=keep_partial)
    with pytest.raises(ContextLengthExceededError) as caught:
        ask(surface, conversation, streamed)
    assert caught.value.partial.choices[0].message.content == "A"
    assert conversation.messages == (kept("A") if keep_partial else [])
    assert conversation.usage.total_tokens == USAGE["total_tokens"]


def test_an_answer_that_begins_anew_with_a_shorter_history(surface, hasty):
    used = usage(100, 10)
    api, server = hasty(capped("A", usage=used), TOO_LONG, capped("B", usage=used), reply(completion("C", usage=used)))
    before = [{"role": "user", "content": "Zero"}, {"role": "assistant", "content": "Nought"}]
    conversation = api.conversation(messages=before, auto_continue=True, on_overflow="drop_oldest")
    surface.run(conversation.send("One"))
    assert conversation.messages == kept("BC")
    assert server.requests[2].json["messages"] == [QUESTION]
    assert conversation.cost == pytest.approx(0.03)


@pytest.mark.parametrize("keep_partial", [False, True])
@pytest.mark.parametrize("options", [{"auto_continue": True}, {"resume": True}, {"stream_under": True}])
def test_a_whole_reply_that_is_cancelled(serve, keep_partial, options):
    reached = Reached()
    hang = [reached, Gate()]
    script = {
        "auto_continue": [capped("Half"), hang],
        "resume": [cut("Half"), hang],
        "stream_under": [stream(sse(text("Half"), done=False), *hang)],
    }[next(iter(options))]
    server = serve(*script)

    async def main() -> None:
        async with tokstream.AsyncClient(api_key="key", base_url=server.url, retry=POLICY) as api:
            conversation = api.conversation(keep_partial=keep_partial, **options)
            asking = asyncio.create_task(conversation.send("One"))
            await asyncio.to_thread(reached.wait)
            while conversation._turn.so_far() is None:  # noqa: ASYNC110 - no event tells that it was read
                await asyncio.sleep(0.002)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert conversation.messages == (kept("Half") if keep_partial else [])
            server.script.append(reply(completion("Whole")))
            await conversation.send("Two", auto_continue=False, resume=False, stream_under=False)
            assert conversation.messages[-1]["content"] == "Whole"

    asyncio.run(main())


@pytest.mark.parametrize("params", [{"n": 2}, {"logprobs": True}, {"tools": [{"type": "function", "function": {}}]}])
@pytest.mark.parametrize("option", ["resume", "auto_continue"])
def test_what_is_refused_leaves_the_history_as_it_was(surface, client, params, option):
    api, server = client(reply(completion("ok")))
    conversation = api.conversation(system="Be brief.", keep_partial=True)
    before = list(conversation.messages)
    for ask in conversation.send, conversation.stream:
        with pytest.raises(tokstream.ConfigurationError, match="cannot be used with"):
            surface.run(ask("One", **params, **{option: True}))
        assert conversation.messages == before
    assert server.requests == []
    surface.run(conversation.send("Two"))
    assert len(conversation.messages) == 3

"""Conversations whose replies take several requests: continued at the cap, resumed after a cut, by a stream under them."""

from __future__ import annotations

from typing import Any

import pytest

import tokstream
from replies import USAGE, completion, finish, sse, text
from server import RESET, Gate, Reached, reply, stream
from tokstream import BudgetExceededError

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


@pytest.fixture
def hasty(client: Any) -> Any:
    def hasty(*script: Any, **options: Any) -> Any:
        return client(*script, retry=POLICY, **options)

    return hasty


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

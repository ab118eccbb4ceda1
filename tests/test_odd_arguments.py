"""What the caller gives to methods of several requests, and to conversations, gives ordinary errors at the worst."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import Any

import pytest

import tokstream
from replies import completion, said
from server import reply, stream


class Failing:
    """An object whose every method raises."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)

    __repr__ = __iter__ = __len__ = __bool__ = lambda self: self.nothing
    __hash__ = None

    def __eq__(self, other: object) -> Any:
        raise LookupError


def deep() -> Any:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def cyclic() -> Any:
    loop: dict[str, Any] = {}
    loop["loop"] = [loop]
    return loop


BAD = {
    "deep": deep,
    "cyclic": cyclic,
    "failing": Failing,
    "surrogate": lambda: "a\ud800",
    "nan": lambda: math.nan,
    "object": object,
    "bytes": lambda: b"x",
}
MESSAGES = {
    "messages": lambda bad: bad,
    "message": lambda bad: [bad],
    "content": lambda bad: [{"role": "user", "content": bad}],
}
SENDERS = {
    "parse": lambda api, m: api.chat.completions.parse(messages=m, response_format=str),
    "run_tools": lambda api, m: api.chat.completions.run_tools(m, tools=[weather]),
    "auto_continue": lambda api, m: api.chat.completions.create(messages=m, auto_continue=True),
    "resume": lambda api, m: api.chat.completions.create(messages=m, resume=True),
    "stream_under": lambda api, m: api.chat.completions.create(messages=m, stream_under=True),
    "conversation": lambda api, m: api.conversation(messages=m).send("x"),
}
ARGUMENTS = {
    "tools": lambda api, bad: api.chat.completions.create(messages="x", tools=bad),
    "a tool": lambda api, bad: api.chat.completions.run_tools("x", tools=[bad]),
    "tool_choice": lambda api, bad: api.chat.completions.run_tools("x", tools=[weather], tool_choice=bad),
    "max_turns": lambda api, bad: api.chat.completions.run_tools("x", tools=[weather], max_turns=bad),
    "max_cost": lambda api, bad: api.chat.completions.run_tools("x", tools=[weather], max_cost=bad),
    "on_tool_error": lambda api, bad: api.chat.completions.run_tools("x", tools=[weather], on_tool_error=bad),
    "response_format": lambda api, bad: api.chat.completions.parse(messages="x", response_format=bad),
    "a schema": lambda api, bad: api.chat.completions.parse(messages="x", response_format={"properties": {"a": bad}}),
    "max_reasks": lambda api, bad: api.chat.completions.parse(messages="x", response_format=str, max_reasks=bad),
    "auto_continue": lambda api, bad: api.chat.completions.create(messages="x", auto_continue=bad),
    "resume": lambda api, bad: api.chat.completions.create(messages="x", resume=bad),
    "on_overflow": lambda api, bad: api.conversation(on_overflow=bad).send("x"),
    "a conversation's max_cost": lambda api, bad: api.conversation(max_cost=bad).send("x"),
    "a conversation's tools": lambda api, bad: api.conversation(tools=bad).send("x"),
}
# As `create` has it: half of a surrogate pair is refused where it is sent, and it is a name like any other.
ERRORS = (TypeError, ValueError, RecursionError, LookupError)


def weather(city: str) -> str:
    return city


def respond(request: Any) -> Any:
    return stream(said('"A"')) if request.json.get("stream") else reply(completion('"A"'))


def ordinary(surface: Any, serve: Any, call: Any, bad: Any) -> None:
    server = serve(then=respond)
    api = surface.client(server, max_retries=0)
    with pytest.raises(ERRORS):
        surface.run(call(api, bad))
    assert server.requests == []
    assert surface.create(api).choices[0].message.content == '"A"'


# A history keeps a replacement for half a surrogate pair, whoever said it.
REFUSED = [
    (method, name)
    for method, name in itertools.product(SENDERS, BAD)
    if name != "surrogate" or method not in ("run_tools", "conversation")
]


@pytest.mark.parametrize("where", MESSAGES)
@pytest.mark.parametrize(("method", "name"), REFUSED)
def test_messages(surface, serve, method, name, where):
    ordinary(surface, serve, SENDERS[method], MESSAGES[where](BAD[name]()))


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_other_arguments(surface, serve, argument, name):
    ordinary(surface, serve, ARGUMENTS[argument], BAD[name]())


@pytest.mark.parametrize("name", BAD)
def test_what_is_shown_of_a_history(surface, serve, name, tmp_path):
    """Or the error is an ordinary one: a panic or an end of the stack would come through."""
    api = surface.client(serve(then=respond))
    shows = (
        str,
        repr,
        lambda c: c._repr_html_(),
        lambda c: c._repr_markdown_(),
        lambda c: c.fork(),
        lambda c: c.undo(),
    )
    for message in (BAD[name](), {"role": "user", "content": BAD[name]()}):
        conversation = api.conversation()
        conversation.messages.append(message)
        for show in (*shows, lambda c: c.save(tmp_path / "saved.jsonl")):
            with contextlib.suppress(tokstream.ConversationError, *ERRORS):
                show(conversation)
    conversation.messages.clear()
    surface.run(conversation.send("x"))

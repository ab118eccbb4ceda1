"""The model page: its three requests as it writes them, and its answers byte for byte."""

from __future__ import annotations

import json

import pytest

from replies import HELLO, MODEL, page
from server import reply, stream

HELLO_REPLY, CHEF_REPLY = page("hello-reply.json"), page("chef-reply.json")
STREAM = page("stream.sse")


def test_hello(surface, client):
    api, server = client(reply(HELLO_REPLY))
    answer = surface.create(api, model=MODEL, messages=[{"role": "user", "content": "Hello!"}])
    assert server.request.json == json.loads(page("hello-request.json"))
    assert answer.id == "chatcmpl-guMTxWgpFf"
    assert answer.object == "chat.completion"
    assert answer.created == 1694623155
    assert answer.model == MODEL
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert choice.message.content == (
        " Hello! It's nice to meet you. Is there something I can help you with or would you like to chat for a bit?"
    )
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (15, 16, 31)
    assert usage.estimated_cost == 0.0000268
    assert answer.to_dict() == json.loads(HELLO_REPLY)


def test_hello_in_one_word(surface, client):
    api, server = client(reply(HELLO_REPLY))
    surface.create(api, messages="Hello!")
    assert server.request.json == json.loads(page("hello-request.json"))


def test_the_chef(surface, client):
    request = json.loads(page("chef-request.json"))
    api, server = client(reply(CHEF_REPLY))
    answer = surface.create(api, messages=request["messages"], model=request["model"])
    assert server.request.json == request
    assert answer.choices[0].message.content.startswith("Sous le Sable, my friend!")
    assert answer.choices[0].message.content.endswith("itself...")
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens, answer.usage.completion_tokens) == (149, 487, 338)
    assert answer.usage.estimated_cost == 0.00035493
    assert answer.to_dict() == json.loads(CHEF_REPLY)


def test_a_longer_conversation(surface, client):
    """One adds each response message and each of the user messages to every request."""
    api, server = client(reply(CHEF_REPLY), reply(HELLO_REPLY))
    messages = json.loads(page("chef-request.json"))["messages"]
    messages.append(surface.create(api, messages=messages).choices[0].message)
    messages.append({"role": "user", "content": "Merci!"})
    surface.create(api, messages=messages)
    first, second = server.requests
    sent = json.loads(CHEF_REPLY)["choices"][0]["message"]
    assert second.json["messages"] == [*first.json["messages"], sent, {"role": "user", "content": "Merci!"}]


def test_the_stream(surface, client):
    api, server = client(stream(STREAM))
    chunks = surface.list(surface.stream(api, model=MODEL, messages=HELLO))
    assert server.request.json == json.loads(page("stream-request.json"))
    assert len(chunks) == 6
    sent = [json.loads(line[6:]) for line in STREAM.decode().split("\n\n")[:6]]
    assert [chunk.to_dict() for chunk in chunks] == sent
    assert {chunk.id for chunk in chunks} == {"Rc5hsIPHOSfMP3rNSFUw9tfR"}
    assert [chunk.choices[0].delta.content for chunk in chunks] == [" ", " Hi", "!", "", "</s>", None]
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant"] * 5 + [None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 5 + ["stop"]


def test_the_text_of_the_stream(surface, client):
    api, _ = client(then=stream(STREAM))
    assert surface.list(surface.stream(api).text_stream) == [" ", " Hi", "!", "</s>"]
    assert surface.run(surface.stream(api).get_final_text()) == "  Hi!</s>"


def test_what_the_stream_adds_up_to(surface, client):
    api, _ = client(stream(STREAM))
    final = surface.run(surface.stream(api).get_final_completion())
    assert final.to_dict() == {
        "id": "Rc5hsIPHOSfMP3rNSFUw9tfR",
        "object": "chat.completion",
        "created": 1694623354,
        "model": MODEL,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "  Hi!</s>"}, "finish_reason": "stop"},
        ],
    }


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_the_stream_in_pieces(surface, client, size, end):
    body = STREAM.replace(b"\n", end)
    api, _ = client(stream(*(body[at : at + size] for at in range(0, len(body), size))))
    assert surface.list(surface.stream(api).text_stream) == [" ", " Hi", "!", "</s>"]

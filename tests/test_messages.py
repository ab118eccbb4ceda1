"""Conversations: what is put into messages, replies of the server among it."""

from __future__ import annotations

import pydantic
import pytest

from replies import HELLO, choice, chunk, completion, finish, sse, text
from server import reply, stream
from tokstream.types.chat import ChatCompletionMessage

OK = reply(completion("ok"))
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a": 1}'},
    "extra_content": {"google": {"thought_signature": "abc"}},
}

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "name": "Ann",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "video_url", "video_url": {"url": "https://example.test/v.mp4"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "AAAA"}},
        ],
    },
    {"role": "assistant", "content": None, "reasoning_content": "Let me look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": '{"answer": 42}'},
    {"role": "assistant", "content": "It is "},
]


def test_every_kind_of_message(surface, client):
    api, server = client(OK)
    surface.create(api, messages=CONVERSATION)
    assert server.request.json["messages"] == CONVERSATION


def test_a_reply_goes_back_as_the_server_sent_it(surface, client):
    sent = {"role": "assistant", "content": " Hi", "reasoning_content": "hm", "tool_calls": [CALL], "mood": "calm"}
    api, server = client(reply(completion(message=sent)), OK)
    messages = list(HELLO)
    messages.append(surface.create(api, messages=messages).choices[0].message)
    messages.append({"role": "user", "content": "Go on"})
    surface.create(api, messages=messages)
    assert server.requests[1].json["messages"] == [HELLO[0], sent, messages[2]]


def test_absent_fields_of_a_reply_are_left_out(surface, client):
    sent = {"role": "assistant", "content": "Hi"}
    api, server = client(reply(completion(message=sent)), OK)
    message = surface.create(api).choices[0].message
    assert message.tool_calls is None
    surface.create(api, messages=[message])
    assert server.requests[1].json["messages"] == [sent]


def test_null_fields_of_a_reply_do_no_harm(surface, client):
    # Servers refuse some nulls they send themselves, `tool_calls: null` above all; content may be null.
    sent = {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None}
    api, server = client(reply(completion(message=sent)), OK)
    surface.create(api, messages=[surface.create(api).choices[0].message])
    (again,) = server.requests[1].json["messages"]
    assert again["tool_calls"] == [CALL]
    assert again.get("content", None) is None
    assert again["role"] == "assistant"


def test_a_streamed_reply_goes_back(surface, client):
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    api, server = client(
        stream(sse(text("Hi"), chunk(choice(tool_calls=[call], reasoning_content="hm")), finish("tool_calls"))), OK
    )
    message = surface.run(surface.stream(api).get_final_completion()).choices[0].message
    assert isinstance(message, ChatCompletionMessage)
    surface.create(api, messages=[*HELLO, message])
    (_, again) = server.requests[1].json["messages"]
    assert (again["role"], again["content"], again["reasoning_content"]) == ("assistant", "Hi", "hm")
    (sent,) = again["tool_calls"]
    assert (sent["id"], sent["type"], sent["function"]) == ("c", "function", {"name": "f", "arguments": "{}"})


def test_a_part_of_a_reply_inside_a_message(surface, client):
    api, server = client(reply(completion(message={"tool_calls": [CALL]})), OK)
    call = surface.create(api).choices[0].message.tool_calls[0]
    surface.create(api, messages=[{"role": "assistant", "tool_calls": [call]}])
    assert server.requests[1].json["messages"] == [{"role": "assistant", "tool_calls": [CALL]}]


class Function(pydantic.BaseModel):
    name: str
    arguments: str


class Call(pydantic.BaseModel):
    id: str
    type: str = "function"
    function: Function


class Message(pydantic.BaseModel):
    role: str
    content: str | None = None
    tool_calls: list[Call] | None = None


def test_pydantic_objects(surface, client):
    api, server = client(OK)
    call = Call(id="c", function=Function(name="f", arguments="{}"))
    surface.create(
        api,
        messages=[
            Message(role="user", content="Hi"),
            Message(role="assistant", content=None, tool_calls=[call]),
            {"role": "assistant", "tool_calls": [call]},
        ],
        extra=call,
    )
    sent = server.request.json
    assert sent["messages"][0] == {"role": "user", "content": "Hi"}
    assert sent["messages"][1]["content"] is None
    function = {"name": "f", "arguments": "{}"}
    for message in sent["messages"][1:]:
        (again,) = message["tool_calls"]
        assert (again["id"], again["function"]) == ("c", function)
    assert sent["extra"]["function"] == function


def test_objects_of_openai_python(surface, client):
    openai_chat = pytest.importorskip("openai.types.chat", reason="openai-python is not installed")
    sent = {"role": "assistant", "content": "Hi", "tool_calls": [CALL]}
    message = openai_chat.ChatCompletion.model_validate(completion(message=sent)).choices[0].message
    api, server = client(OK)
    surface.create(api, messages=[message])
    (again,) = server.request.json["messages"]
    assert {key: value for key, value in again.items() if value is not None} == sent


def test_the_conversation_of_a_tool_call(surface, client):
    api, server = client(reply(completion(None, message={"tool_calls": [CALL]})), OK)
    messages = list(HELLO)
    answer = surface.create(api, messages=messages).choices[0].message
    messages.append(answer)
    messages.extend({"role": "tool", "tool_call_id": call.id, "content": "42"} for call in answer.tool_calls)
    assert surface.create(api, messages=messages).choices[0].message.content == "ok"
    assert server.requests[1].json["messages"] == [
        HELLO[0],
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
    ]


class Meddler:
    """Changes the dict that it is in while that dict is written."""

    def __init__(self, home, *, keeps_size):
        self.home = home
        self.keeps_size = keeps_size

    def model_dump(self, **_):
        if self.keeps_size:
            self.home.pop("first")
        self.home[f"new {len(self.home)}"] = 1
        return {"a": 1}

    def __str__(self):
        return str(self.model_dump())


def meddled(keeps_size):
    home = {"first": 1}
    home["meddler"] = Meddler(home, keeps_size=keeps_size)
    return home


CHANGING = {
    "messages": lambda surface, api, changing: surface.create(api, messages=[changing]),
    "parameter": lambda surface, api, changing: surface.create(api, metadata=changing),
    "query": lambda surface, api, changing: surface.create(api, extra_query=changing),
    "nested query": lambda surface, api, changing: surface.create(api, extra_query={"a": changing}),
    "post": lambda surface, api, changing: surface.run(api.post("/x", body=changing, cast_to=dict)),
}


@pytest.mark.parametrize("keeps_size", [False, True], ids=["grows", "keeps its size"])
@pytest.mark.parametrize("where", CHANGING)
def test_a_dict_that_changes_while_it_is_written(surface, client, where, keeps_size):
    api, server = client(OK)
    with pytest.raises(RuntimeError, match="chang"):
        CHANGING[where](surface, api, meddled(keeps_size))
    assert server.requests == []
    assert surface.create(api).choices[0].message.content == "ok"

"""Response objects that a program changes: what it did is what is read, dumped, compared, pickled and sent back."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import openai.types.chat as theirs
import pytest

import tokstream.types.chat as ours
from replies import completion, said, said_tools
from server import reply, stream

CALLS = [
    {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a"'}},
    {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
]
REPLY = completion("Hi ", message={"tool_calls": CALLS, "nothing": [], "extra": {"list": [1]}}, more=[1, {"a": 2}])


def message(reply):
    return reply.choices[0].message


DEEDS = {
    "a field": lambda reply: setattr(message(reply), "content", message(reply).content.strip()),
    "a number": lambda reply: setattr(reply, "created", 7),
    "to None": lambda reply: setattr(reply, "usage", None),
    "a field of a list's item": lambda reply: setattr(message(reply).tool_calls[0].function, "arguments", "{}"),
    "an item taken away": lambda reply: message(reply).tool_calls.pop(),
    "all items taken away": lambda reply: message(reply).tool_calls.clear(),
    "an item added": lambda reply: reply.choices.append(reply.choices[0]),
    "items turned round": lambda reply: message(reply).tool_calls.reverse(),
    "an item replaced": lambda reply: reply.more.__setitem__(0, "x"),
    "an extra list": lambda reply: reply.more.append(3),
    "an extra dict": lambda reply: reply.more[1].update(b=3),
    "a nested extra": lambda reply: message(reply).extra["list"].append(2),
    "an empty list": lambda reply: message(reply).nothing.append({"type": "x"}),
    "something new": lambda reply: setattr(reply, "my_tag", {"x": 1}),
    "something new below": lambda reply: setattr(message(reply), "my_tag", [1]),
    "an extra": lambda reply: setattr(reply, "more", "less"),
    "private": lambda reply: setattr(reply, "_mine", object()),
    "twice": lambda reply: [setattr(reply, "model", model) for model in "ab"],
    "an object in place of another": lambda reply: setattr(message(reply), "tool_calls", message(reply).tool_calls[1:]),
    "deleted extra": lambda reply: delattr(reply, "more"),
    "read alone": lambda reply: (
        reply.more,
        message(reply).extra,
        reply.usage.prompt_tokens,
        reply.choices[0].logprobs,
    ),
}


@pytest.fixture(params=DEEDS)
def changed(request):
    """Our object and openai-python's, of the same JSON, after the same deed."""
    pair = ours.ChatCompletion.model_validate(REPLY), theirs.ChatCompletion.model_validate(copy.deepcopy(REPLY))
    for one in pair:
        DEEDS[request.param](one)
    return pair


def test_what_was_changed_is_what_is_dumped(changed):
    mine, other = changed
    assert mine.to_dict() == other.to_dict()
    assert json.loads(mine.to_json()) == json.loads(other.to_json())
    assert json.loads(mine.model_dump_json()) == mine.model_dump()


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_what_was_changed_of_a_reply_is_what_is_dumped(surface, client, deed):
    api, _ = client(reply(REPLY))
    mine, other = surface.create(api), theirs.ChatCompletion.model_validate(copy.deepcopy(REPLY))
    untouched = mine.to_dict()
    for one in (mine, other):
        deed(one)
    assert mine.to_dict() == other.to_dict()
    assert json.loads(mine.to_json()) == json.loads(other.to_json())
    assert pickle.loads(pickle.dumps(mine)).to_dict() == other.to_dict()
    assert untouched == REPLY


def test_copies_have_it_too(changed):
    mine, _ = changed
    for copied in (copy.copy(mine), copy.deepcopy(mine), pickle.loads(pickle.dumps(mine)), mine.model_copy()):
        assert copied == mine
        assert copied.to_dict() == mine.to_dict()


def test_objects_in_other_places():
    token = {"token": "a", "bytes": None, "logprob": -0.5, "top_logprobs": []}
    tokens = {"content": [token], "refusal": [{**token, "token": "b"}]}
    reply = ours.ChatCompletion.model_validate_json(
        json.dumps(completion("Hi", choices=[{**completion("Hi")["choices"][0], "logprobs": tokens}]))
    )
    logprobs = reply.choices[0].logprobs
    logprobs.content[:] = logprobs.refusal
    assert [token["token"] for token in logprobs.to_dict()["content"]] == ["b"]
    assert json.loads(reply.to_json())["choices"][0]["logprobs"]["content"] == tokens["refusal"]
    logprobs.content.clear()
    assert logprobs.to_dict() == {**tokens, "content": []}


def test_attributes_read_as_they_were_set():
    reply = ours.ChatCompletion.model_validate(REPLY)
    reply.id = "other"
    reply.tag = 1
    assert (reply.id, reply.tag, reply.model_extra["tag"]) == ("other", 1, 1)
    assert "tag=1" in repr(reply)
    assert "other" in repr(reply)
    del reply.tag
    with pytest.raises(AttributeError, match="tag"):
        _ = reply.tag
    del reply.id
    assert not hasattr(reply, "id")
    assert "id" not in reply.to_dict()
    with pytest.raises(AttributeError):
        del reply.id


def test_methods_are_no_fields():
    reply = ours.ChatCompletion.model_validate(REPLY)
    for name in ("to_dict", "copy", "__class__", "__eq__"):
        with pytest.raises(AttributeError, match="of its own"):
            setattr(reply, name, 1)


def test_what_cannot_be_said_in_json_is_refused_when_it_is_to_be_said():
    reply = ours.ChatCompletion.model_validate(REPLY)
    reply.mine = object()
    assert isinstance(reply.mine, object)
    with pytest.raises(TypeError, match="object"):
        reply.to_dict()


def test_an_object_within_itself_is_refused_when_it_is_to_be_said():
    # In a thread with a stack as large as threads have by default.
    reply = ours.ChatCompletion.model_validate(REPLY)
    reply.choices[0].owner = reply
    for say in (reply.model_dump, reply.to_json, lambda: pickle.dumps(reply)):
        with pytest.raises(RecursionError):
            say()


def test_objects_within_objects_take_time_in_proportion():
    inner = ours.ChatCompletion.model_validate(REPLY)
    for _ in range(40):
        outer = ours.ChatCompletion.model_validate(REPLY)
        outer.choices[0].inner = inner
        inner = outer
    assert inner.to_dict()["choices"][0]["inner"]["choices"][0]["inner"]["id"] == REPLY["id"]


def test_unchanged_objects_keep_the_servers_text():
    text = b'{"id":"x", "choices" : [{"index":0,"message":{"content":"\\u0041","n":1e400}}],"y":1.0e2}'
    reply = ours.ChatCompletion._from_json(text)
    assert (reply.choices[0].message.content, reply.y) == ("A", 100.0)
    assert reply._json() == text


def test_a_changed_message_goes_back_changed(surface, client):
    api, server = client(then=reply(REPLY))
    answer = message(surface.create(api))
    del answer.tool_calls[1:]
    answer.content = "Other"
    surface.create(api, messages=[answer])
    sent = server.requests[1].json["messages"][0]
    assert sent["content"] == "Other"
    assert sent["tool_calls"] == CALLS[:1]


def test_tool_calls_of_a_stream_put_together_by_hand(surface, client):
    """The loop that openai-python's own guide shows."""
    api, _ = client(stream(said_tools("f", '{"a"', ": 1}")))
    calls = {}
    for chunk in surface.list(surface.stream(api)):
        for call in chunk.choices[0].delta.tool_calls or []:
            if call.index not in calls:
                calls[call.index] = call
            else:
                calls[call.index].function.arguments += call.function.arguments
    assert {index: call.function.arguments for index, call in calls.items()} == {0: '{"a": 1}'}


def test_chunks_that_are_alike_change_alone(surface, client):
    api, _ = client(stream(said("A", "B", "C")))
    first, second, third, *_ = surface.list(surface.stream(api))
    second.choices[0].delta.content = "X"
    second.choices[0].finish_reason = "mine"
    second.model = "mine"
    assert [one.choices[0].delta.content for one in (first, second, third)] == ["A", "X", "C"]
    assert [one.model == "mine" for one in (first, second, third)] == [False, True, False]
    assert second.to_dict()["choices"][0] == {
        "index": 0,
        "delta": {"role": "assistant", "content": "X"},
        "finish_reason": "mine",
    }
    assert third.to_dict()["choices"][0]["finish_reason"] is None


NAMES = ["choices", "created", "id", "model", "object", "service_tier", "usage", "more"]


@pytest.mark.parametrize("first", NAMES)
def test_a_field_is_one_object_whichever_is_read_first(first):
    reply = ours.ChatCompletion.model_validate(REPLY)
    known = {first: getattr(reply, first)}
    known |= {name: getattr(reply, name) for name in reversed(NAMES) if name != first}
    assert all(getattr(reply, name) is value for name, value in known.items())
    read = json.loads(ours.ChatCompletion.model_validate(REPLY).model_dump_json())
    assert json.loads(reply.model_dump_json()) == read
    assert known["choices"][0].to_dict() == REPLY["choices"][0]
    assert {name: known[name] for name in ("id", "model", "created")} == {
        name: REPLY[name] for name in ("id", "model", "created")
    }
    known["choices"].clear()
    known["more"].append(3)
    assert (reply.to_dict()["choices"], reply.to_dict()["more"]) == ([], [*REPLY["more"], 3])


def test_a_field_is_one_object_whichever_thread_reads_it_first():
    together = threading.Barrier(len(NAMES))

    def read(reply, first):
        together.wait()
        return {name: getattr(reply, name) for name in sorted(NAMES, key=lambda name: name != first)}

    with ThreadPoolExecutor(len(NAMES)) as pool:
        for _ in range(50):
            reply = ours.ChatCompletion.model_validate(REPLY)
            seen = list(pool.map(read, [reply] * len(NAMES), NAMES))
            assert all(one[name] is getattr(reply, name) for one in seen for name in NAMES)


def test_the_servers_own_fields_are_extra_whether_read_or_not():
    message = completion("", message={"reasoning_content": "Hm"})["choices"][0]["message"]
    read, unread = (ours.ChatCompletionMessage.model_validate(message) for _ in range(2))
    assert read.reasoning_content == "Hm"
    assert read.model_extra == unread.model_extra == {"reasoning_content": "Hm"}
    without = ours.ChatCompletionMessage.model_validate({"role": "assistant", "content": ""})
    assert without.reasoning_content is None
    assert without.model_extra == {}

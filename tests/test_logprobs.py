"""The log probabilities of a whole answer at once, and one field of many objects."""

from __future__ import annotations

import array
import copy
import gc
import json
import math
import pickle
from array import array as floats

import pytest

from replies import choice, chunk, completion, sse
from server import reply, stream
from tokstream.types.chat import ChatCompletion, ChatCompletionTokenLogprob
from tokstream.types.chat.chat_completion import ChoiceLogprobs


def entry(token, logprob=-0.5, **fields):
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": [], **fields}


# What a search for names alone would trip over.
ODD = [
    entry('"logprob":-9'),
    entry("logprob", -1e-7),
    entry("é\n\\", -12.25, top_logprobs=[entry("x", -3.5), entry('"', -4.5)]),
    {"top_logprobs": [entry("y", -8)], "bytes": None, "logprob": 0, "token": " "},
    entry("]}", -9999.0),
]
EXPECTED = [-0.5, -1e-7, -12.25, 0.0, -9999.0]
TOKENS = ['"logprob":-9', "logprob", "é\n\\", " ", "]}"]


def with_logprobs(logprobs):
    whole = completion("Hi")
    whole["choices"][0]["logprobs"] = logprobs
    return whole


def test_the_numbers_of_a_stream_are_read_without_objects_for_its_tokens(surface, client):
    pieces = [chunk(choice(content="x") | {"logprobs": {"content": [one]}}) for one in ODD]
    api, _ = client(stream(sse(*pieces, chunk(choice("stop")))))
    logprobs = surface.run(surface.stream(api).get_final_completion()).choices[0].logprobs

    def lists_of_tokens():
        found = [one for one in gc.get_objects() if type(one) is list and one]
        return [one for one in found if type(one[0]) is ChatCompletionTokenLogprob and len(one) == len(ODD)]

    gc.collect()
    assert logprobs.token_logprobs == array.array("d", EXPECTED)
    assert not lists_of_tokens()
    assert logprobs.content
    assert lists_of_tokens() == [logprobs.content]


@pytest.mark.parametrize("odd", [None, True, "-1", [], {}], ids=repr)
def test_what_is_no_number_is_none_among_the_others(surface, client, odd):
    api, _ = client(reply(with_logprobs({"content": [entry("a", odd), entry("b", -2), entry("c", -1.5)]})))
    answer = surface.create(api)
    for one in (answer, pickle.loads(pickle.dumps(answer))):
        logprobs = one.choices[0].logprobs
        assert math.isnan(logprobs.token_logprobs[0])
        assert list(logprobs.token_logprobs[1:]) == [-2.0, -1.5]
        assert logprobs.content[0].logprob == odd


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("member", ["content", "refusal"])
def test_all_at_once(surface, client, streamed, member):
    if streamed:
        pieces = [chunk(choice(content="x") | {"logprobs": {"content": None, member: [one]}}) for one in ODD]
        api, _ = client(stream(sse(*pieces, chunk(choice("stop")))))
        answer = surface.run(surface.stream(api).get_final_completion())
    else:
        api, _ = client(reply(with_logprobs({"content": None, member: ODD})))
        answer = surface.create(api)
    logprobs = answer.choices[0].logprobs
    assert logprobs.token_logprobs == array.array("d", EXPECTED)
    assert logprobs.tokens == TOKENS
    # Made once: a loop may ask for it again and again.
    assert logprobs.token_logprobs is logprobs.token_logprobs
    assert logprobs.tokens is logprobs.tokens
    # And the objects say the same.
    objects = getattr(logprobs, member)
    assert [one.logprob for one in objects] == EXPECTED
    assert [one.token for one in objects] == TOKENS


HUGE = 10**400
# Entries that no server should send, and numbers of every form.
STRANGE = [
    *ODD,
    None,
    5,
    "x",
    [],
    {},
    {"token": "a"},
    {"token": "b", "logprob": None},
    {"token": "c", "logprob": "-1.5"},
    {"token": "d", "logprob": True},
    {"token": "e", "logprob": [1.5]},
    {"token": "f", "logprob": -3},
    {"token": "g", "logprob": HUGE},
    {"token": "h", "logprob": 1e300},
]


@pytest.mark.parametrize(
    "sent", [{"content": STRANGE, "refusal": None}, {"content": None}, {"content": {}}, None, 5, []]
)
def test_a_reply_reads_as_the_same_text_does(surface, client, sent):
    whole = with_logprobs(sent)
    whole["choices"].append({**whole["choices"][0], "index": 1, "logprobs": {"content": ODD}, "more": {"x": [1]}})
    text = json.dumps(whole)
    api, _ = client(reply(text.encode(), content_type="application/json"))
    answer = surface.create(api)
    same = ChatCompletion._from_json(text.encode())
    for one, other in zip(answer.choices, same.choices, strict=True):
        if not isinstance(one.logprobs, ChoiceLogprobs):
            assert one.logprobs == other.logprobs == sent
            continue
        assert repr(one.logprobs.token_logprobs) == repr(other.logprobs.token_logprobs)
        assert one.logprobs.tokens == other.logprobs.tokens
        assert one.logprobs.content == other.logprobs.content
        for token, known in zip(one.logprobs.content or [], other.logprobs.content or [], strict=True):
            assert repr(getattr(token, "logprob", token)) == repr(getattr(known, "logprob", known))
    assert answer.to_dict() == same.to_dict()
    assert answer.model_dump_json() == same.model_dump_json()
    assert answer.choices[1].more == {"x": [1]}


def test_what_is_changed_in_a_reply_is_in_its_text(surface, client):
    api, _ = client(reply(with_logprobs({"content": ODD})))
    answer = surface.create(api)
    content = answer.choices[0].logprobs.content
    content[0].logprob = -7.5
    content.pop()
    shown = [token["logprob"] for token in answer.to_dict()["choices"][0]["logprobs"]["content"]]
    assert shown == [-7.5, *EXPECTED[1:-1]]
    assert [token.logprob for token in copy.deepcopy(answer).choices[0].logprobs.content] == shown


def test_a_buffer_of_floats():
    logprobs = ChoiceLogprobs.model_validate({"content": ODD, "refusal": None})
    view = memoryview(logprobs.token_logprobs)
    assert (view.format, view.itemsize, view.ndim, view.contiguous) == ("d", 8, 1, True)
    assert view.tolist() == EXPECTED
    assert isinstance(logprobs.token_logprobs, floats)


@pytest.mark.parametrize("space", [None, 1], ids=["dense", "spaced"])
def test_however_the_text_is_written(space):
    text = json.dumps({"content": ODD, "refusal": None}, indent=space, ensure_ascii=space is None)
    logprobs = ChoiceLogprobs.model_validate_json(text)
    assert list(logprobs.token_logprobs) == EXPECTED
    assert logprobs.tokens == TOKENS


def test_where_there_are_none():
    for sent in ({"content": None, "refusal": None}, {}, {"content": {}}):
        logprobs = ChatCompletion._from_json(json.dumps(with_logprobs(sent)).encode()).choices[0].logprobs
        assert (logprobs.token_logprobs, logprobs.tokens) == (None, None)
    empty = ChatCompletion._from_json(json.dumps(with_logprobs({"content": []})).encode()).choices[0].logprobs
    assert (list(empty.token_logprobs), empty.tokens) == ([], [])


def test_what_is_no_number_is_nan():
    odd = [{"token": "a", "logprob": None}, {"token": "b"}, {"token": None, "logprob": -1}]
    odd.append({"token": "d", "logprob": "x"})
    text = json.dumps(with_logprobs({"content": odd})).encode()
    logprobs = ChatCompletion._from_json(text).choices[0].logprobs
    assert [math.isnan(one) for one in logprobs.token_logprobs] == [True, True, False, True]
    assert logprobs.tokens == ["a", "b", None, "d"]


def test_the_form_of_text_completions():
    sent = with_logprobs({"tokens": ["a", "b"], "token_logprobs": [-1.0, None]})
    logprobs = ChatCompletion._from_json(json.dumps(sent).encode()).choices[0].logprobs
    assert (logprobs.token_logprobs, logprobs.tokens) == ([-1.0, None], ["a", "b"])


def test_they_are_no_fields():
    logprobs = ChoiceLogprobs.model_validate({"content": ODD, "refusal": None})
    assert logprobs.tokens == TOKENS
    assert set(logprobs.to_dict()) == {"content", "refusal"}
    for again in (copy.deepcopy(logprobs), pickle.loads(pickle.dumps(logprobs))):
        assert again == logprobs
        assert again.tokens == TOKENS


def test_a_field_that_is_read_alone_is_what_it_is_among_others():
    def read(*names):
        one = ChatCompletion._from_json(
            b'{"id":"a","id":"b","created":1,"model":"m\\u0065","choices":[],"object":"o","odd":{"x":[1]},"more":[2]}'
        )
        return [getattr(one, name) for name in names]

    names = ["id", "created", "model", "object", "odd", "more", "service_tier", "choices"]
    expected = ["b", 1, "me", "o", {"x": [1]}, [2], None, []]
    for name, value in zip(names, expected, strict=True):
        assert read(name) == [value]
        assert read(name, name) == [value, value]
        assert read(name, *names) == [value, *expected]
    one = ChatCompletion._from_json(b'{"choices":[],"metadata":{"x":[1]}}')
    # What can be changed in place is one object.
    one.metadata["x"].append(2)
    assert one.metadata == {"x": [1, 2]}
    assert one.to_dict()["metadata"] == {"x": [1, 2]}

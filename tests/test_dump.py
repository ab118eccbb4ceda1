"""Response objects as dicts and as JSON text: the quick way says what the general one does."""

from __future__ import annotations

import itertools
import json

import openai.types.chat as theirs
import pytest
from hypothesis import given, strategies as st

from children import finish, running
from replies import completion
from sample import CALL
from tokstream import _models
from tokstream.types.chat import ChatCompletion

FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e-5, -1.25e-5, 1e-6, 1.5e-7, 1e16, 1e22, 0.1 + 0.2, 123456789012345678.0]),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
TOKEN = {"token": "a", "bytes": [97], "logprob": -0.25, "top_logprobs": []}


@st.composite
def texts(draw):
    """A completion's JSON text: fields missing, null, unknown, in any order, or twice."""
    whole = completion(draw(st.none() | st.text(max_size=8)))
    [choice] = whole["choices"]
    logprobs = [None, {"content": [TOKEN] * 3, "refusal": None}, {"content": [TOKEN, 1]}]
    choice["logprobs"] = draw(st.sampled_from(logprobs))
    choice["message"]["extra"] = draw(PLAIN)
    whole["metadata"] = draw(PLAIN)
    for name in ("usage", "id", "service_tier"):
        if draw(st.booleans()):
            whole.pop(name, None)
    whole = dict(draw(st.permutations(list(whole.items()))))
    text = json.dumps(whole, indent=draw(st.sampled_from([None, 1])), ensure_ascii=draw(st.booleans()))
    return text.replace('"model":', '"model": 5, "model":', 1) if draw(st.booleans()) else text


@given(texts(), st.tuples(st.booleans(), st.booleans(), st.booleans()), st.sampled_from([None, 0, 2]))
def test_both_ways_say_the_same(text, flags, indent):
    reply = ChatCompletion._from_json(text.encode())
    slowly = _models._dump_object(type(reply), reply._data(), None, None, flags)
    quickly = reply._dump(*flags)
    assert quickly == slowly
    # The order too.
    assert json.dumps(quickly) == json.dumps(slowly)
    assert reply._dump_json(*flags, indent) in {_models.json_text(slowly, indent), None}


NAMES = ["id", "choices", "usage", "x", "y", "\\u0078", "message", "content", "name", "logprobs", "token", "model"]
VALUES = ["null", '"usual"', "1", "-0", "1.50", "0.0000123", '"a"', '"\\n\\/"', '{"a":[1,{}],"b":null,"a":2}', "[]"]


def objects(inner):
    """An object's JSON text, in which a name may stand more than once."""
    members = st.lists(st.tuples(st.sampled_from(NAMES), inner | st.lists(inner, max_size=2)), max_size=6)
    return members.map(lambda members: "{" + ",".join(f'"{name}": {as_text(value)}' for name, value in members) + "}")


def as_text(value):
    return f"[{','.join(value)}]" if isinstance(value, list) else value


@given(
    objects(st.recursive(st.sampled_from(VALUES), objects)),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.lists(st.sampled_from(["id", "choices", "usage", "x", "object"]), max_size=2),
)
def test_members_that_come_twice(text, flags, read):
    reply = ChatCompletion._from_json(text.encode())
    unread = ChatCompletion._from_json(text.encode())
    for name in read:
        # What is read changes nothing of what is dumped.
        getattr(reply, name, None)
        assert repr(getattr(reply, name, None)) == repr(getattr(unread, name, None))
    slowly = json.dumps(_models._dump_object(type(reply), reply._data(), None, None, flags))
    assert json.dumps(reply._dump(*flags)) == slowly
    assert reply._dump_json(*flags, None) in {_models.json_text(json.loads(slowly), None), None}


@pytest.mark.parametrize("levels", [3, 127, 128, 129, 240])
def test_nesting(levels):
    text = json.dumps(completion("Hi", extra=0)).replace('"extra": 0', f'"extra": {"[" * levels}{"]" * levels}')
    reply = ChatCompletion._from_json(text.encode())
    assert reply.to_dict() == reply.model_dump(exclude_unset=True) == json.loads(text)
    assert json.loads(reply.to_json()) == json.loads(text)


@pytest.mark.parametrize("names", [2, 63, 64, 200])
def test_objects_of_many_members(names):
    extra = {f"name{number}": number for number in range(names)}
    sent = completion("Hi", extra=extra)
    assert json.loads(ChatCompletion.model_validate(sent).to_json())["extra"] == extra


def test_lists_that_only_pythons_decoder_reads():
    sent = completion("Hi", message={"extra": [{"a": 1}, [2**70, "\ud83d"]], "tool_calls": [CALL]}, more=[1, 2])
    assert ChatCompletion._from_json(json.dumps(sent).encode()).to_dict() == sent


STRINGS = {"controls": "é\n\x01\x7f", "half of a pair": "\ud83d", "a pair": "😀", "marks": '"\\/'}


@pytest.mark.parametrize("name", STRINGS)
def test_strings_with_escapes(name):
    content = STRINGS[name]
    text = json.dumps(completion(content)).encode()
    ours = ChatCompletion._from_json(text)
    assert ours.to_dict()["choices"][0]["message"]["content"] == content
    assert json.loads(ours.model_dump_json(ensure_ascii=True))["choices"][0]["message"]["content"] == content
    assert json.loads(ours.to_json())["choices"][0]["message"]["content"] == content
    if name != "half of a pair":
        assert ours.to_json() == theirs.ChatCompletion.model_validate(json.loads(text)).to_json()


@pytest.mark.parametrize(("exclude_unset", "exclude_none"), [*itertools.product([False, True], repeat=2)])
def test_as_openai_python_writes_it(exclude_unset, exclude_none):
    sent = completion("Hi", message={"annotations": None}, service_tier=None, odd={"a": [1.5e-05, 1e-07, {}], "b": []})
    sent["choices"][0]["logprobs"] = {"content": [TOKEN, TOKEN], "refusal": None}
    options = {"exclude_unset": exclude_unset, "exclude_none": exclude_none}
    ours, other = ChatCompletion.model_validate(sent), theirs.ChatCompletion.model_validate(sent)
    assert ours.model_dump(**options) == other.model_dump(**options)
    assert ours.model_dump_json(**options) == other.model_dump_json(**options)
    assert ours.to_json(indent=4, **options) == other.to_json(indent=4, **options)


USUAL = {
    "the same": '"usual"',
    "longer": '"usual and more"',
    "a beginning": '"usu"',
    "another one": '"other"',
    "spelled otherwise": '"u\\u0073ual"',
    "null": "null",
    "a number": "5",
    "a list": '["usual"]',
}


DUMPS = """
import json
from tokstream import _models
from tokstream.types.chat import ChatCompletion
for text in {texts!r}:
    reply, sent = ChatCompletion._from_json(text.encode()), json.loads(text)
    shown = reply.model_dump()
    slowly = _models._dump_object(ChatCompletion, json.loads(text), None, None, (False, False, False))
    assert json.dumps(shown) == json.dumps(slowly), text
    assert shown["model"] == sent.get("model"), text
    assert reply.to_dict() == sent, text
"""


@pytest.mark.parametrize("before", USUAL)
def test_what_is_usual_is_nobody_elses(before):
    """Of a field that says the same in most replies nothing is shown in one that says something else, or nothing.

    What is usual is learned from the first reply that a process dumps, so this takes one of its own.
    """
    usual = f'"model": {USUAL[before]}'
    texts = [f"{{{usual}}}", '{"id": "a"}']
    for now in USUAL.values():
        texts += [f'{{"id": "a", "model": {now}}}', f'{{{usual}, "model": {now}}}', f'{{"model": {now}, {usual}}}']
    with running(DUMPS, texts=texts) as child:
        finish(child)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\r\n", "\t: ")])
@pytest.mark.parametrize("first", ["id", "usage", "created"])
def test_names_in_another_order_than_before(first, separators):
    sent = completion("Hi", message={"tool_calls": [CALL, CALL]})
    sent = {first: sent[first], **sent}
    for order in (sent, dict(reversed(sent.items())), {"other": 1, **sent}):
        text = json.dumps(order, separators=separators)
        assert ChatCompletion._from_json(text.encode()).to_dict() == order

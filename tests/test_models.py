"""Response objects: how they are dumped, compared, copied, validated and shown, side by side with openai-python's."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from typing import Any

import openai
import pydantic
import pytest
from hypothesis import given, settings, strategies as st
from openai.types import chat as openai_chat

from replies import choice, chunk, completion
from sample import CALL, SENT, reply
from tokstream import _tokstream, types
from tokstream.types import BaseModel, chat
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage

# --- Side by side with openai-python ---

KINDS = {"str": str, "int": int, "float": float, "bool": bool, "any": object}
TWINS: dict[type, type[openai.BaseModel]] = {}


def twin(cls: type) -> type[openai.BaseModel]:
    """A class of openai-python's kind that declares the same fields."""
    if cls not in TWINS:
        fields: dict[str, Any] = {}
        for name, kind, nested, required in cls._schema():
            inner: Any = KINDS[kind] if nested is None else twin(nested)
            inner = list[inner] if kind == "list" else inner
            fields[name] = (inner, ...) if required else (inner | None, None)
        TWINS[cls] = pydantic.create_model(cls.__name__, __base__=openai.BaseModel, **fields)
    return TWINS[cls]


FLOATS = st.sampled_from([0.5, 1e-5, -1.25e-5, 3e-6, 1e-7, -2.5e-9, 1e-10, 1e16, 1e22, -0.0, 1e-4])
TEXTS = st.sampled_from(["", "x", "é\n", "\u2028", "\x1f", "\U0001f600", '"e-05" 1e-06 \\'])
ATOMS = st.none() | st.booleans() | st.sampled_from([0, -5, 2**70]) | FLOATS | TEXTS
PLAIN = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
VALUES = {"str": TEXTS, "int": st.integers(0, 9), "float": FLOATS, "bool": st.booleans(), "any": PLAIN}


@st.composite
def sent_for(draw: Any, cls: type) -> dict[str, Any]:
    """What a server might send for a class: any order, fields left out, nulls, unknown fields."""
    sent: dict[str, Any] = {}
    for name, kind, nested, required in draw(st.permutations(cls._schema())):
        how = draw(st.sampled_from(["value", "value", "null", "absent"]))
        if how == "value" or required:
            if nested is None:
                sent[name] = draw(VALUES[kind])
            elif kind == "object":
                sent[name] = draw(sent_for(nested))
            else:
                sent[name] = draw(st.lists(sent_for(nested), max_size=2))
        elif how == "null":
            sent[name] = None
        if draw(st.integers(0, 5)) == 0:
            sent[draw(st.sampled_from(["extra", "more"]))] = draw(PLAIN)
    return sent


@st.composite
def choosing(draw: Any, value: Any, nested: bool = False) -> Any:
    """An `include` or `exclude` that fits a value, more or less."""
    if nested and draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([True, ...]))
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = [*value, "absent", "__all__"]
    elif isinstance(value, list):
        keys = [*range(-len(value), len(value)), "__all__"]
    if not keys:
        return True if nested else None
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, max_size=4))
    if draw(st.booleans()):
        return set(chosen)
    inner: dict[Any, Any] = {}
    for key in chosen:
        at: Any = None
        if key == "__all__":
            parts = list(value.values()) if isinstance(value, dict) else value
            at = parts[0] if parts else None
        elif key != "absent":
            at = value[key]
        inner[key] = draw(choosing(at, nested=True))
    return inner


FLAGS = st.dictionaries(st.sampled_from(["exclude_unset", "exclude_none", "exclude_defaults"]), st.booleans())
CLASSES = [ChatCompletion, ChatCompletionChunk, chat.ChatCompletionTokenLogprob, types.CompletionUsage]


@st.composite
def cases(draw: Any) -> tuple[type, dict[str, Any], dict[str, Any]]:
    cls = draw(st.sampled_from(CLASSES))
    sent = draw(sent_for(cls))
    options: dict[str, Any] = dict(draw(FLAGS))
    if draw(st.booleans()):
        options["include"] = draw(choosing(sent))
    if draw(st.booleans()):
        options["exclude"] = draw(choosing(sent))
    return cls, sent, options


def outcome(method: Any, **options: Any) -> Any:
    """What a method returns, with the order of keys; that it fails, if it does."""
    try:
        value = method(**options)
    except (TypeError, ValueError):
        return "fails"
    return value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_as_openai_python_dumps(case):
    cls, sent, options = case
    ours = cls._from_json(json.dumps(sent).encode())
    theirs = twin(cls).construct(**json.loads(json.dumps(sent)))
    quiet = {**options, "warnings": False}
    assert outcome(ours.model_dump, **quiet) == outcome(theirs.model_dump, **quiet)
    for text in ({}, {"indent": 2}, {"indent": 0}, {"ensure_ascii": True}):
        assert outcome(ours.model_dump_json, **quiet, **text) == outcome(theirs.model_dump_json, **quiet, **text)
    assert json.dumps(ours.to_dict()) == json.dumps(theirs.to_dict(warnings=False))
    assert ours.to_json() == theirs.to_json(warnings=False)
    assert repr(ours) == repr(theirs)
    assert str(ours) == str(theirs)
    assert ours.model_extra == theirs.model_extra
    assert ours.model_fields_set == theirs.model_fields_set


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CLASSES).flatmap(lambda cls: st.tuples(st.just(cls), sent_for(cls), st.data())))
def test_as_openai_python_compares(case):
    cls, sent, data = case
    other = dict(reversed(sent.items()))
    if other and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(other)))
        if data.draw(st.booleans()):
            del other[name]
        else:
            other[name] = None
    ours = [cls._from_json(json.dumps(one).encode()) for one in (sent, other)]
    theirs = [twin(cls).construct(**json.loads(json.dumps(one))) for one in (sent, other)]
    assert (ours[0] == ours[1]) == (theirs[0] == theirs[1])


def test_openais_own_class_reads_what_ours_dumps():
    sent = completion("Hi", message={"tool_calls": [CALL]})
    theirs = openai_chat.ChatCompletion.model_validate(reply(sent).to_dict())
    assert theirs.to_dict() == sent
    assert openai_chat.ChatCompletion.model_validate_json(reply(sent).to_json()).to_dict() == sent


# --- Reading ---

RESPONSES = {
    name: cls for name, cls in vars(_tokstream).items() if isinstance(cls, type) and BaseModel in cls.__mro__[1:]
}


@pytest.mark.parametrize("cls", RESPONSES.values(), ids=RESPONSES)
def test_every_declared_field_is_an_attribute(cls):
    empty = cls.model_construct()
    for name, _, _, _ in cls._schema():
        assert getattr(empty, name) is None, name
        assert getattr(cls.model_construct(**{name: "x"}), name) == "x", name
        assert name in dir(empty)
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        empty.nothing_of_this_name  # noqa: B018


# --- Dumping ---


def test_to_dict_is_what_the_server_sent():
    assert reply().to_dict() == SENT
    assert json.loads(reply().to_json()) == SENT


def test_declared_fields_come_first_and_absent_ones_are_none():
    dumped = reply().model_dump()
    assert list(dumped) == [
        "id",
        "choices",
        "created",
        "model",
        "object",
        "metadata",
        "moderation",
        "service_tier",
        "system_fingerprint",
        "usage",
        "mood",
    ]
    assert dumped["system_fingerprint"] is None
    assert dumped["choices"][1]["message"]["tool_calls"] is None
    assert list(dumped["choices"][0]["message"])[:3] == ["content", "refusal", "role"]


def test_fields_left_out():
    message = ChatCompletionMessage.model_validate({"role": "assistant", "content": None, "mood": None})
    assert message.model_dump(exclude_unset=True) == {"content": None, "role": "assistant", "mood": None}
    assert message.model_dump(exclude_none=True) == {"role": "assistant"}
    assert message.model_dump(exclude_defaults=True) == {"role": "assistant", "mood": None}
    assert message.to_dict(exclude_unset=False, exclude_none=True) == {"role": "assistant"}


def test_include_and_exclude():
    got = reply()
    assert got.model_dump(include={"id", "mood"}) == {"id": "chatcmpl-1", "mood": SENT["mood"]}
    assert got.model_dump(include={"choices": {0: {"message": {"content"}}}}) == {
        "choices": [{"message": {"content": SENT["choices"][0]["message"]["content"]}}]
    }
    assert got.model_dump(include={"choices": {"__all__": {"index"}}}) == {"choices": [{"index": 0}, {"index": 1}]}
    assert got.model_dump(include={"choices": {-1: {"index"}}}) == {"choices": [{"index": 1}]}
    assert got.model_dump(include={"mood": {"list": {2}}}) == {"mood": {"list": [{"x": None}]}}
    assert got.model_dump(exclude={"choices", "usage", "mood"}, exclude_unset=True) == {
        "id": "chatcmpl-1",
        "created": 1694623155,
        "model": "m",
        "object": "chat.completion",
        "service_tier": None,
    }


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_a_choice_that_is_no_set(name):
    with pytest.raises(TypeError, match=name):
        reply().model_dump(**{name: 5})


def test_json_text():
    usage = types.CompletionUsage.model_validate(SENT["usage"])
    assert usage.to_json(indent=None) == (
        '{"completion_tokens":2,"prompt_tokens":1,"total_tokens":3,"estimated_cost":2.5e-7}'
    )
    assert usage.to_json().splitlines()[:2] == ["{", '  "completion_tokens": 2,']
    content = reply().choices[0].message.model_dump_json(include={"content"})
    assert content == '{"content":" Hi\u2028é\U0001f600"}'
    escaped = reply().choices[0].message.model_dump_json(include={"content"}, ensure_ascii=True)
    assert escaped == '{"content":" Hi\\u2028\\u00e9\\ud83d\\ude00"}'


def test_small_floats_are_written_as_pydantic_writes_them():
    floats = [1e-5, -1.25e-5, 3e-6, 1.5e-9, 1e-10, 0.0001, 1e16]
    object_ = types.Embedding.model_construct(embedding=floats, object='e-05 "1e-05"', index=0)
    assert object_.model_dump_json() == (
        '{"embedding":[0.00001,-0.0000125,3e-6,1.5e-9,1e-10,0.0001,1e+16],"index":0,"object":"e-05 \\"1e-05\\""}'
    )


def test_dumping_leaves_the_object_alone():
    got = reply()
    got.model_dump()["choices"].clear()
    got.to_dict()["mood"]["calm"] = 1
    assert got.to_dict() == SENT


# --- Showing and comparing ---


def test_repr():
    message = ChatCompletionMessage.model_validate({"role": "assistant", "content": "Hi", "mood": ["calm"]})
    assert repr(message) == (
        "ChatCompletionMessage(content='Hi', refusal=None, role='assistant', annotations=None, "
        "audio=None, function_call=None, tool_calls=None, mood=['calm'])"
    )
    assert "message=ChatCompletionMessage(content=" in repr(reply())
    assert "choices=[Choice(delta=ChoiceDelta(" in repr(ChatCompletionChunk.model_validate(chunk(choice(content="x"))))


def test_rich_shows_the_objects():
    shown = dict(reply().__rich_repr__())
    assert next(iter(shown)) == "id"
    assert shown["choices"] == reply().choices
    assert (shown["system_fingerprint"], shown["mood"]) == (None, SENT["mood"])


def test_equality():
    assert reply() == reply(dict(reversed(SENT.items())))
    assert reply() == reply({**SENT, "system_fingerprint": None})
    assert reply() != reply({**SENT, "id": "other"})
    assert reply() != reply({**SENT, "more": 1})
    assert reply() != SENT
    assert types.CompletionTokensDetails.model_construct() != types.PromptTokensDetails.model_construct()
    assert (reply() == 1) is False
    with pytest.raises(TypeError):
        hash(reply())


# --- Copying ---


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda got: got.model_copy(),
        lambda got: got.model_copy(deep=True),
        lambda got: got.copy(),
        lambda got: pickle.loads(pickle.dumps(got)),
    ],
    ids=["copy", "deepcopy", "model_copy", "model_copy deep", "copy method", "pickle"],
)
def test_copies(copied):
    again = copied(reply())
    assert type(again) is ChatCompletion
    assert again == reply()
    assert again.to_dict() == SENT
    assert again.choices[0].message.tool_calls[0].function.name == "f"


def test_every_class_pickles():
    message = pickle.loads(pickle.dumps(reply().choices[0]))
    assert (type(message), message) == (type(reply().choices[0]), reply().choices[0])
    piece = ChatCompletionChunk.model_validate(chunk(choice(content="x"))).choices[0]
    assert pickle.loads(pickle.dumps(piece)) == piece


def test_a_copy_with_changes():
    got = reply()
    changed = got.model_copy(update={"id": "x", "mood": 1, "new": {"a": [None]}, "choices": got.choices[1:]})
    assert (changed.id, changed.mood, changed.new) == ("x", 1, {"a": [None]})
    assert changed.choices == got.choices[1:]
    assert changed.choices[0].message.role == "assistant"
    assert (changed.usage, got.id) == (got.usage, "chatcmpl-1")
    assert got.copy(update={"id": "y"}, exclude={"choices"}).to_dict() == {
        **{name: value for name, value in SENT.items() if name != "choices"},
        "id": "y",
    }


def test_changes_may_be_pydantic_and_openai_objects():
    class Mood(pydantic.BaseModel):
        calm: bool = True

    message = openai_chat.ChatCompletionMessage.construct(role="assistant", content="theirs")
    changed = reply().choices[0].model_copy(update={"message": message, "mood": Mood()})
    assert changed.to_dict()["message"] == {"role": "assistant", "content": "theirs"}
    assert changed.mood == {"calm": True}


@pytest.mark.parametrize(
    ("value", "error"),
    [(object(), TypeError), (float("nan"), ValueError), ("\ud800", ValueError), ({1, 2}, TypeError), (str, TypeError)],
)
def test_changes_that_json_cannot_say(value, error):
    with pytest.raises(error):
        reply().model_copy(update={"mood": value})
    with pytest.raises(error):
        ChatCompletion.construct(mood=[value])


def test_an_object_made_by_hand():
    message = ChatCompletionMessage(role="assistant", content="Hi", mood="calm")
    assert (message.content, message.tool_calls, message.mood) == ("Hi", None, "calm")
    assert message.to_dict() == {"content": "Hi", "role": "assistant", "mood": "calm"}
    with pytest.raises(ValueError, match="role"):
        ChatCompletionMessage(content="Hi")


def test_pairs_of_names_and_values():
    message = ChatCompletionMessage(role="assistant", content="Hi", mood="calm")
    assert dict(message) == message.model_dump()
    assert message.dict() == message.model_dump()
    assert message.json() == message.model_dump_json()


@pytest.mark.parametrize(
    "name", ["reasoning_content", "mood", "copy"], ids=["a field of the service", "any", "a method"]
)
def test_a_list_among_pairs_is_the_objects_own(name):
    message = ChatCompletionMessage.model_validate({"role": "assistant", "content": "Hi", name: ["a"]})
    dict(message)[name].append("b")
    assert message.to_dict()[name] == ["a", "b"]


def test_the_services_own_fields_are_shown_where_they_were_sent():
    usage = {"completion_tokens": 1, "prompt_tokens": 2, "total_tokens": 3}
    assert types.CompletionUsage(**usage).estimated_cost is None
    assert "estimated_cost" not in types.CompletionUsage(**usage).model_dump()
    assert types.CompletionUsage(**usage, estimated_cost=0.5).model_extra == {"estimated_cost": 0.5}


@pytest.mark.parametrize("name", ["__dict__", "__class__", "to_dict", "copy", "_data"])
def test_a_field_that_is_called_like_a_part_of_the_object(name):
    got = ChatCompletion.model_validate({**completion("a"), name: {"a": 1}})
    assert dict(got)[name] == {"a": 1}
    assert got.to_dict()[name] == {"a": 1}


def test_nested_objects_of_openai_have_their_attributes():
    sent = {
        "role": "assistant",
        "content": "x",
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"start_index": 0, "end_index": 1, "title": "t", "url": "https://a"},
            }
        ],
        "audio": {"id": "a", "data": "", "expires_at": 1, "transcript": "t"},
        "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "n", "input": "i"}}],
    }
    message = (
        ChatCompletion._from_json(json.dumps({"choices": [{"index": 0, "message": sent}]}).encode()).choices[0].message
    )
    assert message.annotations[0].url_citation.url == "https://a"
    assert message.audio.transcript == "t"
    assert message.tool_calls[0].custom.name == "n"
    assert message.to_dict() == sent


@pytest.mark.parametrize("mode", ["python", "json"])
def test_the_mode_of_a_dump_changes_nothing(mode):
    got = reply()
    assert got.model_dump(mode=mode) == got.model_dump()
    assert got.to_dict(mode=mode) == SENT
    theirs = twin(ChatCompletion).construct(**json.loads(json.dumps(SENT)))
    assert got.model_dump(mode=mode) == theirs.model_dump(mode=mode, warnings=False)


PYDANTICS = [
    "model_dump",
    "model_dump_json",
    "model_copy",
    "model_validate",
    "model_validate_json",
    "dict",
    "json",
    "copy",
]
# They are for classes that people write, and for pydantic 1.
NOT_TAKEN = {"polymorphic_serialization", "extra", "encoder", "models_as_dict"}


@pytest.mark.parametrize("name", [*PYDANTICS, "to_dict", "to_json"])
def test_methods_take_what_openai_pythons_take(name):
    """Each argument at its default, as wrappers pass them on."""
    theirs = inspect.signature(getattr(openai_chat.ChatCompletion, name)).parameters.values()
    options = {one.name: one.default for one in theirs if one.default is not one.empty and one.name not in NOT_TAKEN}
    given = {"model_validate": [SENT], "model_validate_json": [json.dumps(SENT)]}.get(name, [])
    assert options
    assert getattr(reply(), name)(*given, **options) == getattr(reply(), name)(*given)

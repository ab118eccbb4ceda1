"""Response objects: how they are dumped, compared, copied, validated and shown, side by side with openai-python's."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import openai
import pydantic
import pytest
from hypothesis import given, settings, strategies as st
from openai.types import chat as openai_chat

import tokstream
from replies import choice, chunk, completion
from tokstream import _tokstream, types
from tokstream._models import ValidationError
from tokstream.types import BaseModel, chat
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOKEN = {"token": "Hi", "logprob": -0.00001, "bytes": [72, 105], "top_logprobs": []}
# Not in declared order, with nulls, unknown fields and everything nested.
SENT = {
    "object": "chat.completion",
    "id": "chatcmpl-1",
    "mood": {"calm": None, "list": [1, None, {"x": None}]},
    "choices": [
        {
            "message": {"tool_calls": [CALL], "role": "assistant", "name": None, "content": " Hi\u2028é\U0001f600"},
            "finish_reason": "eos",
            "index": 0,
            "logprobs": {"content": [TOKEN, TOKEN]},
        },
        {"index": 1, "message": {"role": "assistant", "content": None}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 1, "total_tokens": 3, "completion_tokens": 2, "estimated_cost": 2.5e-07},
    "model": "m",
    "created": 1694623155,
    "service_tier": None,
}


def reply(sent: dict[str, Any] = SENT) -> ChatCompletion:
    return ChatCompletion.model_validate(sent)


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


# --- Building and validating ---


def test_construct_checks_nothing():
    for make in (ChatCompletion.construct, ChatCompletion.model_construct):
        made = make(id=7, choices=[reply().choices[0], {"index": 1}], more=None)
        assert (made.id, made.choices[0], made.choices[1].index) == (7, reply().choices[0], 1)
        assert (made.model, made.more) == (None, None)
        assert made.model_fields_set == {"id", "choices"}
    assert ChatCompletion.model_construct({"id"}).to_dict() == {}


def test_validating_what_is_valid():
    got = reply()
    assert ChatCompletion.model_validate(got) is got
    assert ChatCompletion.model_validate_json(json.dumps(SENT)) == got
    assert ChatCompletion.model_validate_json(json.dumps(SENT).encode()) == got
    assert ChatCompletion.model_validate(openai_chat.ChatCompletion.construct(**SENT)) == got
    assert ChatCompletion.model_validate({**SENT, "choices": tuple(got.choices)}) == got
    assert ChatCompletionMessage.model_validate({"role": "assistant"}, strict=True).role == "assistant"


def test_validating_a_pydantic_object_keeps_its_defaults():
    class Message(pydantic.BaseModel):
        role: str = "assistant"
        content: str | None = None

    assert ChatCompletionMessage.model_validate(Message(content="x")).to_dict() == {"role": "assistant", "content": "x"}


def test_validating_any_object_by_its_attributes():
    class Usage:
        prompt_tokens = 1
        completion_tokens = 2
        total_tokens = 3

    assert types.CompletionUsage.model_validate(Usage(), from_attributes=True).total_tokens == 3
    with pytest.raises(ValidationError):
        types.CompletionUsage.model_validate(Usage())


def test_whole_numbers_count_as_integers():
    usage = types.CompletionUsage.model_validate({"prompt_tokens": 1.0, "completion_tokens": "2", "total_tokens": -3})
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1, 2, -3)
    assert type(usage.prompt_tokens) is int
    with pytest.raises(ValidationError):
        types.CompletionUsage.model_validate({**SENT["usage"], "prompt_tokens": 1.0}, strict=True)


def without(name):
    return {key: value for key, value in SENT.items() if key != name}


@pytest.mark.parametrize(
    ("sent", "loc", "kind"),
    [
        (without("id"), ("id",), "missing"),
        ({**SENT, "id": None}, ("id",), "string_type"),
        ({**SENT, "id": 7}, ("id",), "string_type"),
        ({**SENT, "created": "soon"}, ("created",), "int_type"),
        ({**SENT, "created": 1.5}, ("created",), "int_type"),
        ({**SENT, "created": True}, ("created",), "int_type"),
        ({**SENT, "choices": {}}, ("choices",), "list_type"),
        ({**SENT, "choices": [7]}, ("choices", 0), "model_type"),
        ({**SENT, "usage": []}, ("usage",), "model_type"),
        ({**SENT, "usage": {**SENT["usage"], "total_tokens": "many"}}, ("usage", "total_tokens"), "int_type"),
        ({**SENT, "choices": [{**SENT["choices"][0], "message": {}}]}, ("choices", 0, "message", "role"), "missing"),
        ([SENT], (), "model_type"),
        (None, (), "model_type"),
        ("text", (), "model_type"),
        (object(), (), "json_type"),
        ({**SENT, "mood": object()}, (), "json_type"),
        ({**SENT, "mood": float("inf")}, (), "json_type"),
    ],
)
def test_validating_what_is_not(sent, loc, kind):
    with pytest.raises(ValueError, match="not a valid ChatCompletion") as caught:
        ChatCompletion.model_validate(sent)
    (error,) = caught.value.errors()
    assert (error["loc"], error["type"]) == (loc, kind)
    assert error["msg"]
    assert "input" in error


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", '{"a": NaN}', b"\xff", "\ud800", '{"id": "\\ud800"}', "\ufeff{}"]
)
def test_validating_what_is_not_json(text):
    with pytest.raises(ValidationError) as caught:
        types.CompletionTokensDetails.model_validate_json(text)
    assert [error["type"] for error in caught.value.errors()] == ["json_invalid"]


def test_the_error_of_validation():
    with pytest.raises(ValidationError) as caught:
        types.CompletionUsage.model_validate({"prompt_tokens": "x" * 1000, "total_tokens": 1})
    error = caught.value
    assert (error.title, error.error_count()) == ("CompletionUsage", 2)
    assert str(error).splitlines()[0] == "The input is not a valid CompletionUsage:"
    assert len(str(error)) < 500
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (str(again), again.errors()) == (str(error), error.errors())


# --- In pydantic models ---


class Kept(pydantic.BaseModel):
    reply: ChatCompletion
    messages: list[ChatCompletionMessage] = []
    last: ChatCompletionMessage | None = None


def test_a_field_of_a_pydantic_model():
    got = reply()
    kept = Kept(reply=got, messages=[got.choices[0].message], last={"role": "assistant"})
    assert kept.reply is got
    assert type(kept.last) is ChatCompletionMessage
    assert Kept(reply=SENT).reply == got
    assert Kept.model_validate({"reply": openai_chat.ChatCompletion.construct(**SENT)}).reply == got
    assert Kept.model_validate_json(json.dumps({"reply": SENT})).reply == got


def test_a_pydantic_model_dumps_the_object_as_a_dict():
    kept = Kept(reply=SENT)
    assert kept.model_dump() == {"reply": reply().model_dump(), "messages": [], "last": None}
    assert kept.model_dump(exclude_unset=True) == {"reply": SENT}
    assert kept.model_dump(include={"reply": {"id"}}) == {"reply": {"id": "chatcmpl-1"}}
    assert kept.model_dump(exclude={"reply": {"choices": {"__all__"}}})["reply"]["choices"] == []
    assert json.loads(kept.model_dump_json(exclude_unset=True)) == {"reply": SENT}
    assert Kept.model_validate_json(kept.model_dump_json()) == kept
    assert kept.model_copy(deep=True) == kept


def test_a_pydantic_model_says_where_the_object_is_wrong():
    with pytest.raises(pydantic.ValidationError) as caught:
        Kept.model_validate({"reply": {**SENT, "usage": {"total_tokens": "many"}}})
    errors = {error["loc"]: error["type"] for error in caught.value.errors()}
    assert errors == {
        ("reply", "usage", "completion_tokens"): "missing",
        ("reply", "usage", "prompt_tokens"): "missing",
        ("reply", "usage", "total_tokens"): "int_type",
    }


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_of_a_pydantic_model(mode):
    schema = Kept.model_json_schema(mode=mode)
    fields = schema["properties"]["reply"]
    assert (fields["title"], fields["type"]) == ("ChatCompletion", "object")
    assert fields["required"] == ["id", "choices", "created", "model", "object"]
    assert fields["properties"]["created"] == {"type": "integer"}
    assert fields["properties"]["service_tier"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert fields["properties"]["choices"]["items"]["properties"]["message"]["title"] == "ChatCompletionMessage"


def test_a_type_adapter():
    adapter = pydantic.TypeAdapter(list[ChatCompletionMessage])
    (message,) = adapter.validate_python([{"role": "assistant", "content": "x"}])
    assert message.content == "x"
    assert json.loads(adapter.dump_json([message], exclude_none=True)) == [{"role": "assistant", "content": "x"}]


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


def test_the_services_own_fields_are_shown_where_they_were_sent():
    usage = {"completion_tokens": 1, "prompt_tokens": 2, "total_tokens": 3}
    assert types.CompletionUsage(**usage).estimated_cost is None
    assert "estimated_cost" not in types.CompletionUsage(**usage).model_dump()
    assert types.CompletionUsage(**usage, estimated_cost=0.5).model_extra == {"estimated_cost": 0.5}


class Unshowable(int):
    def __repr__(self):
        raise LookupError("no repr")


@pytest.mark.parametrize("value", [10**5000, Unshowable(5), [10**5000]], ids=["digits", "repr", "nested"])
def test_a_wrong_input_that_cannot_be_shown(value):
    with pytest.raises(tokstream.ValidationError) as caught:
        ChatCompletion.model_validate({**completion("a"), "id": value})
    error = caught.value
    assert isinstance(error, tokstream.TokstreamError)
    assert isinstance(error, ValueError)
    assert "not a valid ChatCompletion" in str(error)
    assert str(error) == error.message
    assert repr(error)
    assert error.error_count() == len(error.errors()) > 0


def test_a_validation_error_can_be_pickled():
    with pytest.raises(tokstream.ValidationError) as caught:
        ChatCompletion.model_validate({"id": 5})
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.errors(), copied.title) == (str(caught.value), caught.value.errors(), "ChatCompletion")


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

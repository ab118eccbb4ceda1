"""Response objects made of what a program has: validated, built without a check, and as fields of pydantic models."""

from __future__ import annotations

import copy
import json
import pickle

import pydantic
import pytest
from openai.types import chat as openai_chat

import tokstream
from replies import completion
from sample import SENT, reply
from tokstream import types
from tokstream._models import ValidationError
from tokstream.types.chat import ChatCompletion, ChatCompletionMessage

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

"""Replies that cannot be parsed: those that do not fit, were cut or withheld, and refusals."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import tokstream
from replies import USAGE, completion
from shapes import NO_CITY, OSLO, SHAPES, Model, calls, cut, refused


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_reply_that_does_not_fit(parse, shape):
    with pytest.raises(tokstream.OutputValidationError) as caught:
        parse(NO_CITY, response_format=shape)
    error = caught.value
    assert isinstance(error, tokstream.APIResponseValidationError)
    assert error.text == error.body == NO_CITY
    assert [reason.path for reason in error.reasons] == ["people"]
    assert error.completion.choices[0].message.content == NO_CITY
    assert error.completion.usage.total_tokens == USAGE["total_tokens"]
    assert "people" in str(error)
    assert NO_CITY in str(error)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (again.text, again.reasons, again.completion, str(again)) == (
            error.text,
            error.reasons,
            error.completion,
            str(error),
        )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("text", ["", " ", "Sure! {}", '{"name": "Os', "[" * 100_000, "\0", OSLO + "x", "null", None])
def test_a_reply_that_is_no_json(parse, shape, text):
    with pytest.raises(tokstream.OutputValidationError) as caught:
        parse(text, response_format=shape)
    assert caught.value.text == (text or "")
    assert caught.value.reasons


def test_a_long_reply_is_shown_in_part(parse):
    with pytest.raises(tokstream.OutputValidationError) as caught:
        parse(json.dumps(["x"] * 10_000), response_format=list[int])
    assert len(caught.value.reasons) == 10_000
    assert len(str(caught.value)) < 3000


def test_an_answer_that_was_cut(parse):
    with pytest.raises(tokstream.LengthFinishReasonError) as caught:
        parse(cut("length"), response_format=Model)
    assert caught.value.completion.choices[0].message.content == '{"name": "Os'


def test_an_answer_that_was_withheld(parse):
    with pytest.raises(tokstream.ContentFilterFinishReasonError) as caught:
        parse(cut("content_filter", None), response_format=Model)
    assert caught.value.completion.choices[0].finish_reason == "content_filter"


def test_a_refusal_has_no_value(parse):
    got = parse(refused(), response_format=Model)
    assert got.choices[0].message.parsed is None
    assert got.choices[0].message.refusal == "I can't say that."


def test_a_refusal_is_an_error_where_a_value_is_demanded(parse):
    got = parse(refused(), response_format=Model)
    with pytest.raises(tokstream.RefusalError, match="I can't say that") as caught:
        _ = got.parsed
    assert caught.value.refusal == "I can't say that."
    assert caught.value.completion.choices[0].message.refusal == "I can't say that."
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.refusal, again.completion, str(again)) == (
        caught.value.refusal,
        caught.value.completion,
        str(caught.value),
    )


def test_an_answer_that_was_demanded_and_is_not_there(parse):
    with pytest.raises(tokstream.OutputValidationError, match="tools"):
        _ = parse(calls("{}", name="x"), response_format=Model).parsed
    with pytest.raises(tokstream.OutputValidationError, match="response_format"):
        _ = parse("Hi!").parsed


@pytest.mark.parametrize("choices", [[], None, [1], [{}], [{"message": None}], [{"message": "x"}]])
def test_replies_without_a_message(parse, choices):
    got = parse({**completion(), "choices": choices}, response_format=Model)
    assert got.to_dict()["choices"] == choices

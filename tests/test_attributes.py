"""Attributes of response objects: what is read quickly is what Python would have read."""

from __future__ import annotations

import pytest

from replies import choice, chunk, said
from server import stream
from tokstream.types import BaseModel
from tokstream.types.chat import ChatCompletionChunk

SENT = chunk(choice(content="Hi"), extra=1)


@pytest.fixture
def read():
    """An object whose fields have been read often enough to be read quickly."""
    value = ChatCompletionChunk.model_validate(SENT)
    for _ in range(3):
        assert (value.model, value.choices[0].delta.content, value.id) == (SENT["model"], "Hi", SENT["id"])
    return value


def test_a_class_that_is_patched_is_read_so(read, monkeypatch):
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(ChatCompletionChunk, "model", property(lambda _: "patched"))
            assert [read.model for _ in range(3)] == ["patched"] * 3
            assert read.id == SENT["id"]
        assert [read.model for _ in range(3)] == [SENT["model"]] * 3


@pytest.mark.parametrize(
    ("getter", "value"), [(ChatCompletionChunk.id, SENT["id"]), (BaseModel.__dict__["_request_id"], None)]
)
def test_another_getter_in_a_fields_place_is_asked(read, monkeypatch, getter, value):
    monkeypatch.setattr(ChatCompletionChunk, "model", getter)
    assert [read.model for _ in range(3)] == [value] * 3


def test_a_field_that_is_taken_from_its_class_is_gone(read, monkeypatch):
    monkeypatch.delattr(ChatCompletionChunk, "model")
    for _ in range(3):
        with pytest.raises(AttributeError, match="model"):
            _ = read.model
        assert read.id == SENT["id"]


def test_a_change_is_read(read):
    read.model = "changed"
    assert (read.model, read.id) == ("changed", SENT["id"])
    del read.model
    with pytest.raises(AttributeError, match="model"):
        _ = read.model


def test_what_is_changed_in_place_is_dumped(surface, client, read):
    api, _ = client(stream(said("A", "B", "C")))
    chunks = surface.list(surface.stream(api))
    for streamed in chunks:
        streamed.choices.append(read.choices[0])
    assert [len(streamed.to_dict()["choices"]) for streamed in chunks] == [2] * len(chunks)


def test_a_name_that_is_put_together_is_the_same(read):
    assert getattr(read, "MODEL".lower()) == SENT["model"]
    assert getattr(read, "EXTRA".lower()) == 1


def test_what_was_not_sent_is_none_and_what_is_no_field_is_an_error(read):
    for _ in range(3):
        assert read.usage is None
        with pytest.raises(AttributeError, match='no attribute "unheard_of"'):
            _ = read.unheard_of

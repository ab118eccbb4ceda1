"""Replies parsed into values: `parse` on both clients, what it takes and what it sends."""

from __future__ import annotations

import dataclasses
import enum
import json
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Optional, Union

import pydantic
import pytest

import tokstream
from replies import completion
from server import reply
from shapes import NO_CITY, OSLO, SHAPES, Data, Model, Named, Struct, a_city

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "people": {"type": "integer"}}}


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_reply_becomes_a_value_of_the_type(parse, shape):
    message = parse(OSLO, response_format=shape).choices[0].message
    assert message.parsed == a_city(shape)
    assert type(message.parsed) is type(a_city(shape))
    assert message.content == OSLO


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_list_of_values(parse, shape):
    got = parse(f"[{OSLO}, {OSLO}]", response_format=list[shape])
    assert got.choices[0].message.parsed == [a_city(shape)] * 2


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_what_is_sent_is_strict(parse, shape):
    parse(OSLO, response_format=shape)
    sent = parse.server.request.json["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == shape.__name__
    assert sent["json_schema"]["strict"] is True
    schema = sent["json_schema"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "people"]
    assert schema["properties"]["people"]["type"] == "integer"


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (Literal["a", 1], '"a"', "a"),
        (Literal["a", 1], '{"answer": 1}', 1),
        (Color, '"blue"', Color.BLUE),
        (Union[Model, Data], OSLO, a_city(Model)),  # noqa: UP007 - both spellings
        (Optional[Data], "null", None),  # noqa: UP045
        (Data | None, '{"answer": null}', None),
        (int | list[str], '["a"]', ["a"]),
        (int | Struct, '{"answer": 3}', 3),
        (dict[str, Data], f'{{"a": {OSLO}}}', {"a": a_city(Data)}),
        (list[Named], f'{{"answer": [{OSLO}]}}', [a_city(Named)]),
        (int, " 3\n", 3),
        (bool, "true", True),
    ],
)
def test_values_that_are_no_objects(parse, type_, text, value):
    got = parse(text, response_format=type_)
    assert got.choices[0].message.parsed == value
    assert got.parsed == value
    schema = parse.server.request.json["response_format"]["json_schema"]["schema"]
    assert schema["type"] == "object"


def test_a_json_schema(parse):
    got = parse(OSLO, response_format={"title": "a city!", **SCHEMA})
    assert got.choices[0].message.parsed == {"name": "Oslo", "people": 700}
    sent = parse.server.request.json["response_format"]["json_schema"]
    assert sent["name"] == "a_city"
    assert sent["schema"]["additionalProperties"] is False
    assert sent["schema"]["required"] == ["name", "people"]
    assert "required" not in SCHEMA


@pytest.mark.parametrize("text", [NO_CITY, '{"name": 1}', "[]", "no"])
@pytest.mark.parametrize("named", [False, True])
def test_a_reply_that_does_not_fit_a_json_schema(parse, text, named):
    given = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}} if named else SCHEMA
    with pytest.raises(tokstream.OutputValidationError):
        parse(text, response_format=given)


def test_what_a_json_schema_leaves_open_is_not_demanded(parse):
    assert parse('{"people": 1, "x": 2}', response_format=MappingProxyType(SCHEMA)).parsed == {"people": 1, "x": 2}


def test_a_json_schema_without_an_object_at_its_root(parse):
    assert parse('{"answer": [1]}', response_format={"type": "array", "items": {"type": "integer"}}).parsed == [1]
    nested = {"type": "array", "items": {"$ref": "#"}}
    assert parse("[[], [[]]]", response_format=nested).parsed == [[], [[]]]
    assert parse.server.request.json["response_format"]["json_schema"]["schema"] == nested


def test_a_type_with_the_key_of_the_object_it_is_sent_in(parse):
    answer = dataclasses.make_dataclass("Answer", [("answer", int)])
    assert parse('{"answer": 1}', response_format=answer | list[int]).parsed == answer(1)
    assert parse('{"answer": [1]}', response_format=answer | list[int]).parsed == [1]
    assert parse('{"answer": {"answer": 1}}', response_format=answer | list[int]).parsed == answer(1)


@pytest.mark.parametrize(
    ("given", "text", "value"),
    [
        ({"type": "json_object"}, '{"a": 1}', {"a": 1}),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}, OSLO, json.loads(OSLO)),
        ({"type": "regex", "regex": "[0-9]+"}, "12", None),
        ({"type": "text"}, "12", None),
        ({"type": "structural_tag", "x": 1}, "12", None),
    ],
)
def test_formats_of_the_server_are_sent_as_they_are(parse, given, text, value):
    got = parse(text, response_format=given)
    assert parse.server.request.json["response_format"] == given
    assert got.choices[0].message.parsed == value


@pytest.mark.parametrize("given", [{}, {"response_format": None}, {"response_format": tokstream.omit}])
def test_without_a_format(parse, given):
    got = parse("Hi!", **given)
    assert got.choices[0].message.parsed is None
    assert got.choices[0].message.content == "Hi!"
    assert parse.server.request.json.get("response_format") is None


def test_several_answers(surface, client):
    choices = [{**completion(f"{n}")["choices"][0], "index": n} for n in range(3)]
    api, _ = client(reply(completion(choices=choices)))
    got = surface.run(api.chat.completions.parse(messages="x", n=3, response_format=int))
    assert [choice.message.parsed for choice in got.choices] == [0, 1, 2]


def test_other_parameters_are_sent(parse):
    parse(OSLO, response_format=Model, messages="Where?", temperature=0.5, model="m", extra_body={"x": 1})
    sent = parse.server.request.json
    assert (sent["messages"], sent["temperature"], sent["model"], sent["x"]) == (
        [{"role": "user", "content": "Where?"}],
        0.5,
        "m",
        1,
    )
    assert "max_reasks" not in sent


def test_the_beta_name(surface, client):
    api, _ = client(reply(completion(OSLO)))
    got = surface.run(api.beta.chat.completions.parse(messages="x", response_format=Model))
    assert got.choices[0].message.parsed == a_city(Model)


def test_constraints_of_a_model(parse):
    class Positive(pydantic.BaseModel):
        count: int = pydantic.Field(gt=0, description="how many")
        tags: list[str] = []

    with pytest.raises(tokstream.OutputValidationError, match="greater than 0"):
        parse('{"count": 0, "tags": []}', response_format=Positive)
    schema = parse.server.request.json["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["count", "tags"]
    assert schema["properties"]["count"]["description"] == "how many"


@dataclasses.dataclass
class Secret:
    length: int = dataclasses.field(init=False)
    word: dataclasses.InitVar[str]
    again: dataclasses.InitVar[int] = 1
    kind: ClassVar[str] = "secret"

    def __post_init__(self, word: str, again: int) -> None:
        self.length = len(word * again)


def test_a_dataclass_is_given_what_its_constructor_takes(parse):
    got = parse('{"word": "abc", "again": 2}', response_format=Secret)
    assert got.parsed.length == 6
    schema = parse.server.request.json["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == {"word": {"type": "string"}, "again": {"type": "integer"}}
    assert parse('{"word": "abc"}', response_format=Secret).parsed.length == 3


@pytest.mark.parametrize(
    ("type_", "text", "name"),
    [(Annotated[Data, "a city"], OSLO, "Data"), (list[Annotated[int, "a count"]], "[1]", "list_int")],
)
def test_notes_on_a_type_are_no_part_of_its_name(parse, type_, text, name):
    parse(text, response_format=type_)
    assert parse.server.request.json["response_format"]["json_schema"]["name"] == name


def test_streams_are_for_stream(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="stream"):
        surface.run(api.chat.completions.parse(messages="x", response_format=Model, stream=True))


@pytest.mark.parametrize("type_", [object(), 3, "Nope", complex, lambda: 1, list[complex], Literal[b"x"]])
def test_a_type_without_a_schema(surface, client, type_):
    api, _ = client()
    with pytest.raises(TypeError, match="JSON Schema"):
        surface.run(api.chat.completions.parse(messages="x", response_format=type_))


@pytest.mark.parametrize("type_", [Model, Data, list[Model], Model | None, Optional[int], Literal["a"]])  # noqa: UP045
def test_create_points_to_parse(surface, client, type_):
    api, _ = client()
    with pytest.raises(TypeError, match="parse"):
        surface.create(api, response_format=type_)


@pytest.mark.parametrize("given", ["int", "json_object", b"str", "[].append(1)"])
def test_a_text_is_no_response_format(surface, client, given):
    api, server = client()
    with pytest.raises(TypeError, match="response_format must be"):
        surface.run(api.chat.completions.parse(messages="x", response_format=given))
    assert not server.requests

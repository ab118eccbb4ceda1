"""Replies parsed into values: `parse` on both clients, what it sends, and what becomes of replies that do not fit."""

from __future__ import annotations

import copy
import dataclasses
import enum
import json
import pickle
from types import MappingProxyType
from typing import Literal, Optional, Union

import pydantic
import pytest

import tokstream
from replies import HELLO, USAGE, completion
from server import reply
from shapes import NO_CITY, OSLO, SHAPES, Data, Model, Named, Struct, a_city
from tokstream.types.chat import ChatCompletion, ChatCompletionMessage, ParsedChatCompletion

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "people": {"type": "integer"}}}


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


def refused(text="I can't say that."):
    return completion(None, message={"refusal": text})


def cut(reason, content='{"name": "Os'):
    return completion(content, choices=[{**completion(content)["choices"][0], "finish_reason": reason}])


def calls(*arguments, name="Model", content=None):
    made = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": text}}
        for n, text in enumerate(arguments)
    ]
    return completion(content, message={"tool_calls": made})


@pytest.fixture
def parse(surface, client):
    """Parses one reply."""

    def parse(sent, **params):
        api, server = client(reply(sent if isinstance(sent, dict) else completion(sent)))
        params.setdefault("messages", HELLO)
        parse.result = None
        parse.server = server
        parse.result = surface.run(api.chat.completions.parse(**params))
        return parse.result

    return parse


# --- Values ---


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


# --- What does not fit ---


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


def test_streams_are_for_stream(surface, client):
    api, _ = client()
    with pytest.raises(TypeError, match="stream"):
        surface.run(api.chat.completions.parse(messages="x", response_format=Model, stream=True))


# --- Asking again ---


def test_asking_again(surface, client):
    api, server = client(reply(completion(NO_CITY)), reply(completion("What?")), reply(completion(OSLO)))
    got = surface.run(api.chat.completions.parse(messages="Where?", response_format=Model, max_reasks=2))
    assert got.parsed == a_city(Model)
    assert got.usage.total_tokens == 3 * USAGE["total_tokens"]
    assert got.usage.estimated_cost == pytest.approx(3 * USAGE["estimated_cost"])
    assert type(got.usage).__name__ == "CompletionUsage"
    assert api.usage.requests == 3
    first, second, third = [request.json["messages"] for request in server.requests]
    assert first == [{"role": "user", "content": "Where?"}]
    assert second[:2] == [*first, {"role": "assistant", "content": NO_CITY}]
    assert second[2]["role"] == "user"
    assert "people" in second[2]["content"]
    assert third[:3] == second
    assert third[3] == {"role": "assistant", "content": "What?"}


def test_asking_again_in_vain(surface, client):
    api, _ = client(reply(completion(NO_CITY)), reply(completion("What?")))
    with pytest.raises(tokstream.OutputValidationError) as caught:
        surface.run(api.chat.completions.parse(messages="Where?", response_format=Model, max_reasks=1))
    assert caught.value.text == "What?"
    assert caught.value.completion.usage.total_tokens == 2 * USAGE["total_tokens"]


@pytest.mark.parametrize("reasks", [-1, 1.5, "1", None, True])
def test_how_often_to_ask_again_is_a_count(surface, client, reasks):
    api, _ = client()
    with pytest.raises(TypeError, match="max_reasks"):
        surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=reasks))


def test_asking_again_does_not_help_an_answer_that_was_cut(surface, client):
    api, server = client(reply(cut("length")))
    with pytest.raises(tokstream.LengthFinishReasonError):
        surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=3))
    assert len(server.requests) == 1


def test_asking_again_about_the_arguments_of_a_tool(surface, client):
    api, server = client(reply(calls(OSLO, NO_CITY)), reply(calls(OSLO)))
    got = surface.run(api.chat.completions.parse(messages="x", tools=[Model], max_reasks=1))
    assert got.choices[0].message.tool_calls[0].function.parsed_arguments == a_city(Model)
    assistant, first, second = server.requests[1].json["messages"][1:]
    assert assistant["tool_calls"][1]["function"]["arguments"] == NO_CITY
    assert [first["tool_call_id"], second["tool_call_id"]] == ["call_0", "call_1"]
    assert "people" in second["content"]
    assert "people" not in first["content"]


def test_what_the_model_thought_is_sent_back(surface, client):
    api, server = client(reply(completion("?", message={"reasoning_content": "hm"})), reply(completion(OSLO)))
    surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=1))
    assert server.requests[1].json["messages"][1]["reasoning_content"] == "hm"


HALF = "\ud83d"


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ({"content": None}, {"content": ""}),
        ({"content": "?", "audio": None, "annotations": [], "extra_content": {"a": 1}}, {"extra_content": {"a": 1}}),
        ({"content": f"{HALF}?"}, {"content": "\ufffd?"}),
    ],
    ids=["nothing", "nulls", "half a pair of surrogates"],
)
def test_a_reply_is_sent_back_as_servers_take_it(surface, client, said, again):
    api, server = client(reply(completion(None, message=said)), reply(completion(OSLO)))
    surface.run(api.chat.completions.parse(messages="x", response_format=Model, max_reasks=1))
    assert server.requests[1].json["messages"][1] == {"role": "assistant", "content": "?", **again}


@pytest.mark.parametrize("arguments", [None, {"name": "Oslo"}, f'{{"name": "{HALF}"}}'])
def test_a_call_is_sent_back_as_servers_take_it(surface, client, arguments):
    odd = {"id": None, "type": None, "function": {"name": "Model", "arguments": arguments}}
    wrong = completion(None, message={"tool_calls": [None, odd]})
    api, server = client(reply(wrong), reply(calls(OSLO)))
    surface.run(api.chat.completions.parse(messages="x", tools=[Model], max_reasks=1))
    said, result = server.requests[1].json["messages"][1:]
    (call,) = said["tool_calls"]
    assert (call["type"], type(call["id"]), type(call["function"]["arguments"])) == ("function", str, str)
    assert result["tool_call_id"] == call["id"]
    assert result["content"].startswith("The arguments of this call")


# --- Tools ---


@pytest.mark.parametrize("calls", ["x", [None], [{}], [{"function": {"name": ["Data"], "arguments": [1]}}]])
def test_odd_calls_of_tools(parse, calls):
    got = parse(completion(None, message={"tool_calls": calls}), tools=[Data])
    assert got.choices[0].message.parsed is None
    assert got.choices[0].message.content is None


def test_arguments_that_are_no_text(parse):
    asked = [{"id": "x", "type": "function", "function": {"name": "Data", "arguments": json.loads(OSLO)}}]
    got = parse(completion(None, message={"tool_calls": asked}), tools=[Data])
    assert got.choices[0].message.tool_calls[0].function.parsed_arguments == a_city(Data)


def test_arguments_of_tools(parse):
    tools = [
        Model,
        tokstream.pydantic_function_tool(Data, name="data"),
        {"type": "function", "function": {"name": "f"}},
    ]
    strict = {"type": "function", "function": {"name": "s", "strict": True, "parameters": {"type": "object"}}}
    made = calls(OSLO, OSLO, OSLO, OSLO)
    for call, name in zip(made["choices"][0]["message"]["tool_calls"], ("Model", "data", "f", "s"), strict=True):
        call["function"]["name"] = name
    got = parse(made, tools=[*tools, strict])
    read = [call.function.parsed_arguments for call in got.choices[0].message.tool_calls]
    assert read == [a_city(Model), a_city(Data), None, json.loads(OSLO)]
    sent = parse.server.request.json["tools"]
    assert [tool["function"]["name"] for tool in sent] == ["Model", "data", "f", "s"]
    assert sent[0]["function"]["strict"] is True
    assert sent[0]["function"]["parameters"]["additionalProperties"] is False
    assert sent[3] == strict


def test_arguments_of_strict_functions(parse):
    @tokstream.tool(strict=True)
    def strict(name: str, people: int = 1) -> None: ...

    def loose(name: str) -> None: ...

    made = calls(OSLO, OSLO)
    for call, name in zip(made["choices"][0]["message"]["tool_calls"], ("strict", "loose"), strict=True):
        call["function"]["name"] = name
    got = parse(made, tools=[strict, loose])
    assert [call.function.parsed_arguments for call in got.choices[0].message.tool_calls] == [json.loads(OSLO), None]


@pytest.mark.parametrize("choice", [Model, Data], ids=["class", "class of a dict"])
def test_the_choice_of_a_tool_is_a_class(parse, choice):
    parse(calls(OSLO), tools=[Model, tokstream.pydantic_function_tool(Data)], tool_choice=choice)
    sent = parse.server.request.json["tool_choice"]
    assert sent == {"type": "function", "function": {"name": choice.__name__}}


@pytest.mark.parametrize("tools", [Model, "a text", {"type": "function"}, 3])
def test_tools_are_a_list(parse, tools):
    with pytest.raises(TypeError, match="list"):
        parse(calls(OSLO), tools=tools)


@pytest.mark.parametrize("given", ["int", "json_object", b"str", "[].append(1)"])
def test_a_text_is_no_response_format(surface, client, given):
    api, server = client()
    with pytest.raises(TypeError, match="response_format must be"):
        surface.run(api.chat.completions.parse(messages="x", response_format=given))
    assert not server.requests


def test_tools_of_openai_python(parse):
    openai = pytest.importorskip("openai")
    tool = openai.pydantic_function_tool(Model)
    got = parse(calls(OSLO), tools=[tool])
    assert got.choices[0].message.tool_calls[0].function.parsed_arguments == a_city(Model)
    assert parse.server.request.json["tools"] == [tokstream.pydantic_function_tool(Model)] == [tool]


@pytest.mark.parametrize("text", [NO_CITY, "", "nonsense", "[]", "null"])
def test_arguments_that_do_not_fit(parse, text):
    with pytest.raises(tokstream.OutputValidationError) as caught:
        parse(calls(OSLO, text), tools=[Model])
    assert caught.value.text == text
    assert all(reason.path.startswith("tool_calls[1].function.arguments") for reason in caught.value.reasons)


def test_words_before_a_call_are_no_answer(parse):
    message = parse(calls(OSLO, content="Let me see."), tools=[Model], response_format=Data).choices[0].message
    assert message.parsed is None
    assert message.tool_calls[0].function.parsed_arguments == a_city(Model)


def test_calls_of_other_things_than_functions(parse):
    custom = {"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}
    got = parse(completion(None, message={"tool_calls": [custom]}), tools=[Model])
    assert got.choices[0].message.tool_calls[0].to_dict() == custom


# --- Raw responses ---


def test_a_raw_response(surface, client):
    api, _ = client(reply(completion(OSLO), headers=[("X-Request-Id", "r")]))
    raw = surface.run(api.chat.completions.with_raw_response.parse(messages="x", response_format=Model))
    assert (raw.status_code, raw.request_id) == (200, "r")
    assert raw.json()["choices"][0]["message"]["content"] == OSLO
    assert raw.parse().choices[0].message.parsed == a_city(Model)
    assert raw.parse() is raw.parse()
    assert raw.parse()._request_id == "r"


def test_a_raw_response_that_does_not_fit(surface, client):
    api, _ = client(reply(completion("?")))
    raw = surface.run(api.chat.completions.with_raw_response.parse(messages="x", response_format=Model))
    with pytest.raises(tokstream.OutputValidationError):
        raw.parse()


def test_a_raw_response_after_asking_again(surface, client):
    api, _ = client(reply(completion("?")), reply(completion(OSLO)))
    completions = api.chat.completions.with_raw_response
    raw = surface.run(completions.parse(messages="x", response_format=Model, max_reasks=1))
    assert raw.parse().choices[0].message.parsed == a_city(Model)
    assert raw.parse().usage.total_tokens == 2 * USAGE["total_tokens"]


def test_a_streaming_response(surface, client):
    api, _ = client(reply(completion(OSLO)))
    completions = api.chat.completions.with_streaming_response
    with surface.using(completions.parse(messages="x", response_format=Model)) as response:
        assert response.status_code == 200
        assert surface.run(response.parse()).choices[0].message.parsed == a_city(Model)


# --- The objects ---


def test_a_parsed_completion_is_a_completion(parse):
    got = parse(OSLO, response_format=Model)
    assert type(got) is ParsedChatCompletion
    assert isinstance(got, ChatCompletion)
    assert isinstance(got, ParsedChatCompletion)
    assert isinstance(got.choices[0].message, ChatCompletionMessage)
    assert got.id == "chatcmpl-1"
    assert got.usage.total_tokens == USAGE["total_tokens"]
    assert ParsedChatCompletion[Model].__args__ == (Model,)
    assert "parsed" in dir(got.choices[0].message)
    assert "parsed=Model(name='Oslo', people=700)" in repr(got)
    with pytest.raises(AttributeError):
        _ = got.no_such_name


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_dumps(parse, shape):
    got = parse(OSLO, response_format=shape)
    dumped = got.model_dump()
    assert dumped["choices"][0]["message"]["parsed"] == {"name": "Oslo", "people": 700}
    assert dumped["usage"]["total_tokens"] == USAGE["total_tokens"]
    assert json.loads(got.model_dump_json()) == dumped
    # What the server sent, and what goes back to it.
    assert got.to_dict() == completion(OSLO)
    assert json.loads(got.to_json()) == completion(OSLO)
    assert got.model_dump(include={"id"}) == {"id": "chatcmpl-1"}
    assert "parsed" not in got.model_dump(exclude={"choices": {0: {"message": {"parsed"}}}})["choices"][0]["message"]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_copies(parse, shape):
    got = parse(OSLO, response_format=shape)
    for again in (pickle.loads(pickle.dumps(got)), copy.copy(got), copy.deepcopy(got), got.model_copy()):
        assert again == got
        assert type(again) is ParsedChatCompletion
        assert again.choices[0].message.parsed == a_city(shape)
    assert copy.deepcopy(got).choices[0].message.parsed is not got.choices[0].message.parsed
    assert got.model_copy(update={"id": "x"}).id == "x"
    assert got.id == "chatcmpl-1"


def test_changes(parse):
    got = parse(OSLO, response_format=Model)
    message = got.choices[0].message
    message.content = "x"
    message.parsed = None
    message.tag = 1
    assert got.to_dict()["choices"][0]["message"] == {"role": "assistant", "content": "x", "tag": 1}
    del message.tag
    assert not hasattr(message, "tag")
    with pytest.raises(AttributeError):
        del message.parsed
    assert got != parse(OSLO, response_format=Model)
    assert got != 1


def test_a_message_goes_back_without_what_was_parsed(surface, client):
    api, server = client(reply(calls(OSLO)), reply(completion("Hi!")))
    got = surface.run(api.chat.completions.parse(messages="x", tools=[Model]))
    message = got.choices[0].message
    assert message.tool_calls[0].function.parsed_arguments == a_city(Model)
    surface.create(api, messages=[message, {"role": "assistant", "tool_calls": message.tool_calls}])
    one, other = server.requests[1].json["messages"]
    sent = calls(OSLO)["choices"][0]["message"]
    assert one == sent
    assert other["tool_calls"] == sent["tool_calls"]


def test_constraints_of_a_model(parse):
    class Positive(pydantic.BaseModel):
        count: int = pydantic.Field(gt=0, description="how many")
        tags: list[str] = []

    with pytest.raises(tokstream.OutputValidationError, match="greater than 0"):
        parse('{"count": 0, "tags": []}', response_format=Positive)
    schema = parse.server.request.json["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["count", "tags"]
    assert schema["properties"]["count"]["description"] == "how many"

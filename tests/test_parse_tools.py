"""The arguments of tools, parsed into values."""

from __future__ import annotations

import json

import pytest

import tokstream
from replies import completion
from shapes import NO_CITY, OSLO, Data, Model, a_city, calls


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

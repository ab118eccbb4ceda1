"""What openai-python and tokstream parse out of the same replies."""

from __future__ import annotations

import json

import pydantic
import pytest

from parity import Programs, ask
from replies import HELLO, MODEL, choice, chunk, completion, said, sse, text
from server import reply, stream

program = Programs()


class City(pydantic.BaseModel):
    """A city."""

    name: str
    people: int = pydantic.Field(description="how many live there", gt=0)
    twin: City | None = None


OSLO = {"name": "Oslo", "people": 700}
CITY_CALL = {"id": "call_1", "type": "function", "function": {"name": "City", "arguments": json.dumps(OSLO)}}
CUT = completion(
    "{", choices=[{"index": 0, "message": {"role": "assistant", "content": "{"}, "finish_reason": "length"}]
)


@program(
    reply(completion(json.dumps(OSLO))),
    reply(completion(None, message={"refusal": "No."})),
    reply(completion("Hi!")),
    reply(completion(None, message={"tool_calls": [CITY_CALL]})),
)
def parsed(surface, client, library):
    def parse(**params):
        return surface.run(client.chat.completions.parse(messages=HELLO, model=MODEL, **params))

    answer = parse(response_format=City)
    refused = parse(response_format=City)
    plain = parse()
    tool = library.pydantic_function_tool(City)
    called = parse(tools=[tool])
    (call,) = called.choices[0].message.tool_calls
    return [
        answer.choices[0].message.parsed,
        answer.choices[0].message.content,
        answer.usage.total_tokens,
        refused.choices[0].message.parsed,
        refused.choices[0].message.refusal,
        plain.choices[0].message.parsed,
        plain.choices[0].message.content,
        call.function.parsed_arguments,
        (call.id, call.function.name, call.function.arguments),
        library.pydantic_function_tool(City, name="c", description="d"),
        dict(tool),
    ]


@program(
    reply(CUT),
    reply({**CUT, "choices": [{**CUT["choices"][0], "finish_reason": "content_filter"}]}),
    reply(CUT),
    stream(sse(text("{"), chunk(choice("length")))),
    stream(sse(text("{"), chunk(choice("length")))),
)
def cut_answers(surface, client, library):
    def streamed(**params):
        with surface.using(client.chat.completions.stream(messages=HELLO, model=MODEL, **params)) as answer:
            surface.list(answer)

    seen = []
    for response_format in (City, City, library.omit):
        with pytest.raises((library.LengthFinishReasonError, library.ContentFilterFinishReasonError)) as caught:
            surface.run(client.chat.completions.parse(messages=HELLO, model=MODEL, response_format=response_format))
        seen.append(type(caught.value).__name__)
    with pytest.raises(library.LengthFinishReasonError) as caught:
        streamed(response_format=City)
    seen.append(caught.value.completion.choices[0].message.content)
    streamed()
    with pytest.raises(TypeError, match="parse"):
        ask(surface, client, response_format=City)
    return seen


@program(
    stream(said('{"name": "Oslo", ', '"people": 700}')),
    stream(sse(chunk(choice(tool_calls=[{"index": 0, **CITY_CALL}])), chunk(choice("tool_calls")))),
    stream(said("Hi!")),
    stream(said("[1", "]")),
)
def parsed_streams(surface, client, library):
    def told(**params):
        with surface.using(client.chat.completions.stream(messages=HELLO, model=MODEL, **params)) as answer:
            events = surface.list(answer)
            final = surface.run(answer.get_final_completion())
        # Before its second chunk openai-python has parsed nothing.
        seen = [
            (event.type, getattr(event, "parsed", None), getattr(event, "parsed_arguments", None))
            for event in events[2:]
        ]
        return seen, final.choices[0].message.content, final.choices[0].finish_reason, final

    answer = told(response_format=City)
    called = told(tools=[library.pydantic_function_tool(City)])
    (call,) = called[-1].choices[0].message.tool_calls
    return [
        answer[:-1],
        answer[-1].choices[0].message.parsed,
        called[:-1],
        call.function.parsed_arguments,
        told()[:-1],
        told(response_format={"type": "regex", "regex": ".*"})[:-1],
    ]


@pytest.mark.parametrize("name", program.known)
def test_the_same_program_reads_the_same(surface, serve, name):
    theirs, ours = program.run(name, surface, serve)
    assert ours.result == theirs.result
    assert ours.sent == theirs.sent

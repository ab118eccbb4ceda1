"""What openai-python and tokstream read out of whole replies, and what they send."""

from __future__ import annotations

import json

import pytest

from parity import CALL, HEADERS, PIECES, WHOLE, Programs, ask
from replies import HELLO, MODEL, completion, sse
from server import reply, stream

program = Programs()


@program(reply(WHOLE, headers=HEADERS))
def whole(surface, client, library):
    answer = ask(surface, client)
    (only,) = answer.choices
    (call,) = only.message.tool_calls
    (token,) = only.logprobs.content
    return [
        answer.id,
        answer.object,
        answer.created,
        answer.model,
        answer.system_fingerprint,
        answer.service_tier,
        answer.energy,
        answer._request_id,
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
        answer.usage.estimated_cost,
        answer.usage.prompt_tokens_details,
        answer.usage.completion_tokens_details,
        only.index,
        only.finish_reason,
        only.message.role,
        only.message.content,
        only.message.refusal,
        only.message.reasoning_content,
        only.message.mood,
        only.message.function_call,
        only.message.annotations,
        only.message.audio,
        (call.id, call.type, call.function.name, call.function.arguments),
        (token.token, token.logprob, token.bytes, token.top_logprobs),
        only.logprobs.refusal,
    ]


@program(reply(WHOLE))
def dumps(surface, client, library):
    answer = ask(surface, client)
    return [
        answer.to_dict(),
        json.loads(answer.to_json()),
        answer.model_dump(exclude_unset=True),
        json.loads(answer.model_dump_json(exclude_unset=True)),
        answer.model_dump(exclude_none=True),
        answer.choices[0].message.model_dump(exclude_none=True),
        answer.usage.model_dump(exclude_unset=True),
        answer.model_extra,
        # openai-python does not know reasoning_content; here it is a declared field.
        {name: v for name, v in answer.choices[0].message.model_extra.items() if name != "reasoning_content"},
        answer.model_fields_set,
        answer == answer.model_copy(),
        type(answer).__name__,
        type(answer.choices[0].message).__name__,
    ]


@program(reply(completion(None, message={"tool_calls": [CALL]})), reply(completion("42")))
def tool_conversation(surface, client, library):
    messages = list(HELLO)
    answer = ask(surface, client, messages=messages, tools=[{"type": "function", "function": {"name": "f"}}])
    message = answer.choices[0].message
    messages.append(message.to_dict())
    for call in message.tool_calls:
        result = json.dumps(json.loads(call.function.arguments)["a"] * 42)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return ask(surface, client, messages=messages).choices[0].message.content


@program(reply(completion(None, message={"tool_calls": [CALL]})), reply(completion("42")))
def replies_put_back(surface, client, library):
    messages = list(HELLO)
    message = ask(surface, client, messages=messages).choices[0].message
    messages.append(message)
    messages.extend({"role": "tool", "tool_call_id": call.id, "content": "42"} for call in message.tool_calls)
    return ask(surface, client, messages=messages).choices[0].message.content


IMAGE = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    ],
}


@program(reply(completion("A cat.")))
def an_image(surface, client, library):
    return ask(surface, client, messages=[IMAGE], max_completion_tokens=9, logprobs=True).choices[0].message.content


@program(*[reply(completion("ok"))] * 3)
def parameters(surface, client, library):
    ask(
        surface,
        client,
        temperature=0.5,
        top_p=None,
        n=library.NOT_GIVEN,
        seed=2**63,
        stop=["a", "b"],
        user="é",
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        response_format={"type": "json_object"},
        extra_body={"top_k": 5, "user": "me", "nested": {"a": [1, None]}},
        extra_headers={"X-Mine": "1"},
        extra_query={"q": "a b", "n": 1, "t": True},
        timeout=5,
    )
    ask(surface, client.with_options(max_retries=0, timeout=9), messages=tuple(HELLO))
    ask(surface, client, messages=(message for message in HELLO), stop=("x",))


@program(reply(WHOLE, headers=HEADERS))
def raw_response(surface, client, library):
    response = surface.run(client.chat.completions.with_raw_response.create(messages=HELLO, model=MODEL))
    return [
        response.status_code,
        response.request_id,
        response.headers["x-mine"],
        response.headers.get("X-MINE"),
        response.retries_taken,
        response.http_version,
        response.method,
        response.is_closed,
        json.loads(response.content),
        json.loads(response.text),
        response.parse().choices[0].message.content,
        response.http_request.method,
        json.loads(response.http_request.content),
    ]


@program(reply(WHOLE, headers=HEADERS), stream(sse(*PIECES)), stream(sse(*PIECES)), stream(sse(*PIECES)))
def streaming_response(surface, client, library):
    def request(**params):
        create = client.chat.completions.with_streaming_response.create
        return surface.using(create(messages=HELLO, model=MODEL, **params))

    seen = []
    with request() as response:
        seen += [response.status_code, response.request_id, surface.run(response.json())]
        seen += [surface.run(response.parse()).id, response.is_closed]
    with request(stream=True) as response:
        seen += [b"".join(surface.list(response.iter_bytes())), response.is_closed]
    with request(stream=True) as response:
        seen.append(surface.list(response.iter_lines()))
    with request(stream=True) as response:
        seen.append([piece.to_dict() for piece in surface.list(surface.run(response.parse()))])
    return seen


@pytest.mark.parametrize("name", program.known)
def test_the_same_program_reads_the_same(surface, serve, name):
    theirs, ours = program.run(name, surface, serve)
    assert ours.result == theirs.result
    assert ours.sent == theirs.sent

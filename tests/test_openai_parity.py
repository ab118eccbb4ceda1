"""One program, two libraries: openai-python and tokstream read the same out of the same replies.

Each program is run with both on both surfaces, against servers that play the same script. What it returns, and the
JSON that it sent, must be equal.
"""

from __future__ import annotations

import importlib
import json

import pydantic
import pytest

import tokstream
from replies import HELLO, MODEL, USAGE, choice, chunk, completion, error, said, sse, text
from server import CLOSE, reply, stream
from surface import KEY

openai = pytest.importorskip("openai", reason="openai-python is not installed")
httpx = pytest.importorskip("httpx2", reason="openai-python has another HTTP library")

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
LOGPROB = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
HEADERS = [("X-Request-Id", "req_1"), ("X-Mine", "1")]

WHOLE = completion(
    " Hi!",
    message={"tool_calls": [CALL], "reasoning_content": "hm", "refusal": None, "mood": {"calm": [True, None]}},
    system_fingerprint="fp",
    service_tier="default",
    energy=1.5,
)
WHOLE["choices"][0]["logprobs"] = {"content": [LOGPROB], "refusal": None}

PIECES = [
    chunk(choice(role="assistant", content=" ")),
    chunk(choice(content="Hi")),
    chunk(choice(content="")),
    chunk(choice(content="</s>", mood="calm"), system_fingerprint="fp", obfuscation="xyz"),
    chunk(choice(tool_calls=[{"index": 0, **CALL}])),
    chunk(choice("stop")),
    chunk(usage=USAGE),
]

PROGRAMS = {}


def program(*script, **options):
    """A function of surface, client and library; the script is what the server plays for it."""

    def register(function):
        PROGRAMS[function.__name__] = (function, script, options)
        return function

    return register


def ask(surface, client, **params):
    params.setdefault("messages", HELLO)
    params.setdefault("model", MODEL)
    return surface.run(client.chat.completions.create(**params))


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


@program(*[reply(completion("ok"))] * 4)
def settings(surface, client, library):
    changed = client.with_options(
        default_headers={"X-Mine": "1", "X-A": "a"},
        default_query={"q": "1"},
        timeout=httpx.Timeout(60, read=5, connect=2),
    )
    ask(surface, changed)
    ask(surface, changed, extra_headers={"X-Mine": library.Omit()}, extra_query={"q": "2"}, timeout=httpx.Timeout(9))
    ask(
        surface,
        changed.copy(set_default_headers={}, set_default_query={}),
        temperature=library.omit,
        top_p=library.not_given,
    )
    client.api_key = "another"
    ask(surface, client)
    return [changed.timeout == httpx.Timeout(60, read=5, connect=2), changed.max_retries]


@program(stream(sse(*PIECES)), stream(sse(*PIECES)))
def a_stream_that_is_left(surface, client, library):
    first = ask(surface, client, stream=True)
    seen = [surface.first(first).choices[0].delta.content]
    surface.run(first.close())
    with surface.using(ask(surface, client, stream=True)) as answer:
        seen.append(surface.next(answer).choices[0].delta.content)
        seen.append(answer.response.headers["content-type"])
    return seen


PAGE = {"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in "ab"]}


@program(reply(PAGE), reply(PAGE))
def pages(surface, client, library):
    page = surface.run(client.models.list())
    return [
        page.has_next_page(),
        page.next_page_info(),
        [model.id for model in surface.list(page)] if surface.name == "async" else [model.id for model in page],
        sorted(model.id for model in surface.list(client.models.list())),
        page.to_dict() == PAGE,
    ]


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


@program(stream(sse(*PIECES)))
def a_stream_of_any_route(surface, client, library):
    chunk_class = importlib.import_module(f"{library.__name__}.types.chat").ChatCompletionChunk
    stream_class = library.AsyncStream if surface.name == "async" else library.Stream
    options = {"cast_to": chunk_class, "stream": True, "stream_cls": stream_class[chunk_class]}
    answer = surface.run(client.post("/chat/completions", body={"stream": True}, **options))
    return [piece.to_dict() for piece in surface.list(answer)]


@program(stream(sse(*PIECES), headers=HEADERS))
def chunks(surface, client, library):
    answer = ask(surface, client, stream=True, stream_options={"include_usage": True})
    read = surface.list(answer)
    return [
        [piece.to_dict() for piece in read],
        [piece.model_dump(exclude_unset=True) for piece in read],
        [[c.delta.content for c in piece.choices] for piece in read],
        [[c.delta.role for c in piece.choices] for piece in read],
        [[c.finish_reason for c in piece.choices] for piece in read],
        [piece.usage and piece.usage.total_tokens for piece in read],
        [piece.system_fingerprint for piece in read],
        read[3].obfuscation,
        read[3].choices[0].delta.mood,
        read[4].choices[0].delta.tool_calls[0].function.arguments,
        type(read[0]).__name__,
        answer.response.status_code,
        answer.response.headers["x-request-id"],
    ]


@program(stream(sse(*PIECES)))
def text_by_hand(surface, client, library):
    collected = ""
    for piece in surface.list(ask(surface, client, stream=True)):
        if piece.choices and piece.choices[0].delta.content is not None:
            collected += piece.choices[0].delta.content
    return collected


@program(stream(said("A", "B", "C")))
def stream_as_a_context(surface, client, library):
    with surface.using(ask(surface, client, stream=True)) as answer:
        first = surface.next(answer)
        return [first.choices[0].delta.content, [c.choices[0].delta.content for c in surface.list(answer)]]


@program(
    *(
        reply(sent, status, headers=HEADERS)
        for status, sent in [
            (400, error("no", code="c", type="t", param="p")),
            (401, {"detail": "Not authenticated"}),
            (403, {"error": "no"}),
            (404, error("no", code=7)),
            (409, {"detail": {"error": "no"}}),
            (418, [1, 2]),
            (422, {"detail": "no"}),
            (429, error("busy", code="engine_overloaded")),
            (500, "plain text"),
            (503, {}),
        ]
    ),
)
def errors(surface, client, library):
    seen = []
    for _ in range(10):
        with pytest.raises(library.APIStatusError) as caught:
            ask(surface, client)
        got = caught.value
        seen.append(
            [
                type(got).__name__,
                isinstance(got, library.APIError),
                got.status_code,
                got.body,
                got.code,
                got.type,
                got.param,
                got.request_id,
                got.response.status_code,
                got.response.headers["x-mine"],
                got.request.method,
                got.response.text,
            ]
        )
    return seen


@program([CLOSE], reply(completion("ok")))
def connection_errors(surface, client, library):
    with pytest.raises(library.APIConnectionError) as caught:
        ask(surface, client)
    got = caught.value
    return [
        type(got).__name__,
        isinstance(got, library.APIError),
        isinstance(got, library.APIStatusError),
        got.body,
        got.code,
        ask(surface, client).choices[0].message.content,
    ]


@program(stream(sse(text("A"), error("Model crashed", code="oom"))))
def error_in_mid_stream(surface, client, library):
    answer = ask(surface, client, stream=True)
    first = surface.next(answer).choices[0].delta.content
    with pytest.raises(library.APIError) as caught:
        surface.next(answer)
    got = caught.value
    return [first, type(got).__name__, got.message, got.body, got.code, got.type, got.param]


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


@program(
    reply({"object": "list", "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "x", "extra": [1]}]}),
    reply({"object": "list", "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "x"}]}),
    reply({"id": "a", "object": "model", "created": 1, "owned_by": "x", "extra": {"y": 2}}),
)
def models(surface, client, library):
    listed = surface.run(client.models.list())
    iterated = [model.id for model in surface.list(client.models.list())]
    one = surface.run(client.models.retrieve("a"))
    return [
        [model.to_dict() for model in listed.data],
        listed.data[0].extra,
        listed.object,
        iterated,
        one.to_dict(),
        one.extra,
        (one.id, one.created, one.owned_by, one.object),
    ]


def vectors(request):
    # Eight bytes: the floats 0.5 and -2 in base64.
    vector = "AAAAPwAAAMA=" if request.json.get("encoding_format") == "base64" else [0.5, -2.0]
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return reply({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 2}})


@program(vectors, vectors, vectors)
def embeddings(surface, client, library):
    seen = []
    for params in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        result = surface.run(client.embeddings.create(model="m", input=["a"], **params))
        (only,) = result.data
        seen.append([only.embedding, only.index, only.object, result.model, result.object])
        seen.append([result.usage.prompt_tokens, result.usage.total_tokens])
    return seen


@program(
    reply({"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"text": "t", "index": 0}]}),
    stream(
        sse(
            {"id": "c", "choices": [{"text": "a", "index": 0}]},
            {"id": "c", "choices": [{"text": "b", "index": 0, "finish_reason": "stop"}]},
        )
    ),
)
def completions(surface, client, library):
    result = surface.run(client.completions.create(model="m", prompt="p", max_tokens=5))
    pieces = surface.list(surface.run(client.completions.create(model="m", prompt="p", stream=True)))
    return [result.to_dict(), result.choices[0].text, [piece.choices[0].text for piece in pieces]]


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


@program(reply({"a": [1, {"b": None}]}), reply({"ok": True}))
def routes(surface, client, library):
    return [
        surface.run(client.get("/some/route", cast_to=object)),
        surface.run(client.post("/other", cast_to=object, body={"x": 1}, options={"headers": {"X-A": "1"}})),
    ]


@program(stream(sse(*PIECES)))
def events(surface, client, library):
    with surface.using(client.chat.completions.stream(messages=HELLO, model=MODEL)) as answer:
        seen = [
            [event.type, getattr(event, "delta", None), getattr(event, "content", None)]
            for event in surface.list(answer)
        ]
        final = surface.run(answer.get_final_completion())
    return [seen, final.choices[0].message.content, final.choices[0].finish_reason, final.usage.total_tokens]


@program()
def attributes(surface, client, library):
    changed = client.with_options(timeout=3, max_retries=5)
    return [
        client.api_key,
        client.max_retries,
        changed.timeout,
        changed.max_retries,
        client.is_closed(),
        bool(library.NOT_GIVEN),
        str(client.base_url).rstrip("/").rpartition("/")[2],
        client.chat.completions is not None,
    ]


@program()
def closing(surface, client, library):
    with surface.using(client) as entered:
        same = entered is client
    return [same, client.is_closed()]


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


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_program_reads_the_same(surface, serve, name):
    function, script, options = PROGRAMS[name]
    results, sent = [], []
    for library in (openai, tokstream):
        client_class = {
            ("sync", openai): openai.OpenAI,
            ("async", openai): openai.AsyncOpenAI,
            ("sync", tokstream): tokstream.Client,
            ("async", tokstream): tokstream.AsyncClient,
        }[surface.name, library]
        server = serve(*script)
        client = client_class(base_url=server.url, api_key=KEY, max_retries=0, **options)
        results.append(function(surface, client, library))
        surface.run(client.close())
        sent.append([request_of(request) for request in server.requests])
    assert results[1] == results[0]
    assert sent[1] == sent[0]


def request_of(request):
    """What of a request the two have in common."""
    body = request.json if request.body else None
    if isinstance(body, dict) and request.path.endswith("/embeddings"):
        # How vectors travel by default is each library's own choice.
        body.pop("encoding_format", None)
    if isinstance(body, dict) and body.get("stream") is False:
        # Which is what it is where nothing is said.
        del body["stream"]
    query = sorted(pair for pair in request.query if pair != ("filter", "with_meta"))
    mine = [request.header(name) for name in ("authorization", "content-type", "x-mine", "x-a")]
    return [request.method, request.path, query, body, mine]

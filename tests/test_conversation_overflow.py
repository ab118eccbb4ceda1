"""Conversations that outgrow the context of their model."""

from __future__ import annotations

import json

import pytest

import tokstream
from replies import MODEL, USAGE, completion, error, said
from server import reply, stream
from tokstream import BadRequestError, ContextLengthExceededError
from tokstream._conversation.messages import turns
from tokstream._conversation.overflow import read_error, without_oldest

SYSTEM = {"role": "system", "content": "Be brief."}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLS = [CALL, {**CALL, "id": "call_2"}]
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
RESULTS = [RESULT, {**RESULT, "tool_call_id": "call_2"}]
TOO_LONG = error(
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    code="context_length_exceeded",
)
VAGUE = error("The prompt is too long")


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **fields):
    return {"role": "assistant", "content": content, **fields}


def history(count, length=0):
    """This many turns, and a system message before them."""
    pairs = [(user(f"Q{n}" + "x" * length), assistant(f"A{n}")) for n in range(count)]
    return [SYSTEM, *(message for pair in pairs for message in pair)]


def models(length=8192, name=MODEL, **fields):
    return reply({"object": "list", "data": [{"id": name, "object": "model", **fields, "metadata": metadata(length)}]})


def metadata(length):
    return {"context_length": length, "max_tokens": 4096, "pricing": {}, "tags": []}


def routed(length=None, refuse=lambda messages: None, usage=USAGE):
    """A server that knows its models, and refuses messages that it finds too long."""

    def answer(request):
        if request.path.endswith("/models"):
            return models(length)
        refusal = refuse(request.json["messages"])
        if refusal is not None:
            return reply(refusal, status=400)
        return stream(said("Yes")) if request.json.get("stream") else reply(completion("Yes", usage=usage))

    return answer


def chats(server):
    return [request.json["messages"] for request in server.requests if not request.path.endswith("/models")]


def ask(surface, conversation, streamed, message="New", **params):
    if streamed:
        return surface.run(surface.run(conversation.stream(message, **params)).get_final_completion())
    return surface.run(conversation.send(message, **params))


INPUT = "Requested input length 9000 exceeds maximum input length 8191"
INPUT_OF_SGLANG = "The input (9,000 tokens) is longer than the model's context length (8,192 tokens)."

# What servers say: status, body, and what is read from it.
SAID = {
    "DeepInfra": (500, error("Requested input length 9000 exceeds maximum input length 8191"), 9000, 8191),
    "DeepInfra, older": (
        500,
        {"detail": {"error": "Requested input length 9000 exceeds maximum input length 8191"}},
        9000,
        8191,
    ),
    "OpenAI": (400, TOO_LONG, 9000, 8192),
    "OpenAI, with a reply": (
        400,
        error(
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens "
            "(8000 in the messages, 1000 in the completion). Please reduce the length of the messages or completion."
        ),
        9000,
        8192,
    ),
    "OpenAI, code alone": (400, error("Input too large", code="context_length_exceeded"), None, None),
    "vLLM": (
        400,
        {
            "object": "error",
            "message": "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context "
            "length is 8192 tokens and your request has 4000 input tokens (5000 > 8192 - 4000).",
            "type": "BadRequestError",
        },
        None,
        8192,
    ),
    "SGLang": (
        400,
        error(INPUT_OF_SGLANG),
        9000,
        8192,
    ),
    "llama.cpp": (
        400,
        error(
            "the request exceeds the available context size, try increasing it",
            code=400,
            type="exceed_context_size_error",
            n_prompt_tokens=9000,
            n_ctx=8192,
        ),
        9000,
        8192,
    ),
    "llama.cpp, newer": (
        400,
        error("request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it"),
        9000,
        8192,
    ),
    "Anthropic": (400, error("prompt is too long: 210000 tokens > 200000 maximum"), 210_000, 200_000),
    "Gemini": (
        400,
        [error("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")],
        1_200_000,
        1_048_576,
    ),
    "TGI": (422, error("`inputs` must have less than 8191 tokens. Given: 9000"), 9000, 8191),
    "TGI, with a reply": (
        422,
        error(
            "`inputs` tokens + `max_new_tokens` must be <= 8192. Given: 9000 `inputs` tokens and 100 `max_new_tokens`"
        ),
        9000,
        8192,
    ),
    "text": (422, "Input validation error: too many input tokens", None, None),
    "absurd": (400, error(f"context length {'9' * 5000} exceeded {'8' * 5000}"), None, None),
}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_servers_say_of_it(surface, client, name, streamed):
    status, body, tokens, limit = SAID[name]
    api, server = client(reply(body, status=status), model="a/b")
    conversation = api.conversation(system="Be brief.")
    with pytest.raises(ContextLengthExceededError, match="too long for a/b") as caught:
        ask(surface, conversation, streamed)
    if tokens is not None:
        assert caught.value.tokens == tokens
        assert f"{tokens:,} tokens" in str(caught.value)
    if limit is not None:
        assert caught.value.limit == limit
    assert caught.value.model == "a/b"
    assert "drop_oldest" in str(caught.value)
    assert isinstance(caught.value.__cause__, tokstream.APIStatusError)
    assert caught.value.__cause__.status_code == status
    assert conversation.messages == [SYSTEM]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid value for temperature: the maximum is 2"),
        (400, "max_tokens must be at least 1"),
        (401, "Your key has no access to this context length"),
        (429, "Request too large: limit 30000 tokens per minute of context length, requested 40000"),
        (404, "Model is not available"),
        (422, "messages: field required"),
    ],
)
def test_other_errors_are_none_of_it(surface, client, status, message):
    api, _ = client(reply(error(message), status=status), max_retries=0)
    conversation = api.conversation(messages=history(3), on_overflow="drop_oldest")
    with pytest.raises(tokstream.APIStatusError, match=message.split(":")[0]):
        surface.run(conversation.send("New"))
    assert conversation.messages == history(3)


def test_a_connection_that_fails_is_none_of_it():
    assert read_error(tokstream.APIConnectionError("the maximum context length")) is None
    assert read_error(tokstream.APIError("the maximum context length is 5 tokens")).limit == 5


@pytest.mark.parametrize("streamed", [False, True])
def test_the_oldest_turns_are_dropped(surface, client, streamed):
    api, server = client(
        reply(TOO_LONG, status=400), stream(said("Yes")) if streamed else reply(completion("Yes")), reply(completion())
    )
    conversation = api.conversation(messages=history(4, length=100), on_overflow="drop_oldest", max_tokens=100)
    ask(surface, conversation, streamed)
    # Of 9000 tokens 908 and the reply's 100 are too many: more than one turn of about 2000.
    whole = [*history(4, length=100), user("New")]
    assert chats(server) == [whole, [SYSTEM, *whole[3:]]]
    assert conversation.messages == [SYSTEM, *whole[3:], assistant("Yes")]
    surface.run(conversation.send("Newer"))
    assert chats(server)[2] == [*conversation.messages[:-1]]


def test_the_history_stays_the_same_list(surface, client):
    api, _ = client(reply(TOO_LONG, status=400), reply(completion()))
    conversation = api.conversation(messages=history(4), on_overflow="drop_oldest")
    messages = conversation.messages
    surface.run(conversation.send("New"))
    assert conversation.messages is messages
    assert len(messages) < 9


@pytest.mark.parametrize("streamed", [False, True])
def test_it_is_shortened_again_and_again_but_not_for_ever(surface, client, streamed):
    api, server = client(then=reply(VAGUE, status=400))
    whole = [*history(40), user("New")]
    conversation = api.conversation(messages=whole[:-1], on_overflow="drop_oldest")
    with pytest.raises(ContextLengthExceededError, match="shortened as far as") as caught:
        ask(surface, conversation, streamed)
    sent = chats(server)
    assert [len(messages) for messages in sent] == [82, 80, 76, 68, 52, 2]
    assert sent[-1] == [SYSTEM, user("New")]
    assert isinstance(caught.value.__cause__, BadRequestError)
    assert conversation.messages == whole[:-1]


def test_a_message_that_is_too_long_by_itself(surface, client):
    api, _ = client(reply(TOO_LONG, status=400))
    conversation = api.conversation(system="Be brief.", on_overflow="drop_oldest")
    with pytest.raises(ContextLengthExceededError, match="send less"):
        surface.run(conversation.send("New"))
    assert conversation.messages == [SYSTEM]


def test_a_failure_after_it_was_shortened_leaves_the_history_as_it_was(surface, client):
    api, _ = client(reply(TOO_LONG, status=400), reply(error("No"), status=400))
    conversation = api.conversation(messages=history(4), on_overflow="drop_oldest")
    with pytest.raises(BadRequestError, match="No"):
        surface.run(conversation.send("New"))
    assert conversation.messages == history(4)


def test_turns_stay_whole():
    first = [
        user("One"),
        assistant(None, tool_calls=CALLS),
        RESULT,
        {**RESULT, "tool_call_id": "call_2"},
        assistant("42"),
    ]
    late = [{"role": "system", "content": "From now on in French."}]
    second = [user("Two"), assistant("Deux")]
    messages = [SYSTEM, *first, *late, *second, user("Three")]
    assert turns(messages) == [[1, 2, 3, 4, 5], [7, 8], [9]]
    assert without_oldest(messages, keep=None, least=1) == [SYSTEM, *late, *second, user("Three")]
    assert without_oldest(messages, keep=None, least=9) == [SYSTEM, *late, user("Three")]
    assert without_oldest([SYSTEM, user("Three")], keep=0.1, least=1) is None
    assert without_oldest([SYSTEM], keep=None, least=1) is None


def test_a_call_stays_with_its_result():
    """Also where a message of the user stands between the two."""
    split = [
        user("One"),
        assistant(None, tool_calls=CALLS),
        RESULT,
        user("(a picture)"),
        {**RESULT, "tool_call_id": "call_2"},
    ]
    messages = [*split, user("Two"), assistant(None, tool_calls=[CALL]), RESULT]
    assert turns(messages) == [[0, 1, 2, 3, 4], [5, 6, 7]]
    assert turns([user("Zero"), *messages]) == [[0], [1, 2, 3, 4, 5], [6, 7, 8]]
    # What came before the first message of the user, or has no call.
    assert turns([assistant("Hello!"), user("Hi"), RESULT]) == [[0], [1, 2]]


def test_strange_messages_are_in_turns():
    strange = [{"tool_calls": 5}, {"role": "user", "tool_calls": ["x"]}, {"role": "tool", "tool_call_id": 7}, {}]
    assert turns(strange) == [[0], [1, 2, 3]]
    assert without_oldest(strange, keep=None, least=1) == strange[1:]


def test_new_results_of_tools_stay_with_their_call(surface, client):
    api, server = client(reply(TOO_LONG, status=400), reply(completion("Yes")))
    begun = [user("Two"), assistant(None, tool_calls=[CALL])]
    conversation = api.conversation(messages=[*history(1), *begun], on_overflow="drop_oldest")
    surface.run(conversation.send(RESULT))
    assert chats(server)[1] == [SYSTEM, *begun, RESULT]


@pytest.mark.parametrize("awaitable", [False, True])
def test_a_function_decides(surface, client, awaitable):
    seen = []

    def shorten(messages):
        seen.append(json.dumps(messages))
        messages[1]["content"] = "It was about x."
        return messages[:2] + messages[-1:]

    async def shorten_async(messages):
        return shorten(messages)

    api, server = client(reply(TOO_LONG, status=400), reply(completion("Yes")))
    conversation = api.conversation(messages=history(4), on_overflow=shorten_async if awaitable else shorten)
    if awaitable and surface.name == "sync":
        with pytest.raises(TypeError, match="AsyncClient"):
            surface.run(conversation.send("New"))
        assert conversation.messages == history(4)
        server.script.clear()
        return
    surface.run(conversation.send("New"))
    assert seen == [json.dumps([*history(4), user("New")])]
    shorter = [SYSTEM, user("It was about x."), user("New")]
    assert chats(server)[1] == shorter
    assert conversation.messages == [*shorter, assistant("Yes")]


@pytest.mark.parametrize("given", [None, "text", {"role": "user"}, 5, [5], [], [None]])
def test_a_function_that_returns_no_messages(surface, client, given):
    api, _ = client(reply(TOO_LONG, status=400))
    conversation = api.conversation(messages=history(2), on_overflow=lambda messages: given)
    with pytest.raises((TypeError, ValueError)):
        surface.run(conversation.send("New"))
    assert conversation.messages == history(2)


def test_a_function_that_shortens_nothing_is_not_asked_for_ever(surface, client):
    api, server = client(then=reply(TOO_LONG, status=400))
    conversation = api.conversation(messages=history(2), on_overflow=lambda messages: messages)
    with pytest.raises(ContextLengthExceededError):
        surface.run(conversation.send("New"))
    assert len(server.requests) == 1
    conversation.on_overflow = lambda messages: [*messages, SYSTEM]
    with pytest.raises(ContextLengthExceededError):
        surface.run(conversation.send("New"))
    assert len(server.requests) == 6
    assert conversation.messages == history(2)


def test_a_function_that_fails(surface, client):
    api, _ = client(reply(TOO_LONG, status=400))

    def shorten(messages):
        raise ZeroDivisionError

    conversation = api.conversation(messages=history(2), on_overflow=shorten)
    with pytest.raises(ZeroDivisionError):
        surface.run(conversation.send("New"))
    assert conversation.messages == history(2)
    assert conversation._turn is None


# ── by what the server says of its models ─────────────────────────────────────────────────────

LONG = "word " * 2000


@pytest.mark.parametrize("streamed", [False, True])
def test_the_models_length_is_known_before(surface, client, streamed):
    api, server = client(then=routed(1000))
    conversation = api.conversation(system="Be brief.", on_overflow="raise")
    with pytest.raises(ContextLengthExceededError, match="where its context holds 1,000") as caught:
        ask(surface, conversation, streamed, LONG)
    assert caught.value.limit == 1000
    assert 2000 < caught.value.tokens < 3000
    assert caught.value.__cause__ is None
    assert chats(server) == []
    assert conversation.messages == [SYSTEM]
    # A guess of 1250 tokens may be wrong, and refuses nothing.
    ask(surface, conversation, streamed, "word " * 1000)
    assert len(chats(server)) == 1


def test_the_servers_counts_are_taken_at_their_word(surface, client):
    usage = {
        **USAGE,
        "prompt_tokens": 900,
        "completion_tokens": 200,
        "completion_tokens_details": {"reasoning_tokens": 150},
    }
    api, server = client(then=routed(1000, usage=usage))
    conversation = api.conversation(on_overflow="raise")
    surface.run(conversation.send("One"))
    surface.run(conversation.send("word " * 10))  # 950 and a few
    with pytest.raises(ContextLengthExceededError) as caught:
        surface.run(conversation.send("word " * 200))
    assert caught.value.tokens > 1000
    # What was counted is counted no more where it was changed.
    del conversation.messages[1:]
    surface.run(conversation.send("word " * 200))
    assert len(chats(server)) == 3


@pytest.mark.parametrize("streamed", [False, True])
def test_turns_are_dropped_before_they_are_too_many(surface, client, streamed):
    api, server = client(then=routed(1000))
    conversation = api.conversation(messages=history(10, length=400), on_overflow="drop_oldest")
    ask(surface, conversation, streamed)
    (sent,) = chats(server)
    assert sent[0] == SYSTEM
    assert sent[-1] == user("New")
    assert sent[1:] == [*history(10, length=400), user("New")][-len(sent) + 1 :]
    # 1000 tokens less an eighth for the reply are some 3500 bytes: 8 turns of 400.
    assert len(sent) in (14, 16)


def test_room_is_left_for_the_reply(surface, client):
    lengths = []
    for most in (10, 400):
        api, server = client(then=routed(1000))
        conversation = api.conversation(messages=history(10, length=400), on_overflow="drop_oldest", max_tokens=most)
        surface.run(conversation.send("New"))
        lengths.append(len(chats(server)[0]))
    assert lengths[0] > lengths[1] + 4


def test_a_function_decides_before(surface, client):
    api, server = client(then=routed(1000))
    conversation = api.conversation(messages=history(10, length=1000), on_overflow=lambda messages: messages[-1:])
    surface.run(conversation.send("New"))
    assert chats(server) == [[user("New")]]


def test_the_models_are_asked_for_once_and_only_when_it_may_matter(surface, client):
    api, server = client(then=routed(100_000))
    for _ in range(2):
        conversation = api.conversation(system="Be brief.", on_overflow="drop_oldest")
        surface.run(conversation.send("Short"))
        surface.run(conversation.send(LONG))
    paths = [request.path.rpartition("/v1/openai")[2] for request in server.requests]
    assert paths == ["/chat/completions", "/models", *["/chat/completions"] * 3]


def test_no_models_are_asked_for_without_a_policy_or_with_a_known_length(surface, client):
    api, server = client(then=routed(100))
    surface.run(api.conversation().send(LONG))
    known = api.conversation(context_length=1000, on_overflow="raise")
    with pytest.raises(ContextLengthExceededError):
        surface.run(known.send(LONG))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply({"error": "no such route"}, status=404),
        reply("<html>"),
        reply({"object": "list", "data": None}),
        reply({"object": "list", "data": [{"id": MODEL, "metadata": "none"}, {"id": 5}]}),
        reply({"object": "list", "data": [{"id": MODEL, "metadata": metadata(True)}]}),
        reply({"object": "list", "data": [{"id": MODEL, "metadata": metadata("8192")}]}),
        models(10, name="another/model"),
    ],
)
def test_a_server_that_does_not_say_it(surface, client, answer):
    api, server = client(answer, reply(TOO_LONG, status=400), reply(completion("Yes")), max_retries=0)
    conversation = api.conversation(messages=history(3, length=2000), on_overflow="drop_oldest")
    surface.run(conversation.send("New"))
    assert len(server.requests) == 3
    assert conversation.messages[-1] == assistant("Yes")
    assert len(conversation.messages) < 9


@pytest.mark.parametrize("name", ["context_length", "max_model_len", "context_window", "max_context_length"])
def test_other_servers_say_it_elsewhere(surface, client, name):
    api, _ = client(reply({"object": "list", "data": [{"id": MODEL, "object": "model", name: 500}]}))
    with pytest.raises(ContextLengthExceededError) as caught:
        surface.run(api.conversation(on_overflow="raise").send(LONG))
    assert caught.value.limit == 500


def test_pictures_count_as_something(surface, client):
    api, _ = client(then=routed(2000))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    conversation = api.conversation(on_overflow="raise")
    surface.run(conversation.send(["What is this?", image]))
    with pytest.raises(ContextLengthExceededError):
        surface.run(conversation.send([image] * 5))

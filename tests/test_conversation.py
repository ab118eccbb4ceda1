"""Conversations: what is sent with each message, what is kept of each reply, and what it costs."""

from __future__ import annotations

import copy
import pickle

import pytest

import tokstream
from replies import MODEL, USAGE, chunk, completion, error, finish, said, sse, text
from server import Gate, reply, stream
from tokstream import AsyncConversation, BudgetExceededError, ConfigurationError, Conversation, ConversationError
from tokstream.types.chat import ChatCompletionMessage

SYSTEM = {"role": "system", "content": "Be brief."}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a": 1}'},
    "extra_content": {"google": {"thought_signature": "abc"}},
}


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **fields):
    return {"role": "assistant", "content": content, **fields}


def begun(surface, client, **options):
    """A conversation after one question."""
    conversation = client.conversation(system="Be brief.", **options)
    surface.run(conversation.send("One"))
    return conversation


def test_each_message_is_sent_with_what_was_said(surface, client):
    api, server = client(*[reply(completion(f"Answer {number}")) for number in range(3)])
    conversation = api.conversation(system="Be brief.", model="a/b", temperature=0.5)
    first = surface.run(conversation.send("One"))
    assert first.choices[0].message.content == "Answer 0"
    surface.run(conversation.send("Two", temperature=0, max_tokens=5))
    surface.run(conversation.send("Three", model="c/d"))
    history = [SYSTEM, user("One"), assistant("Answer 0"), user("Two"), assistant("Answer 1"), user("Three")]
    assert [request.json for request in server.requests] == [
        {"messages": history[:2], "model": "a/b", "temperature": 0.5},
        {"messages": history[:4], "model": "a/b", "temperature": 0, "max_tokens": 5},
        {"messages": history, "model": "c/d", "temperature": 0.5},
    ]
    assert conversation.messages == [*history, assistant("Answer 2")]
    assert conversation.params == {"temperature": 0.5}


def test_half_of_a_surrogate_pair_is_kept_as_a_replacement(surface, client):
    api, server = client(reply(completion("Cut \ud83d", message={"extra": ["\ud83d"]})), reply(completion()))
    conversation = begun(surface, api)
    surface.run(conversation.send("Two"))
    kept = assistant("Cut \ufffd", extra=["\ufffd"])
    assert conversation.messages[2] == server.requests[1].json["messages"][2] == kept


def test_the_model_and_the_class_are_the_clients(surface, client):
    api, server = client(reply(completion()), model="the/clients")
    conversation = api.conversation()
    assert type(conversation) is {"sync": Conversation, "async": AsyncConversation}[surface.name]
    surface.run(conversation.send("Hello!"))
    assert server.request.json == {"messages": [user("Hello!")], "model": "the/clients"}


def test_the_history_can_be_changed(surface, client):
    api, server = client(*[reply(completion())] * 2)
    conversation = begun(surface, api)
    conversation.messages[0]["content"] = "Be long."
    del conversation.messages[2]
    conversation.messages.append(ChatCompletionMessage(role="assistant", content="Mine"))
    surface.run(conversation.send("Two"))
    assert server.requests[1].json["messages"] == [
        {"role": "system", "content": "Be long."},
        user("One"),
        assistant("Mine"),
        user("Two"),
    ]


def test_it_goes_on_from_what_was_said_before(surface, client):
    api, server = client(reply(completion()))
    conversation = api.conversation(system="Be brief.", messages=[user("One"), assistant("Two")])
    surface.run(conversation.send("Three"))
    assert server.request.json["messages"] == [SYSTEM, user("One"), assistant("Two"), user("Three")]


def test_what_can_be_sent(surface, client):
    api, server = client(then=reply(completion()))
    image = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}
    tool = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    cases = [
        ("text", [user("text")]),
        ("", [user("")]),
        (user("a dict"), [user("a dict")]),
        ({**user("named"), "name": "Ann"}, [{**user("named"), "name": "Ann"}]),
        (["look:", image], [user([{"type": "text", "text": "look:"}, image])]),
        (image, [user([image])]),
        ([tool, user("and?")], [tool, user("and?")]),
        ([ChatCompletionMessage(role="assistant", content="x"), user("and?")], [assistant("x"), user("and?")]),
    ]
    for given, sent in cases:
        conversation = api.conversation()
        surface.run(conversation.send(given))
        assert server.requests[-1].json["messages"] == sent == conversation.messages[:-1]


LONG = "It was a dark and stormy night in Oslo,"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "texts",
    [
        ("He", "llo", "Hello"),
        (LONG, " and cold.", LONG + " and cold."),
        (LONG, LONG + " and cold.", LONG + " and cold."),
    ],
)
def test_a_reply_goes_on_with_what_was_begun(surface, client, texts, streamed):
    begun, said, kept = texts
    api, server = client(stream(sse(text(said), finish())) if streamed else reply(completion(said)))
    conversation = api.conversation()
    given = [user("One"), assistant(begun)]
    if streamed:
        surface.run(surface.run(conversation.stream(given)).until_done())
    else:
        surface.run(conversation.send(given))
    assert server.request.json["messages"] == given == [user("One"), assistant(begun)]
    assert conversation.messages == [user("One"), assistant(kept)]


@pytest.mark.parametrize("given", [5, b"bytes", [], [user("a"), "b"], {"content": "no role"}, [[]], dict, object()])
def test_what_cannot_be_sent(surface, client, given):
    api, server = client()
    conversation = api.conversation(system="Be brief.")
    with pytest.raises((TypeError, ValueError)):
        surface.run(conversation.send(given))
    assert conversation.messages == [SYSTEM]
    assert server.requests == []


def test_nothing_is_sent_without_a_message_but_what_was_appended(surface, client):
    api, server = client(reply(completion("Hi!")))
    conversation = api.conversation()
    with pytest.raises(ValueError, match="nothing to reply to"):
        surface.run(conversation.send())
    conversation.messages.append(user("Hello!"))
    surface.run(conversation.send())
    assert server.request.json["messages"] == [user("Hello!")]
    assert conversation.messages == [user("Hello!"), assistant("Hi!")]
    with pytest.raises(ValueError, match="nothing to reply to"):
        surface.run(conversation.stream())


@pytest.mark.parametrize("streamed", [False, True])
def test_a_reply_is_kept_as_the_service_takes_it(surface, client, streamed):
    message = {"reasoning_content": "Let me think.", "tool_calls": [CALL]}
    if streamed:
        delta = {"role": "assistant", "content": None, "refusal": None, **message, "tool_calls": [{**CALL, "index": 0}]}
        script = stream(sse(chunk({"index": 0, "delta": delta, "finish_reason": None}), finish("tool_calls")))
    else:
        unasked = {"name": None, "annotations": [], "audio": None, "refusal": None, "function_call": None}
        script = reply(completion(None, message={**unasked, **message, "tool_calls": [{**CALL, "index": 0}]}))
    api, server = client(script, reply(completion("Done")))
    conversation = api.conversation()
    if streamed:
        surface.run(surface.run(conversation.stream("One")).get_final_completion())
    else:
        surface.run(conversation.send("One"))
    kept = assistant(None, reasoning_content="Let me think.", tool_calls=[CALL])
    assert conversation.messages == [user("One"), kept]
    tool = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    surface.run(conversation.send(tool))
    assert server.requests[1].json["messages"] == [user("One"), kept, tool]


def test_what_servers_refuse_of_a_reply_is_not_kept(surface, client):
    message = {
        "tool_calls": [],
        "annotations": [{"type": "url_citation"}],
        "audio": {"id": "a", "data": "…"},
        "mood": "calm",
    }
    api, _ = client(reply(completion(None, message=message)))
    conversation = api.conversation()
    surface.run(conversation.send("One"))
    # A content may be null beside tool calls alone; what the server adds of its own is its own to take back.
    assert conversation.messages[1] == assistant("", audio={"id": "a"}, mood="calm")


@pytest.mark.parametrize("choices", [[], None, [{}], [{"message": None}], [{"message": "Hi"}]])
def test_a_reply_without_an_answer_leaves_the_history_as_it_was(surface, client, choices):
    api, _ = client(reply(completion(choices=choices)))
    conversation = api.conversation(system="Be brief.")
    surface.run(conversation.send("One"))
    assert conversation.messages == [SYSTEM]
    assert conversation.usage.requests == 1


def test_a_strange_reply_is_the_assistants(surface, client):
    strange = {"messages": [1], "completions": [2], "completion": 3, "run": 4}
    api, _ = client(reply(completion("Hi!", message={"role": "model"}, **strange)))
    conversation = api.conversation()
    assert surface.run(conversation.send("One")).choices[0].message.content == "Hi!"
    assert conversation.messages == [user("One"), assistant("Hi!")]


def test_the_history_can_be_replaced(surface, client):
    api, server = client(reply(completion()))
    conversation = api.conversation()
    conversation.messages = (SYSTEM, user("One"), assistant("Two"))
    surface.run(conversation.send("Three"))
    assert len(server.request.json["messages"]) == 4
    assert conversation.messages[3:] == [user("Three"), assistant("Hi!")]


def test_a_failed_request_leaves_the_history_as_it_was(surface, client):
    api, server = client(reply(error("No"), status=400), reply(error("No"), status=400), reply(completion()))
    conversation = api.conversation(system="Be brief.", keep_partial=True)
    for ask in conversation.send, conversation.stream:
        with pytest.raises(tokstream.BadRequestError):
            surface.run(ask("One"))
        assert conversation.messages == [SYSTEM]
    surface.run(conversation.send("Two"))
    assert server.requests[2].json["messages"] == [SYSTEM, user("Two")]


def test_usage_and_cost(surface, client):
    other = completion(model="other/model", usage={**USAGE, "estimated_cost": 1.5})
    api, _ = client(reply(completion()), stream(sse(text("Hi"), finish(usage=USAGE))), reply(other))
    conversation = begun(surface, api)
    stream_ = surface.run(conversation.stream("Two"))
    assert surface.list(stream_.text_stream) == ["Hi"]
    surface.run(conversation.send("Three"))
    assert conversation.usage == tokstream.Usage(3, 45, 48, 93, pytest.approx(1.5000536))
    assert conversation.cost == conversation.usage.estimated_cost
    assert conversation.usage.by_model == {
        MODEL: tokstream.Usage(2, 30, 32, 62, pytest.approx(0.0000536)),
        "other/model": tokstream.Usage(1, 15, 16, 31, 1.5),
    }
    assert api.usage == conversation.usage
    assert isinstance(conversation.usage.total_tokens, int)


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": "many", "estimated_cost": None, "total_tokens": -5}, {"estimated_cost": True}]
)
def test_a_server_that_does_not_say_what_was_used(surface, client, usage):
    api, _ = client(reply(completion(usage=usage)))
    conversation = begun(surface, api)
    assert conversation.usage == tokstream.Usage(1)


def test_a_streamed_reply_is_asked_what_it_used(surface, client):
    api, server = client(*[stream(said("Hi"))] * 2)
    conversation = api.conversation()
    surface.run(surface.run(conversation.stream("One")).until_done())
    surface.run(surface.run(conversation.stream("Two", stream_options={"include_usage": False})).until_done())
    assert [request.json["stream_options"]["include_usage"] for request in server.requests] == [True, False]
    assert all(request.json["stream"] is True for request in server.requests)


@pytest.mark.parametrize("streamed", [False, True])
def test_max_cost(surface, client, streamed):
    usage = {**USAGE, "estimated_cost": 0.25}
    whole, pieces = reply(completion(usage=usage)), stream(sse(text("Hi"), finish(usage=usage)))
    api, server = client(*[pieces if streamed else whole] * 2)
    conversation = api.conversation(max_cost=0.5)

    def ask():
        if streamed:
            surface.run(surface.run(conversation.stream("One")).until_done())
        else:
            surface.run(conversation.send("One"))

    ask()
    ask()
    before = list(conversation.messages)
    with pytest.raises(BudgetExceededError, match="max_cost") as caught:
        ask()
    assert (caught.value.limit, caught.value.spent) == (0.5, 0.5)
    assert conversation.messages == before
    assert len(server.requests) == 2
    # Nor is what was spent forgotten by what goes on from here.
    with pytest.raises(BudgetExceededError):
        surface.run(conversation.fork().send("One"))
    conversation.undo()
    with pytest.raises(BudgetExceededError):
        surface.run(conversation.send("One"))
    conversation.max_cost = 0.6
    server.script.append(whole)
    surface.run(conversation.send("One"))


def test_a_fork_goes_its_own_way(surface, client):
    api, server = client(*[reply(completion(f"Answer {number}")) for number in range(3)])
    conversation = begun(surface, api, temperature=0)
    fork = conversation.fork()
    surface.run(fork.send("Two"))
    fork.messages[0]["content"] = "Changed"
    fork.params["temperature"] = 1
    assert conversation.messages == [SYSTEM, user("One"), assistant("Answer 0")]
    surface.run(conversation.send("Three"))
    assert server.requests[2].json["messages"] == [SYSTEM, user("One"), assistant("Answer 0"), user("Three")]
    assert server.requests[2].json["temperature"] == 0
    assert conversation.usage.requests == fork.usage.requests == 2


def test_undo(surface, client):
    api, server = client(*[reply(completion())] * 2)
    conversation = begun(surface, api)
    tool = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    last = [user("Two"), assistant(None, tool_calls=[CALL]), tool, assistant("It is 42.")]
    conversation.messages += last
    assert conversation.undo() == last
    assert conversation.messages == [SYSTEM, user("One"), assistant("Hi!")]
    assert conversation.undo() == [user("One"), assistant("Hi!")]
    for _ in range(2):
        with pytest.raises(ConversationError, match="nothing to undo"):
            conversation.undo()
    assert conversation.messages == [SYSTEM]
    surface.run(conversation.send("Again"))
    assert server.requests[1].json["messages"] == [SYSTEM, user("Again")]


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies(surface, client, twin):
    headers = {"Authorization": "Bearer secret-1", "X-Api-Key": "secret-2", "X-Team": "blue"}
    api, server = client(*[reply(completion())] * 2)
    conversation = begun(surface, api, extra_headers=headers, max_cost=1, extra_body={"api_key": "secret-3", "k": 1})
    other = twin(conversation)
    assert type(other) is type(conversation)
    assert other.messages == conversation.messages
    assert other.messages is not conversation.messages
    assert other.messages[0] is not conversation.messages[0]
    assert other.usage == conversation.usage
    assert other.max_cost == 1
    if other.client is not api:
        other.client.api_key = "another"
    surface.run(other.send("Two"))
    assert server.requests[1].json["messages"] == [SYSTEM, user("One"), assistant("Hi!"), user("Two")]
    assert server.requests[1].header("x-team") == "blue"
    assert len(conversation.messages) == 3
    assert b"secret" not in pickle.dumps(conversation)
    if other.client is not api:
        surface.run(other.client.close())


def test_a_second_message_while_one_is_on_its_way(surface, client):
    gate = Gate()
    api, server = client([gate, *reply(completion("First"))], reply(completion("Third")))
    conversation = api.conversation()
    first = surface.begin(conversation.send, "One")
    surface.meanwhile(lambda: server.wait_requests(1))
    for ask in conversation.send, conversation.stream:
        with pytest.raises(ConversationError, match="one message after the other"):
            surface.run(ask("Two"))
    gate.set()
    assert surface.outcome(first).choices[0].message.content == "First"
    surface.run(conversation.send("Three"))
    assert [message["content"] for message in conversation.messages] == ["One", "First", "Three", "Third"]


def test_a_message_while_a_stream_is_being_read(surface, client):
    gate = Gate()
    api, _ = client(stream(sse(text("Half"), done=False), gate, said(" whole")), reply(completion("Second")))
    conversation = api.conversation()
    stream_ = surface.run(conversation.stream("One"))
    surface.next(stream_)
    reading = surface.begin(surface.next_of, stream_)
    while not conversation._turn.busy:
        surface.meanwhile(lambda: None)
    for ask in conversation.send, conversation.stream:
        with pytest.raises(ConversationError, match="one message after the other"):
            surface.run(ask("Two"))
    gate.set()
    assert surface.outcome(reading).choices[0].delta.content == " whole"
    surface.run(stream_.until_done())
    surface.run(conversation.send("Three"))
    assert conversation.messages == [user("One"), assistant("Half whole"), user("Three"), assistant("Second")]


@pytest.mark.parametrize(
    "options",
    [
        {"on_overflow": "drop_newest"},
        {"on_overflow": 5},
        {"max_cost": -1},
        {"max_cost": "much"},
        {"max_cost": float("nan")},
        {"max_cost": True},
    ],
)
def test_settings_without_a_meaning(surface, options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        surface.client("http://127.0.0.1:1/v1").conversation(**options)


@pytest.mark.parametrize("system", [5, b"Be brief.", {"role": "system", "content": "Be brief."}])
def test_what_is_no_content_of_a_system_message(surface, system):
    with pytest.raises(TypeError, match="system= must be a text or a list of parts"):
        surface.client("http://127.0.0.1:1/v1").conversation(system=system)


def test_arguments_that_a_conversation_does_not_take(surface):
    client = surface.client("http://127.0.0.1:1/v1")
    with pytest.raises(TypeError, match=r"\.stream\("):
        client.conversation(stream=True)
    conversation = client.conversation()
    with pytest.raises(TypeError, match="messages="):
        surface.run(conversation.send("x", messages=[]))
    with pytest.raises(TypeError, match="raw"):
        client.with_raw_response.conversation()
    other = {Conversation: AsyncConversation, AsyncConversation: Conversation}[type(conversation)]
    with pytest.raises(TypeError, match="Client"):
        other(client)
    with pytest.raises(TypeError, match="Client"):
        other(None)


def test_replaced_methods_are_called(surface, client):
    api, _ = client(reply(completion()))
    create = api.chat.completions.create
    seen = []

    def spy(**params):
        seen.append(params["messages"])
        return create(**params)

    conversation = api.conversation()
    api.chat.completions.create = spy
    surface.run(conversation.send("One"))
    assert seen == [[user("One")]]


def test_a_replaced_resource_is_asked(surface, client):
    api, _ = client(reply(completion()))
    real = api.chat.completions

    class Spy:
        __slots__ = ("seen",)

        def create(self, **params):
            self.seen = params
            return real.create(**params)

    spy = Spy()
    api.chat.completions = spy
    surface.run(api.conversation().send("One", auto_continue=True))
    assert spy.seen["auto_continue"] is True


def test_a_conversation_that_is_dropped_lets_its_client_go(surface, client):
    import gc
    import weakref

    api, _ = client(reply(completion()), stream(said("Hi")))
    conversation = begun(surface, api)
    surface.first(surface.run(conversation.stream("Two")))
    gone = weakref.ref(conversation)
    gc.disable()
    try:
        del conversation
        assert gone() is None
    finally:
        gc.enable()


def test_the_transcript(surface):
    client = surface.client("http://127.0.0.1:1/v1", model="a/b")
    thinking = assistant("**Sure** <script>alert(1)</script>", reasoning_content="<b>hm</b>", tool_calls=[CALL])
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "data:…"}}]
    tool = {"role": "tool", "tool_call_id": "call_1", "content": "42 & more"}
    conversation = client.conversation(system="Be brief.", messages=[user(parts), thinking, tool])
    assert str(conversation) == (
        "system:\nBe brief.\n\nuser:\nLook:\n[image_url]\n\n"
        'assistant:\n**Sure** <script>alert(1)</script>\n→ f({"a": 1})\n\ntool (call_1):\n42 & more'
    )
    assert repr(conversation) == f"<{type(conversation).__name__} of 4 messages with 'a/b', $0.000000>"
    html = conversation._repr_html_()
    assert "&lt;script&gt;alert(1)" in html
    assert "&lt;b&gt;hm" in html
    assert "42 &amp; more" in html
    assert "<script" not in html + conversation._repr_markdown_()
    assert "**assistant**\n\n**Sure** &lt;script" in conversation._repr_markdown_()
    assert str(client.conversation()) == ""
    assert client.conversation()._repr_html_() == "<div></div>"


@pytest.mark.parametrize("role", ['"><script>x', "a\x00b", 5])
def test_a_strange_role_is_shown(surface, role):
    client = surface.client("http://127.0.0.1:1/v1")
    conversation = client.conversation()
    conversation.messages.append({"role": role, "content": 7, "tool_calls": [{"function": "f"}, 5]})
    assert "<script" not in conversation._repr_html_()
    assert str(conversation)

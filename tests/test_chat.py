"""A whole chat completion: what is sent, and what is read of the reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tokstream
from replies import HELLO, MODEL, USAGE, completion
from server import CLOSE, frame, head, reply
from surface import KEY
from tokstream.types.chat import ChatCompletion


def test_sends_one_post_with_a_json_body(surface, client):
    api, server = client(reply(completion()))
    surface.create(api, messages=HELLO, model="some/model")
    request = server.request
    assert (request.method, request.target, request.version) == ("POST", "/v1/openai/chat/completions", "HTTP/1.1")
    assert request.json == {"messages": HELLO, "model": "some/model"}
    assert request.header("authorization") == f"Bearer {KEY}"
    assert request.header("content-type") == "application/json"
    assert request.header("content-length") == str(len(request.body))
    assert request.header("host") == f"127.0.0.1:{server.port}"
    assert tokstream.__version__ in request.header("user-agent")


def test_a_string_is_one_user_message(surface, client):
    api, server = client(reply(completion()))
    surface.create(api, messages="Hello!")
    assert server.request.json["messages"] == HELLO


def test_the_model_has_a_default(surface, client):
    api, server = client(reply(completion()))
    surface.create(api)
    assert server.request.json["model"] == MODEL


def test_the_clients_model_is_the_default_and_the_calls_wins(surface, client):
    api, server = client(then=reply(completion()), model="of/client")
    surface.create(api)
    surface.create(api, model="of/call")
    assert [request.json["model"] for request in server.requests] == ["of/client", "of/call"]


@pytest.mark.parametrize("stream", [False, None, tokstream.NOT_GIVEN, tokstream.omit], ids=str)
def test_stream_false_is_a_whole_reply(surface, client, stream):
    api, server = client(reply(completion("whole")))
    result = surface.create(api, stream=stream)
    assert isinstance(result, ChatCompletion)
    assert result.choices[0].message.content == "whole"
    assert not server.request.json.get("stream")


@pytest.mark.parametrize(
    "make", [tuple, iter, lambda messages: (m for m in messages)], ids=["tuple", "iterator", "generator"]
)
def test_messages_may_be_any_iterable(surface, client, make):
    api, server = client(reply(completion()))
    surface.create(api, messages=make(HELLO))
    assert server.request.json["messages"] == HELLO


def test_what_the_caller_passed_is_not_changed(surface, client):
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    before = json.dumps(messages)
    api, _ = client(reply(completion()))
    surface.create(api, messages=messages, extra_body={"a": 1}, extra_headers={"X-A": "1"})
    assert json.dumps(messages) == before


TEXT = ' leading, trailing \t\n</s>\u2028é日本\U0001f600\x00"\\/ '


def test_text_goes_out_and_comes_back_as_it_is(surface, client):
    api, server = client(reply(completion(TEXT)))
    result = surface.create(api, messages=TEXT)
    assert server.request.json["messages"][0]["content"] == TEXT
    assert result.choices[0].message.content == TEXT


def test_every_field_is_read(surface, client):
    api, _ = client(reply(completion("Hi!", service_tier="priority", system_fingerprint="fp_1")))
    result = surface.create(api)
    assert isinstance(result, ChatCompletion)
    assert result.id == "chatcmpl-1"
    assert result.object == "chat.completion"
    assert result.created == 1694623155
    assert result.model == MODEL
    assert result.service_tier == "priority"
    assert result.system_fingerprint == "fp_1"
    choice = result.choices[0]
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (choice.message.role, choice.message.content) == ("assistant", "Hi!")
    assert result.usage.prompt_tokens == 15
    assert result.usage.completion_tokens == 16
    assert result.usage.total_tokens == 31
    assert result.usage.estimated_cost == 0.0000268


def test_fields_the_server_left_out_read_as_none(surface, client):
    bare = {"id": "x", "choices": [{"message": {}}]}
    api, _ = client(reply(bare))
    result = surface.create(api)
    assert result.id == "x"
    for name in ("created", "model", "object", "service_tier", "system_fingerprint", "usage"):
        assert getattr(result, name) is None, name
    assert result.choices[0].finish_reason is None
    message = result.choices[0].message
    for name in ("content", "role", "refusal", "reasoning_content", "annotations", "audio", "function_call"):
        assert getattr(message, name) is None, name
    assert message.tool_calls is None


def test_null_is_none_wherever_it_stands(surface, client):
    fields = {"usage": None, "system_fingerprint": None}
    message = {"role": "assistant", "content": None, "tool_calls": None, "name": None}
    choice = {"index": 0, "finish_reason": None, "logprobs": None, "message": message}
    api, _ = client(reply(completion(choices=[choice], **fields)))
    result = surface.create(api)
    assert result.usage is None
    assert result.system_fingerprint is None
    assert result.choices[0].logprobs is None
    assert result.choices[0].finish_reason is None
    assert result.choices[0].message.content is None
    assert result.choices[0].message.tool_calls is None
    assert result.choices[0].message.name is None


def test_unknown_fields_are_kept(surface, client):
    sent = completion("Hi!", message={"thoughts": ["a", {"b": 1}]}, energy={"joules": 2.5})
    api, _ = client(reply(sent))
    result = surface.create(api)
    assert result.energy == {"joules": 2.5}
    assert result.model_extra == {"energy": {"joules": 2.5}}
    assert result.choices[0].message.thoughts == ["a", {"b": 1}]
    assert result.to_dict() == sent
    with pytest.raises(AttributeError, match="no_such_field"):
        _ = result.no_such_field


@pytest.mark.parametrize("reason", ["length", "tool_calls", "content_filter", "eos", "malformed_function_call", "new"])
def test_finish_reasons_are_an_open_set(surface, client, reason):
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": reason}
    api, _ = client(reply(completion(choices=[choice])))
    assert surface.create(api).choices[0].finish_reason == reason


def test_usage_details(surface, client):
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    api, _ = client(reply(completion(usage=usage)), reply(completion(usage={**USAGE, "prompt_tokens_details": None})))
    details = surface.create(api).usage
    assert details.prompt_tokens_details.cached_tokens == 3
    assert details.prompt_tokens_details.cache_write_tokens == 4
    assert details.completion_tokens_details.reasoning_tokens == 5
    assert surface.create(api).usage.prompt_tokens_details is None


def test_several_choices(surface, client):
    choices = [
        {"index": at, "message": {"role": "assistant", "content": str(at)}, "finish_reason": "stop"} for at in (0, 1, 2)
    ]
    api, server = client(reply(completion(choices=choices)))
    result = surface.create(api, n=3)
    assert [(c.index, c.message.content) for c in result.choices] == [(0, "0"), (1, "1"), (2, "2")]
    assert server.request.json["n"] == 3


def test_tool_calls_and_reasoning(surface, client):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    api, _ = client(reply(completion(None, message={"tool_calls": [call], "reasoning_content": "hm"})))
    message = surface.create(api).choices[0].message
    assert message.content is None
    assert message.reasoning_content == "hm"
    (read,) = message.tool_calls
    assert (read.id, read.type, read.function.name, read.function.arguments) == ("call_1", "function", "f", '{"a": 1}')


def test_logprobs(surface, client):
    top = [{"token": "Hi", "logprob": -0.25, "bytes": [72, 105]}, {"token": "Yo", "logprob": -1.5, "bytes": None}]
    token = {"token": "Hi", "logprob": -0.25, "bytes": [72, 105], "top_logprobs": top}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi"},
        "finish_reason": "stop",
        "logprobs": {"content": [token], "refusal": None},
    }
    api, _ = client(reply(completion(choices=[choice])))
    logprobs = surface.create(api, logprobs=True, top_logprobs=2).choices[0].logprobs
    assert logprobs.refusal is None
    assert logprobs.content[0].token == "Hi"
    assert logprobs.content[0].logprob == -0.25
    assert logprobs.content[0].bytes == [72, 105]
    assert [(t.token, t.logprob, t.bytes) for t in logprobs.content[0].top_logprobs] == [
        ("Hi", -0.25, [72, 105]),
        ("Yo", -1.5, None),
    ]


def test_numbers_keep_their_value(surface, client):
    numbers = {"big": 2**70, "u64": 2**64 - 1, "low": -(2**63), "tiny": 5e-324, "cost": 0.1, "whole": 1.0}
    api, _ = client(reply(completion(numbers=numbers)))
    read = surface.create(api).numbers
    assert read == numbers
    assert {name: type(value) for name, value in read.items()} == {n: type(v) for n, v in numbers.items()}


@pytest.mark.parametrize("header", ["x-request-id", "X-Request-Id"])
def test_the_request_id(surface, client, header):
    api, _ = client(reply(completion(), headers=[(header, "req_123")]), reply(completion()))
    assert surface.create(api)._request_id == "req_123"
    assert surface.create(api)._request_id is None


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_every_framing_of_a_reply(surface, client, framing):
    api, _ = client(reply(completion("framed"), framing=framing))
    assert surface.create(api).choices[0].message.content == "framed"


def test_a_reply_in_single_bytes(surface, client):
    body = json.dumps(completion("byte by byte é")).encode()
    steps = [frame(body[at : at + 1]) for at in range(len(body))]
    api, _ = client(
        [head(200, ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")), *steps, b"0\r\n\r\n"]
    )
    assert surface.create(api).choices[0].message.content == "byte by byte é"


def test_blanks_around_the_reply(surface, client):
    api, _ = client(reply(b" \r\n\t" + json.dumps(completion("ok")).encode() + b"\r\n\n"))
    assert surface.create(api).choices[0].message.content == "ok"


def test_a_reply_without_a_content_type(surface, client):
    api, _ = client(reply(completion("untyped"), content_type=None))
    assert surface.create(api).choices[0].message.content == "untyped"


def test_informational_replies_are_skipped(surface, client):
    api, _ = client([b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", *reply(completion("late"))])
    assert surface.create(api).choices[0].message.content == "late"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html><body>Welcome</body></html>",
        b'{"id": "x", "choices": [',
        b"[]",
        b'"text"',
        b"null",
        b"12",
        b'{"id": "x", "choices": []} {}',
        rb'{"id": "x", "choices": [], "\ud83d": 1}',
    ],
    ids=["empty", "blank", "html", "cut", "array", "string", "null", "number", "two", "half a character in a name"],
)
def test_a_reply_that_is_no_json_object(surface, client, body):
    api, _ = client(reply(body), reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError) as caught:
        surface.create(api)
    assert isinstance(caught.value, tokstream.APIError)
    assert caught.value.request.url.endswith("/v1/openai/chat/completions")
    assert surface.create(api).choices[0].message.content == "usable"


def test_a_reply_that_is_cut(surface, client):
    body = json.dumps(completion()).encode()
    cut = [head(200, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))), body[:-20], CLOSE]
    api, _ = client(cut, reply(completion("usable")), max_retries=0)
    with pytest.raises(tokstream.APIConnectionError):
        surface.create(api)
    assert surface.create(api).choices[0].message.content == "usable"


def nested(levels):
    return b'{"id": "deep", "choices": [], "deep": ' + b"[" * levels + b"]" * levels + b"}"


def test_deep_json_is_an_ordinary_error(surface, client):
    api, _ = client(reply(nested(100_000)), reply(nested(50)), max_retries=0)
    with pytest.raises((tokstream.APIResponseValidationError, RecursionError)):
        surface.create(api).to_dict()
    assert surface.create(api).to_dict()["id"] == "deep"


def test_what_is_of_another_type_than_declared_reads_as_it_was_sent(surface, client):
    sent = {"id": 5, "choices": [{"message": {"content": [{"type": "text"}], "tool_calls": "none"}}], "usage": [1]}
    api, _ = client(reply(sent))
    result = surface.create(api)
    assert (result.id, result.usage) == (5, [1])
    assert result.choices[0].message.content == [{"type": "text"}]
    assert result.choices[0].message.tool_calls == "none"
    assert result.to_dict() == sent


def test_half_a_character_does_no_harm(surface, client):
    # Servers that cut tokens in the middle of a surrogate pair escape its halves.
    api, _ = client(reply(b'{"choices": [{"message": {"content": "a\\ud83d b"}}]}'))
    assert surface.create(api).choices[0].message.content in ("a\ud83d b", "a\ufffd b")


def test_what_servers_in_python_send_is_read(surface, client):
    """`json.dumps` writes Infinity and NaN, which are not JSON; some servers begin with a byte-order mark."""
    sent = json.dumps(completion("ok")).replace('"content": "ok"', '"content": "NaN", "score": -Infinity, "worst": NaN')
    api, _ = client(reply(b"\xef\xbb\xbf" + sent.encode()))
    message = surface.create(api).choices[0].message
    assert (message.content, message.score, message.worst) == ("NaN", float("-inf"), None)


def test_bytes_that_are_no_text_are_replaced(surface, client):
    sent = json.dumps(completion("broken")).encode().replace(b"broken", b"bro\xffken")
    api, _ = client(reply(sent))
    assert surface.create(api).choices[0].message.content == "bro\ufffdken"

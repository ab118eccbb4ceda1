"""The completion that a stream's chunks add up to."""

from __future__ import annotations

import pytest

import tokstream
from replies import DONE, MODEL, USAGE, choice, chunk, event, finish, said, sse, text
from server import Gate, stream
from tokstream.types.chat import ChatCompletion


@pytest.fixture
def final(surface, client):
    """The completion that these chunks add up to."""

    def final(*chunks):
        api, _ = client(stream(sse(*chunks)))
        return surface.run(surface.stream(api).get_final_completion())

    return final


def call(index, **fields):
    """A piece of a tool call; arguments and name belong to its function."""
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {"index": index, **({"function": function} if function else {}), **fields}


def tool_calls(completion, at=0):
    calls = completion.choices[at].message.tool_calls
    return [(c.id, c.type, c.function.name, c.function.arguments) for c in calls]


def test_content_is_joined(final):
    result = final(text(" "), text("Hi"), text(""), text("</s>"), finish())
    assert isinstance(result, ChatCompletion)
    (only,) = result.choices
    assert (only.index, only.finish_reason) == (0, "stop")
    assert (only.message.role, only.message.content) == ("assistant", " Hi</s>")
    assert (result.id, result.created, result.model, result.object) == (
        "chatcmpl-1",
        1694623354,
        MODEL,
        "chat.completion",
    )
    assert result.usage is None


def test_the_text_is_the_content(surface, client):
    api, _ = client(stream(said(" a", "", "b ")))
    assert surface.run(surface.stream(api).get_final_text()) == " ab "


def test_no_content_is_none(final):
    result = final(chunk(choice(role="assistant")), finish())
    assert result.choices[0].message.content is None
    assert final(chunk(choice(content=None)), finish()).choices[0].message.content is None


def test_empty_content_is_empty(final):
    assert final(text(""), finish()).choices[0].message.content == ""


def test_reasoning_and_refusal_are_joined(final):
    result = final(
        chunk(choice(reasoning_content="Let ", content=None)),
        chunk(choice(reasoning_content="me", content=None)),
        chunk(choice(reasoning_content=None, content="No")),
        chunk(choice(refusal="I ")),
        chunk(choice(refusal="refuse")),
        finish(),
    )
    message = result.choices[0].message
    assert (message.reasoning_content, message.content, message.refusal) == ("Let me", "No", "I refuse")


def test_a_tool_call_in_fragments(final):
    result = final(
        chunk(choice(role="assistant", tool_calls=[call(0, id="c1", type="function", name="f", arguments="")])),
        chunk(choice(tool_calls=[call(0, arguments='{"a"')])),
        chunk(choice(tool_calls=[call(0, arguments=": 1}")])),
        finish("tool_calls"),
    )
    assert tool_calls(result) == [("c1", "function", "f", '{"a": 1}')]
    assert result.choices[0].finish_reason == "tool_calls"
    assert result.choices[0].message.content is None


def test_a_tool_call_in_one_late_chunk(final):
    result = final(
        text("Let me see."),
        chunk(choice(tool_calls=None)),
        chunk(choice("tool_calls", tool_calls=[call(0, id="c1", type="function", name="f", arguments="{}")])),
    )
    assert tool_calls(result) == [("c1", "function", "f", "{}")]
    assert result.choices[0].message.content == "Let me see."


def test_tool_calls_are_joined_by_index(final):
    result = final(
        chunk(choice(tool_calls=[call(0, id="c0", type="function", name="f", arguments="{")])),
        chunk(choice(tool_calls=[call(1, id="c1", type="function", name="g", arguments="[")])),
        chunk(choice(tool_calls=[call(1, arguments="]"), call(0, arguments="}")])),
        chunk(choice(tool_calls=[call(0, id=None, type=None, name=None, arguments=" ")])),
        finish("tool_calls"),
    )
    assert tool_calls(result) == [("c0", "function", "f", "{} "), ("c1", "function", "g", "[]")]


def test_tool_calls_may_begin_in_any_order(final):
    result = final(
        chunk(choice(tool_calls=[call(2, id="c2", type="function", name="h", arguments="2")])),
        chunk(choice(tool_calls=[call(0, id="c0", type="function", name="f", arguments="0")])),
        finish("tool_calls"),
    )
    assert [c[0] for c in tool_calls(result)] == ["c0", "c2"]


def test_unknown_fields_of_a_tool_call_are_kept(final):
    extra = {"google": {"thought_signature": "abc"}}
    result = final(
        chunk(choice(tool_calls=[call(0, id="c", type="function", name="f", arguments="{}", extra_content=extra)])),
        finish("tool_calls"),
    )
    assert result.choices[0].message.tool_calls[0].extra_content == extra


def test_a_function_call(final):
    result = final(
        chunk(choice(function_call={"name": "f", "arguments": ""})),
        chunk(choice(function_call={"arguments": "{"})),
        chunk(choice(function_call={"arguments": "}"})),
        finish("function_call"),
    )
    function = result.choices[0].message.function_call
    assert (function.name, function.arguments) == ("f", "{}")


def test_several_choices(final):
    result = final(
        chunk(choice(index=1, content="b", role="assistant")),
        chunk(choice(index=0, content="a", role="assistant")),
        chunk(choice(index=1, content="B"), choice(index=0, content="A")),
        chunk(choice("length", index=1)),
        chunk(choice("stop", index=0)),
    )
    assert [(c.index, c.message.content, c.finish_reason) for c in result.choices] == [
        (0, "aA", "stop"),
        (1, "bB", "length"),
    ]


def logprob(token):
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": []}


def test_logprobs_are_joined(final):
    pieces = [choice(content=token) | {"logprobs": {"content": [logprob(token)], "refusal": None}} for token in "ab"]
    result = final(*map(chunk, pieces), chunk(choice("stop") | {"logprobs": None}))
    logprobs = result.choices[0].logprobs
    assert [t.token for t in logprobs.content] == ["a", "b"]
    assert logprobs.content[1].bytes == [98]
    assert logprobs.refusal is None


def test_refusal_logprobs_are_joined(final):
    pieces = [choice(refusal=token) | {"logprobs": {"content": None, "refusal": [logprob(token)]}} for token in "no"]
    result = final(*map(chunk, pieces), finish())
    assert [t.token for t in result.choices[0].logprobs.refusal] == ["n", "o"]


@pytest.mark.parametrize(
    "chunks",
    [
        [finish(usage=USAGE)],
        [finish(), chunk(usage=USAGE)],
        [finish(usage={**USAGE, "total_tokens": 1}), chunk(usage=USAGE)],
        [chunk(choice(content=""), usage={**USAGE, "total_tokens": 2}), finish(usage=USAGE), chunk(usage=None)],
    ],
    ids=["finish", "extra", "both", "every"],
)
def test_usage_is_the_last_one_seen(final, chunks):
    result = final(text("x"), *chunks)
    assert result.usage.to_dict() == USAGE
    assert len(result.choices) == 1


def test_late_fields_of_the_chunks(final):
    result = final(
        chunk(choice(content="a"), system_fingerprint=None),
        chunk(choice(content="b"), system_fingerprint="fp", service_tier="flex"),
        finish(),
    )
    assert (result.system_fingerprint, result.service_tier) == ("fp", "flex")


def test_unknown_fields_are_kept(final):
    result = final(
        chunk(choice(content="a", mood="calm"), provider="x"),
        chunk(choice("stop") | {"stop_reason": 7}),
    )
    assert result.provider == "x"
    assert result.choices[0].message.mood == "calm"
    assert result.choices[0].stop_reason == 7


def test_odd_chunks_change_nothing(final):
    odd = [{}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"choices": [{"index": 0, "delta": None}]}]
    result = final(text("a"), *odd, text("b"), finish())
    assert result.choices[0].message.content == "ab"


def test_the_role_is_the_assistants_when_no_delta_names_it(final):
    assert final(chunk(choice(content="a")), finish()).choices[0].message.role == "assistant"
    assert final(chunk(choice(role=None, content="a")), finish()).choices[0].message.role == "assistant"


def test_the_role_is_not_repeated(final):
    assert final(text("a"), text("b"), text("c"), finish()).choices[0].message.role == "assistant"


def test_the_snapshot_grows(surface, client):
    gate = Gate()
    api, _ = client(stream(event(text("A")), gate, said("B")))
    answer = surface.stream(api)
    surface.next(answer)
    before = answer.current_completion_snapshot
    assert before.choices[0].message.content == "A"
    assert before.choices[0].finish_reason is None
    gate.open()
    surface.list(answer)
    after = answer.current_completion_snapshot
    assert after.choices[0].message.content == "AB"
    assert after.choices[0].finish_reason == "stop"
    # A snapshot is a picture: it does not change behind the reader's back.
    assert before.choices[0].message.content == "A"


def test_the_snapshot_before_and_after(surface, client):
    api, _ = client(stream(sse(text("A"), finish(usage=USAGE))))
    answer = surface.stream(api)
    final = surface.run(answer.get_final_completion())
    assert answer.current_completion_snapshot == final
    assert surface.run(answer.get_final_completion()) == final
    assert surface.list(answer) == []


def test_the_final_completion_after_reading_chunks(surface, client):
    api, _ = client(stream(said("A", "B")))
    answer = surface.stream(api)
    surface.list(answer)
    assert surface.run(answer.get_final_completion()).choices[0].message.content == "AB"
    assert surface.run(answer.get_final_text()) == "AB"


def test_a_stream_without_chunks(surface, client):
    # There is nothing a completion could be made of, and nothing is invented.
    api, _ = client(then=stream(DONE))
    with pytest.raises(tokstream.APIResponseValidationError, match="without"):
        surface.run(surface.stream(api).get_final_completion())
    assert surface.run(surface.stream(api).get_final_text()) == ""


def test_dumps_as_a_whole_reply(final):
    result = final(text("a"), chunk(choice("stop"), usage=USAGE))
    assert result.to_dict() == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1694623354,
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        "usage": USAGE,
    }


@pytest.mark.slow
def test_many_chunks_add_up_quickly(surface, client):
    api, _ = client(stream(said(*["word "] * 20000)))
    assert surface.run(surface.stream(api).get_final_text()) == "word " * 20000

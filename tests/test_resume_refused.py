"""What `resume=` cannot be used with, and what no server should send."""

from __future__ import annotations

import pytest

import tokstream
from replies import HELLO, finish, said, sse, text
from resumes import LONG, READERS, begun, cut
from server import RESET, stream

# ── what it cannot be used with ───────────────────────────────────────────────────────────────


FUNCTION = {"name": "f"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
REFUSED = [
    ("tools", {"tools": [{"type": "function", "function": FUNCTION}]}),
    ("tools", {"functions": [FUNCTION]}),
    ("response_format", {"response_format": {"type": "json_object"}}),
    ("response_format", {"response_format": SCHEMA}),
    ("response_format", {"response_format": {"type": "regex", "regex": "[0-9]+"}}),
    ("logprobs", {"logprobs": True}),
    ("logprobs", {"top_logprobs": 2}),
    ("n", {"n": 2}),
]


@pytest.mark.parametrize(("name", "params"), REFUSED)
@pytest.mark.parametrize("option", ["resume", "auto_continue"])
def test_what_has_no_text_to_go_on_from_is_refused(surface, hasty, name, params, option):
    api, server = hasty()
    refused = rf"^{option} cannot be used with {name}: .* nothing was sent"
    for given in (params, {"extra_body": params}):
        for streamed in (True, False):
            with pytest.raises(tokstream.ConfigurationError, match=refused):
                surface.create(api, stream=streamed, **{option: True}, **given)
    assert server.requests == []


@pytest.mark.parametrize("option", ["resume", "auto_continue"])
def test_events_and_values_are_refused_alike(surface, hasty, option):
    api, server = hasty()
    chat = api.chat.completions
    refused = rf"^{option} cannot be used with "
    with pytest.raises(tokstream.ConfigurationError, match=refused + "response_format"):
        surface.run(chat.parse(messages=HELLO, response_format=list[int], **{option: True}))
    manager = chat.stream(messages=HELLO, response_format=list[int], **{option: True})
    with pytest.raises(tokstream.ConfigurationError, match=refused + "response_format"), surface.using(manager):
        pass
    with pytest.raises(tokstream.ConfigurationError, match=refused + "tools"):
        surface.run(chat.run_tools(HELLO, tools=[{"type": "function", "function": FUNCTION}], **{option: True}))
    assert server.requests == []


def test_what_asks_for_nothing_is_not_refused(surface, hasty):
    nothing = {"tools": None, "response_format": {"type": "text"}, "logprobs": False, "n": 1, "seed": tokstream.omit}
    api, server = hasty(stream(said("A")))
    answer = surface.stream(api, resume=True, top_logprobs=tokstream.NOT_GIVEN, **nothing)
    assert surface.run(answer.get_final_text()) == "A"
    assert "seed" not in server.request.json
    missing = dict.fromkeys(("tools", "response_format", "n", "max_tokens"), tokstream.NOT_GIVEN)
    api, server = hasty(stream(said("A")))
    assert surface.create(api, resume=True, extra_body=None, **missing).choices[0].message.content == "A"
    assert not missing.keys() & server.request.json.keys()


@pytest.mark.parametrize(("value", "wrong"), [(-1, ValueError), ("yes", TypeError), (1.5, TypeError)])
def test_numbers_that_are_none(surface, hasty, value, wrong):
    api, server = hasty()
    with pytest.raises(wrong, match="resume must"):
        surface.stream(api, resume=value)
    assert server.requests == []


@pytest.mark.parametrize("off", [False, None, 0, tokstream.NOT_GIVEN, tokstream.omit])
def test_off_is_off(surface, hasty, off):
    api, server = hasty(stream(said("A")))
    answer = surface.stream(api, resume=off, auto_continue=off, stream_under=off)
    assert type(answer) is surface.stream_class
    assert surface.run(answer.get_final_text()) == "A"
    assert server.request.json.keys() == {"messages", "model", "stream"}


def test_events_go_on_as_well(surface, hasty):
    api, _ = hasty(cut("A"), stream(said("B")))
    with surface.using(api.chat.completions.stream(messages=HELLO, resume=True)) as events:
        kinds = [(event.type, getattr(event, "snapshot", None)) for event in surface.list(events)]
        assert surface.run(events.get_final_text()) == "AB"
        assert events.resumed == 1
    assert [snapshot for kind, snapshot in kinds if kind == "content.delta"] == ["A", "AB"]
    assert [kind for kind, _ in kinds].count("content.done") == 1


def test_raw_responses(surface, hasty):
    api, _ = hasty(stream(begun("A"), RESET, headers=[("x-request-id", "req-1")]), stream(said("B")))
    raw = surface.run(api.chat.completions.with_raw_response.create(messages=HELLO, stream=True, resume=True))
    assert (raw.status_code, raw.request_id) == (200, "req-1")
    assert surface.run(raw.parse().get_final_text()) == "AB"


# ── what no server should send ────────────────────────────────────────────────────────────────


ODD = [
    {},
    {"choices": None},
    {"choices": []},
    {"choices": 5},
    {"choices": [None]},
    {"choices": [{}]},
    {"choices": [{"delta": "x"}]},
    {"choices": [{"delta": {"refusal": None, "role": 7, "audio": None}}]},
    {"choices": [{"delta": {"role": "assistant", "content": ""}}], "id": None, "created": "x", "usage": "much"},
    {
        "choices": [{"delta": {"content": None, "tool_calls": None}}],
        "usage": {"prompt_tokens": "x", "total_tokens": None},
    },
]


@pytest.mark.parametrize("params", [{"resume": True}, {"resume": True, "max_tokens": 99}, {"auto_continue": True}])
@pytest.mark.parametrize("how", READERS)
def test_odd_chunks_pass(surface, hasty, params, how):
    first = sse(*ODD, text(LONG), *ODD, done=False)
    end = (sse(finish("length")),) if "auto_continue" in params else (RESET,)
    api, _ = hasty(stream(first, *end), stream(sse(*ODD, text("B"), *ODD, finish())))
    answer = surface.stream(api, **params)
    if how.startswith("one chunk"):
        assert surface.next(answer).choices is None
    text_of_it = surface.run(answer.get_final_text()) if how == "chunks" else READERS[how](surface, answer)
    assert text_of_it == LONG + "B"
    assert answer.usage is None or answer.usage.to_dict()


@pytest.mark.parametrize("odd", [*ODD, {"choices": [{"delta": {"content": 5, "reasoning_content": ["x"]}}]}])
def test_odd_chunks_are_handed_out_one_by_one(surface, hasty, odd):
    api, _ = hasty(cut(LONG), stream(sse(odd, text("B"), finish())))
    chunks = surface.list(surface.stream(api, resume=True))
    assert chunks[-2].choices[0].delta.content == "B"

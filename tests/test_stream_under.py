"""Whole answers that come as a stream: `stream_under=`."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

import tokstream
from long_answers import TWICE, capped, ended
from replies import HELLO, MODEL, USAGE, choice, chunk, completion, event, finish, said, sse, text
from resumes import contents
from server import RESET, STALL, Reached, reply, stream
from tokstream.types.chat import ChatCompletion


def test_a_whole_answer_by_a_stream(surface, hasty):
    sent = [
        chunk(choice(role="assistant", content="")),
        *[chunk(choice(content=piece)) for piece in (" ", "A", "é")],
        finish(),
        chunk(usage=USAGE),
    ]
    api, server = hasty(
        stream(sse(*sent), headers=[("x-request-id", "req-1")]), reply(completion(" Aé", created=1694623354))
    )
    whole = surface.create(api, messages=HELLO, stream_under=True)
    assert type(whole) is ChatCompletion
    assert whole._request_id == "req-1"
    options = {"include_usage": True}
    assert server.request.json == {"model": MODEL, "messages": HELLO, "stream": True, "stream_options": options}
    plain = surface.create(api, messages=HELLO)
    assert whole == plain
    assert whole.to_dict() == plain.to_dict()


def test_usage_is_asked_for_whatever_the_options_say(surface, hasty):
    api, server = hasty(stream(said("A")))
    surface.create(api, stream_under=True, stream_options={"include_usage": False, "continuous_usage_stats": True})
    assert server.request.json["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


def test_tools_logprobs_and_choices_come_by_a_stream(surface, hasty):
    token = {"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
    rest = {"index": 0, "function": {"arguments": "1}"}}
    api, _ = hasty(
        stream(
            sse(
                chunk({**choice(content="A"), "logprobs": {"content": [token]}}, choice(index=1, content="B")),
                chunk(choice(tool_calls=[call])),
                chunk(choice("tool_calls", tool_calls=[rest]), choice("stop", index=1)),
            )
        )
    )
    tools = [{"type": "function", "function": {"name": "f"}}]
    whole = surface.create(api, stream_under=True, n=2, logprobs=True, tools=tools)
    first, second = whole.choices
    assert first.message.tool_calls[0].function.arguments == '{"a":1}'
    assert first.logprobs.content[0].token == "A"
    assert second.message.content == "B"


def test_a_long_silence_between_two_tokens_is_none_of_the_whole(surface, hasty):
    """Each token starts the read clock anew: what would be too slow in one piece comes through."""
    from server import Pause

    slow = [step for piece in "ABCD" for step in (Pause(0.15), event(text(piece)))]
    api, _ = hasty(stream(*slow, sse(finish())))
    timeout = tokstream.Timeout(first_token=1, read=0.4)
    assert surface.create(api, stream_under=True, timeout=timeout).choices[0].message.content == "ABCD"


def test_a_cut_under_a_whole_answer(surface, hasty):
    broken = stream(sse(text("A"), done=False), RESET)
    api, server = hasty(stream(b": ping\n\n", RESET), broken, broken, stream(said("B")))
    with pytest.raises(tokstream.StreamTruncatedError) as caught:
        surface.create(api, stream_under=True)
    assert caught.value.partial.choices[0].message.content == "A"
    # What broke before the first chunk was tried again.
    assert len(server.requests) == 2
    assert surface.create(api, resume=True).choices[0].message.content == "AB"


def test_a_whole_answer_goes_on_under_it(surface, hasty):
    api, server = hasty(
        stream(sse(text("A"), done=False), RESET), capped("B"), stream(sse(text("C"), finish(usage=USAGE)))
    )
    whole = surface.create(api, messages=HELLO, resume=True, auto_continue=True, max_tokens=1000)
    assert whole.choices[0].message.content == "ABC"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.to_dict() == TWICE
    assert [request.json.get("max_tokens") for request in server.requests] == [1000, 999, 983]


def test_a_stream_has_no_other_under_it(surface, hasty):
    api, server = hasty(stream(said("A")))
    answer = surface.stream(api, stream_under=True)
    assert type(answer) is surface.stream_class
    assert contents(surface.list(answer)) == ["A", None]
    assert "stream_options" not in server.request.json


def test_a_server_that_does_not_stream(surface, hasty):
    api, _ = hasty(reply(completion("A")))
    assert surface.create(api, stream_under=True).choices[0].message.content == "A"


def test_raw_responses(surface, hasty):
    named = [("x-request-id", "req-1")]
    api, _ = hasty(
        stream(sse(text("A"), finish(usage=USAGE)), headers=named),
        ended("A"),
        reply(completion("B"), headers=named),
        reply(completion("C"), headers=named),
    )
    create = api.chat.completions.with_raw_response.create
    for params, content in (
        ({"stream_under": True}, "A"),
        ({"auto_continue": True}, "AB"),
        ({"auto_continue": 1}, "C"),
    ):
        raw = surface.run(create(messages=HELLO, **params))
        assert (raw.status_code, raw.request_id, raw.retries_taken) == (200, "req-1", 0)
        assert raw.parse().choices[0].message.content == content
        assert raw.json() == raw.parse().to_dict()


@pytest.mark.parametrize("option", ["stream_under", "auto_continue", "resume"])
def test_the_bytes_of_several_responses_are_none_of_one(surface, hasty, option):
    api, server = hasty()
    request = api.chat.completions.with_streaming_response.create
    match = rf"^{option} cannot be used with with_streaming_response"
    with (
        pytest.raises(tokstream.ConfigurationError, match=match),
        surface.using(request(messages=HELLO, **{option: 1})),
    ):
        pass
    assert server.requests == []


def test_a_key_that_is_a_function_is_asked_for_each_request(surface, hasty):
    keys = iter(["one", "two"])
    api, server = hasty(ended("A"), reply(completion("B")), api_key=lambda: next(keys))
    assert surface.create(api, auto_continue=True).choices[0].message.content == "AB"
    assert [request.header("authorization") for request in server.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("params", [{"auto_continue": True}, {"stream_under": True}])
def test_the_total_time_is_for_all_requests(surface, hasty, params):
    script = [[*ended("A")], [STALL]] if "auto_continue" in params else [stream(event(text("A")), STALL)]
    api, server = hasty(*script)
    began = time.monotonic()
    with pytest.raises(tokstream.APITimeoutError) as caught:
        surface.create(api, timeout=tokstream.Timeout(total=0.3), **params)
    assert 0.3 <= time.monotonic() - began < 2
    assert caught.value.phase == "total"
    assert caught.value.partial.choices[0].message.content == "A"
    assert len(server.requests) == len(script)


def test_cancelling_a_whole_answer_ends_its_request(serve):
    import asyncio

    async def main() -> None:
        reached = Reached()
        server = serve(stream(event(text("A")), reached, STALL))
        async with tokstream.AsyncClient(api_key="k", base_url=server.url) as api:
            task = asyncio.create_task(api.chat.completions.create(messages=HELLO, stream_under=True))
            await asyncio.to_thread(reached.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.connections[0].ended.wait, 1)

    asyncio.run(main())


def test_nothing_of_it_is_loaded_before_it_is_used():
    program = (
        "import sys, tokstream\n"
        "client = tokstream.Client(api_key='k', base_url='http://127.0.0.1:1', max_retries=0)\n"
        "try: client.chat.completions.create(messages='x', timeout=1)\n"
        "except tokstream.APIConnectionError: pass\n"
        "names = ('tokstream._long_answers', 'tokstream._steps')\n"
        "assert not [name for name in sys.modules if name.startswith(names)]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)

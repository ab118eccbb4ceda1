"""Event streams: every form the grammar allows, cut at every place."""

from __future__ import annotations

import json

import pytest

import tokstream
from replies import DONE, choice, chunk, event, said, sse, text
from server import CLOSE, Gate, reply, stream
from surface import pairs


def small(content):
    """An event of few bytes, so that there are few places to cut it."""
    return event({"choices": [{"delta": {"content": content}}]})


END = event({"choices": [{"delta": {}, "finish_reason": "stop"}]}) + DONE
USUAL = small("A") + small("é\U0001f600") + END
LONG = small("A")[6:-2]

BODIES = {
    "lf": USUAL,
    "cr": USUAL.replace(b"\n", b"\r"),
    "crlf": USUAL.replace(b"\n", b"\r\n"),
    "mixed": b"data: " + LONG + b"\r\n\r" + small("é\U0001f600") + END.replace(b"\n", b"\r\n", 1),
    "bom": b"\xef\xbb\xbf" + USUAL,
    "comments": b": ping\n\n:\n: x\r\n"
    + small("A")
    + b": ping 12\n"
    + small("é\U0001f600")
    + b":\n"
    + END
    + b": bye\n",
    "fields": b"event: message\nid: 1\nretry: 10\nnew: x\nbare\n"
    + small("A")
    + b"id\nretry: x\n"
    + small("é\U0001f600")
    + END,
    "empty": b"data:\n\ndata\n\nid: 3\n\nretry: 5\n\n\n"
    + small("A")
    + b"event: p\ndata:\n\n"
    + small("é\U0001f600")
    + END,
    "tight": b"data:" + LONG + b"\n\n" + small("é\U0001f600") + END,
    "lines": b'data: {"choices":\ndata: [{"delta":\ndata: {"content":"A"}}]}\n\n' + small("é\U0001f600") + END,
    "separators": small("A\u2028\u2029\x85\x0b\x0c\x1c") + small("é\U0001f600") + END,
}
READ = {"separators": "A\u2028\u2029\x85\x0b\x0c\x1c"}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_every_form_of_an_event_stream(surface, client, name):
    api, _ = client(stream(BODIES[name]))
    assert surface.list(surface.stream(api).text_stream) == [READ.get(name, "A"), "é\U0001f600"]


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_byte_at_a_time(surface, client, name):
    body = BODIES[name]
    api, _ = client(stream(*(body[at : at + 1] for at in range(len(body)))))
    assert surface.list(surface.stream(api).text_stream) == [READ.get(name, "A"), "é\U0001f600"]


@pytest.mark.parametrize("name", sorted(BODIES))
def test_cut_in_two_at_every_index(surface, client, name):
    # Each half is a chunk of its own of the body, so the reader gets it by itself.
    api, _ = client(*(stream(*pair) for pair in pairs(BODIES[name])))
    for _ in pairs(BODIES[name]):
        assert surface.list(surface.stream(api).text_stream) == [READ.get(name, "A"), "é\U0001f600"]


def test_a_crlf_split_between_reads(surface, client):
    # The LF of the last CRLF comes late: it is no blank line of its own, nor part of the next event.
    gate = Gate()
    api, _ = client(stream(small("A").replace(b"\n", b"\r\n")[:-1], gate, b"\n" + small("B") + END))
    answer = surface.stream(api).text_stream
    assert surface.next(answer) == "A"
    gate.open()
    assert surface.list(answer) == ["B"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["lf", "cr", "crlf"])
def test_an_event_is_handed_out_when_its_blank_line_is_there(surface, client, end):
    # After a lone CR nobody knows whether an LF follows; the event is complete all the same.
    gate = Gate()
    api, _ = client(stream(event(text("A")).replace(b"\n", end), gate, said("B")))
    answer = surface.stream(api).text_stream
    assert surface.next(answer) == "A"
    gate.open()
    assert surface.list(answer) == ["B"]


def test_invalid_utf8_is_replaced(surface, client):
    body = json.dumps(text("@")).encode().replace(b"@", b"a\xff\xc3(\xe2\x82b")
    api, _ = client(stream(b"data: " + body + b"\n\n", said("é")))
    assert surface.list(surface.stream(api).text_stream) == ["a\ufffd\ufffd(\ufffdb", "é"]


def test_an_event_unfinished_at_the_end_is_dropped(surface, client):
    unfinished = event(text("never"))[:-1]
    api, _ = client(stream(said("A", done=False), unfinished))
    assert surface.list(surface.stream(api).text_stream) == ["A"]


@pytest.mark.parametrize("name", ["ping", "keep-alive", "message", "thread.x", ""])
def test_event_names_without_meaning(surface, client, name):
    api, _ = client(stream(f"event: {name}\n".encode() + event(text("A")) + said("B")))
    read = surface.list(surface.stream(api).text_stream)
    assert read[-1] == "B"
    assert read in (["A", "B"], ["B"])


@pytest.mark.parametrize(
    "done",
    [
        b"data: [DONE]\n\n",
        b"data:[DONE]\n\n",
        b"data:  [DONE]  \n\n",
        b"data: [DONE]\r\n\r\n",
        b"data: [DONE]\n",
        b"data: [DONE]",
    ],
    ids=["usual", "tight", "blanks", "crlf", "no-blank-line", "no-line-end"],
)
def test_forms_of_done(surface, client, done):
    api, _ = client(stream(sse(text("A"), done=False), done, CLOSE))
    assert surface.list(surface.stream(api).text_stream) == ["A"]


def test_nothing_after_done_is_read(surface, client):
    api, _ = client(stream(said("A") + said("B") + b"data: not json\n\n"), stream(said("C")))
    assert surface.list(surface.stream(api).text_stream) == ["A"]
    assert surface.list(surface.stream(api).text_stream) == ["C"]


@pytest.mark.parametrize("data", ["not json", '{"choices": [', "[1]", '"text"', "12", "{'a': 1}", "NaN"], ids=str)
def test_data_that_is_no_json_object(surface, client, data):
    api, _ = client(stream(sse(text("A"), data, text("B"))), stream(said("usable")), max_retries=0)
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with pytest.raises(tokstream.APIResponseValidationError) as caught:
        surface.next(answer)
    assert data in str(caught.value)
    assert caught.value.partial.choices[0].message.content == "A"
    assert surface.list(surface.stream(api).text_stream) == ["usable"]


def test_offending_data_is_shortened(surface, client):
    api, _ = client(stream(sse("x" * 100_000)), max_retries=0)
    with pytest.raises(tokstream.APIResponseValidationError) as caught:
        surface.list(surface.stream(api))
    assert "xxxxx" in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_an_event_may_be_as_large_as_the_bound(surface, client):
    api, _ = client(stream(said("x" * 5000)), limits=tokstream.Limits(event_bytes=10_000))
    assert surface.run(surface.stream(api).get_final_text()) == "x" * 5000


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "endless"])
def test_an_event_over_the_bound_is_an_error(surface, client, ended):
    large = event(text("x" * 50_000))
    body = large + said("B") if ended else large[:-2]
    api, _ = client(
        stream(event(text("A")), body),
        stream(said("usable")),
        limits=tokstream.Limits(event_bytes=10_000),
        max_retries=0,
    )
    answer = surface.stream(api)
    assert surface.next(answer).choices[0].delta.content == "A"
    with pytest.raises(tokstream.APIError, match=r"10,?000"):
        surface.next(answer)
    assert surface.list(surface.stream(api).text_stream) == ["usable"]


def test_many_lines_count_towards_the_bound(surface, client):
    api, _ = client(stream(b"data: x\n" * 10_000), limits=tokstream.Limits(event_bytes=10_000), max_retries=0)
    with pytest.raises(tokstream.APIError, match=r"10,?000"):
        surface.list(surface.stream(api))


def test_comments_do_not_count_towards_the_bound(surface, client):
    api, _ = client(stream(b": ping\n\n" * 10_000, said("A")), limits=tokstream.Limits(event_bytes=10_000))
    assert surface.list(surface.stream(api).text_stream) == ["A"]


@pytest.mark.slow
def test_a_large_event_in_small_pieces_takes_linear_time(surface, client):
    # 2 MB in pieces of 64 bytes: quadratic work would be sixty billion steps.
    body = said("y" * 2_000_000)
    api, _ = client(stream(*(body[at : at + 64] for at in range(0, len(body), 64))))
    assert len(surface.run(surface.stream(api).get_final_text())) == 2_000_000


def test_whole_replies_are_bounded(surface, client):
    small = tokstream.Limits(body_bytes=10_000)
    api, _ = client(reply({"id": "x" * 50_000}), reply({"id": "x" * 5_000, "choices": []}), limits=small, max_retries=0)
    with pytest.raises(tokstream.APIError, match=r"10,?000"):
        surface.create(api)
    assert surface.create(api).id == "x" * 5_000


def test_error_bodies_are_bounded(surface, client):
    api, _ = client(
        reply({"error": "x" * 50_000}, 400), limits=tokstream.Limits(error_body_bytes=10_000), max_retries=0
    )
    with pytest.raises(tokstream.BadRequestError) as caught:
        surface.create(api)
    assert len(str(caught.value)) < 11_000


def test_the_last_choice_may_come_after_usage(surface, client):
    api, _ = client(stream(sse(text("A"), chunk(usage=None), chunk(choice("stop")), DONE)))
    assert surface.run(surface.stream(api).get_final_text()) == "A"

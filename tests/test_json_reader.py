"""JSON that is read while it arrives: the values on the way, the last one, and what is looked at how often."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tokstream._parsing import json_shown
from tokstream._parsing.json_reader import MAX_DEPTH, JSONReader, PartialJSON

TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\ud83d", "\ude00", "😀", '"\\', "\u2028\0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *[cut % (len(text) + 1) for cut in cuts]})
    return [text[start:end] for start, end in itertools.pairwise(places)]


def loads(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def values_of(pieces: list[str]) -> list[Any]:
    """The value after each piece, each of a reader of its own that shows nothing before."""
    values = []
    for count in range(1, len(pieces) + 1):
        reader = JSONReader()
        for piece in pieces[:count]:
            reader.feed(piece)
        values.append(reader.value())
    return values


def is_part(part: Any, whole: Any) -> bool:
    """Whether a value can grow into another."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(is_part, part, whole))
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    return type(part) is type(whole) and part == whole


@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.lists(st.integers(0, 10_000), max_size=12))
def test_the_whole_is_what_json_loads_reads(value, ascii_only, indent, cuts):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    reader = JSONReader()
    for piece in pieces_of(text, cuts):
        reader.feed(piece)
        shown = reader.value()
        assert shown is None or is_part(shown, json.loads(text))
    reader.finish()
    assert reader.is_complete
    assert not reader.has_failed
    assert reader.value() == json.loads(text)
    # An escape that was cut is looked at again, and nothing else.
    assert reader.work <= len(text) + 12 * len(cuts)


@given(st.text('{}[]",:\\u0019-+.eEtrufalsn dD83\n', max_size=25), st.lists(st.integers(0, 100), max_size=5))
@settings(max_examples=400)
def test_it_takes_what_json_loads_takes(text, cuts):
    reader = JSONReader()
    for piece in pieces_of(text, cuts):
        reader.feed(piece)
        reader.value()
    reader.finish()
    try:
        value = loads(text)
    except ValueError:
        assert not reader.is_complete
    else:
        assert reader.is_complete
        assert repr(reader.value()) == repr(value)


@given(VALUES, st.lists(st.integers(0, 10_000), max_size=30), st.lists(st.integers(0, 3), min_size=31, max_size=31))
def test_a_value_that_somebody_holds_does_not_change(value, cuts, holds):
    pieces = pieces_of(json.dumps(value), cuts)
    partial = PartialJSON(pieces)
    held: list[tuple[Any, str]] = []
    expected = values_of(pieces)
    for count, (hold, wanted) in enumerate(zip(holds, expected, strict=False), 1):
        shown = partial.first(count)
        assert shown == wanted
        if hold == 1:
            held.append((shown, repr(shown)))
        elif hold == 2 and isinstance(shown, (list, dict)) and shown:
            inner = (list(shown.values()) if isinstance(shown, dict) else shown)[-1]
            held.append((inner, repr(inner)))
        elif hold == 3 and isinstance(shown, (list, dict)):
            iterator = iter(shown)
            held.append((iterator, ""))
        del shown
    assert all(repr(shown) == then for shown, then in held if then)


@pytest.mark.skipif(not json_shown._CAN_COUNT, reason="holders cannot be counted here, and all is copied")
def test_what_has_not_changed_is_not_touched(monkeypatch):
    touched = []
    put_into = json_shown.put_into
    monkeypatch.setattr(json_shown, "put_into", lambda *given: (touched.append(given[1]), put_into(*given)))
    partial = PartialJSON([*['{"a":'] * 100, "[", *["1,"] * 100])
    for count in range(1, 202):
        partial.first(count)
    # Of the two values that are shown in turn each gets each of the objects once.
    assert len(touched) < 3 * 201


@given(VALUES, st.lists(st.integers(0, 10_000), max_size=10), st.data())
def test_the_values_can_be_asked_for_in_any_order(value, cuts, data):
    pieces = pieces_of(json.dumps(value), cuts)
    partial = PartialJSON(pieces)
    expected = values_of(pieces)
    for count in data.draw(st.permutations(range(1, len(pieces) + 1))):
        assert partial.first(count) == expected[count - 1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", None),
        (" ", None),
        ("1", None),
        ("tru", None),
        ('"a', "a"),
        ('"a\\', "a"),
        ('"a\\u00', "a"),
        ('"a\\ud83d', "a"),
        ('"a\\ud83d\\ude', "a"),
        ('"a\\ud83dx', "a\ud83dx"),
        ("{", {}),
        ('{"a', {}),
        ('{"a"', {}),
        ('{"a":', {}),
        ('{"a": "', {"a": ""}),
        ('{"a": 1', {}),
        ('{"a": 1,', {"a": 1}),
        ('{"a": [', {"a": []}),
        ('{"a": [{"b": null}, {"c": "d', {"a": [{"b": None}, {"c": "d"}]}),
        ('{"a": 1, "a": "x', {"a": "x"}),
        # What is no JSON changes nothing.
        ('{"a": "x\n', {"a": "x"}),
        ('{"a": "x" 1', {"a": "x"}),
        ("[1, nul]", [1]),
        ("[1]]", [1]),
        ("Sure!", None),
    ],
)
def test_what_is_shown_on_the_way(text, shown):
    reader = JSONReader()
    for char in text:
        reader.feed(char)
        reader.value()
    assert reader.value() == shown
    assert not reader.is_complete


def test_a_number_at_the_end_is_whole_when_the_text_is():
    reader = JSONReader()
    reader.feed("12")
    assert reader.value() is None
    reader.finish()
    assert reader.value() == 12


@pytest.mark.parametrize("char", ["[", '{"a":'])
def test_there_is_a_limit_to_nesting(char):
    reader = JSONReader()
    reader.feed(char * (MAX_DEPTH - 1))
    assert not reader.has_failed
    reader.feed(char * 100_000)
    assert reader.has_failed
    assert reader.work < len(char) * 101_000
    reader.feed("]" * 100)
    assert reader.value() is not None


def test_a_number_beyond_what_python_reads():
    reader = JSONReader()
    for _ in range(10):
        reader.feed("1" * 1000)
    reader.feed(" ")
    assert reader.has_failed


@pytest.mark.skipif(not json_shown._CAN_COUNT, reason="needs counts of references")
def test_nobody_else_holds_it_so_it_is_brought_up_to_date():
    # Each value is let go before the next is asked for, and none is copied again as a whole.
    pieces = ["[", *["1, "] * 1000]
    partial = PartialJSON(pieces)
    places = set()
    for count in range(1, len(pieces) + 1):
        shown = partial.first(count)
        assert len(shown) == max(0, count - 1)
        places.add(id(shown))
        del shown
    assert len(places) == 2

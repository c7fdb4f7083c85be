"""Values as text: an encoded value is decoded as the same value, and malformed text raises an error, nothing else."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeprimer.sandbox.inside import codec
from codeprimer.sandbox.inside.codec import CodecError, decode, encode

TEXTS = st.text(st.characters(exclude_categories=()), max_size=8).filter(
    lambda text: not re.search("[\ud800-\udbff][\udc00-\udfff]", text)
)
"""JSON takes the two halves of a surrogate pair for one character."""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | TEXTS
    | st.binary(max_size=8)
)
EXACT = (
    SCALARS
    | st.complex_numbers()
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.timedeltas()
    | st.binary(max_size=4).map(bytearray)
)
KEYS = st.recursive(SCALARS | st.fractions(), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4).map(collections.OrderedDict)
        | st.dictionaries(KEYS, st.integers(), max_size=4).map(collections.Counter)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
        | st.builds(collections.deque, st.lists(inner, max_size=3), st.none() | st.integers(3, 5))
    )


VALUES = st.recursive(EXACT, _containers, max_leaves=12)

_NAMES = [*sorted(codec._BUILD), "object", "", "type", "__class__", "eval"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(_NAMES),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS, inner, max_size=3)
        | st.builds(lambda name, parts: [name, *parts], st.sampled_from(_NAMES), st.lists(inner, max_size=4))
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are of the same type and content, NaN and the sign of zero included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, decimal.Decimal):
        return str(one) == str(other)
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=False)
        return len(one) == len(other) and all(same(a, b) for a, b in pairs)
    if isinstance(one, collections.deque):
        return one.maxlen == other.maxlen and same(list(one), list(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and sorted(map(encode, one)) == sorted(map(encode, other))
    return bool(one == other)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_as_the_same_value_of_the_same_type(value: object) -> None:
    assert same(decode(encode(value)), value)


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_the_text_of_a_value_is_one_line_of_ascii(value: object) -> None:
    text = encode(value)
    assert text.isascii()
    assert "\n" not in text


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_is_a_value_or_a_codec_error(content: object) -> None:
    text = json.dumps(content)
    for source in (text, text.encode()):
        try:
            value = decode(source)
        except CodecError as error:
            assert str(error)
        else:
            assert same(decode(encode(value)), value)


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_value_or_a_codec_error(content: bytes) -> None:
    try:
        decode(content)
    except CodecError as error:
        assert str(error)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '["list",' * 5_000 + "1" + "]" * 5_000,
        "9" * 5_000,
        '["int","' + "z" * 10 + '"]',
        '["Fraction",1,0]',
        '["object",0]',
        '["object",[]]',
        '["range",1,2,0]',
        '["deque",[],1]',
        '["date",99999,1,1]',
        '["Decimal","sNaN","x"]',
        '["set",["list"]]',
        '["dict",["set"],1]',
        '[["list"],1]',
        "[]",
        '["timedelta",1e400]',
        '["timedelta",Infinity]',
        '["Fraction",Infinity,1]',
        '["set",["Decimal","sNaN"]]',
        '["complex",1,2,3]',
        '["Counter",1]',
        '["defaultdict",["list"],1]',
    ],
)
def test_a_text_that_is_no_value_is_a_codec_error(text: str) -> None:
    with pytest.raises(CodecError):
        decode(text)


@pytest.mark.parametrize(
    "value",
    [
        type("Text", (str,), {})("a"),
        type("Number", (int,), {})(1),
        [type("List", (list,), {})()],
        {type("Key", (str,), {})("a"): 1},
        object(),
        int,
        len,
        iter([]),
        datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
        fractions,
        memoryview(b""),
    ],
)
def test_a_value_of_another_type_does_not_cross(value: object) -> None:
    with pytest.raises(CodecError):
        encode(value)


def test_a_cycle_a_tower_and_a_crowd_do_not_cross() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    tower: list[object] = []
    for _ in range(1_000):
        tower = [tower]
    for value in (cycle, tower, [0] * (codec.MAX_VALUES + 1)):
        with pytest.raises(CodecError):
            encode(value)

"""What RapidJSON 1.1.0 takes and says; each expected text was printed by it, with the flags of ParseJson."""

import json
import math
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.rest import rapid_json
from serving.server.rest.debug_text import debug_text
from serving.server.rest.rapid_json import JsonError, parse


def read_slowly(text):
    return rapid_json._Reader(text).read()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b" ", "The document is empty. at offset: 1"),
        (b"]", "The document is empty. at offset: 0"),
        (b"[", "Invalid value. at offset: 1"),
        (b"[1", "Missing a comma or ']' after an array element. at offset: 2"),
        (b"[1,", "Invalid value. at offset: 3"),
        (b"[1,]", "Invalid value. at offset: 3"),
        (b"[1 2]", "Missing a comma or ']' after an array element. at offset: 3"),
        (b"[,1]", "Invalid value. at offset: 1"),
        (b"{", "Missing a name for object member. at offset: 1"),
        (b"{1", "Missing a name for object member. at offset: 1"),
        (b'{"a"', "Missing a colon after a name of object member. at offset: 4"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a":', "Invalid value. at offset: 5"),
        (b'{"a":}', "Invalid value. at offset: 5"),
        (b'{"a":1', "Missing a comma or '}' after an object member. at offset: 6"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b'{"a":1 "b"}', "Missing a comma or '}' after an object member. at offset: 7"),
        (b'{"a":1]', "Missing a comma or '}' after an object member. at offset: 6"),
        (b"tru", "Invalid value. at offset: 3"),
        (b"[nul]", "Invalid value. at offset: 4"),
        (b"[fals\x01]", "Invalid value. at offset: 5"),
        (b"[-]", "Invalid value. at offset: 2"),
        (b"[+1]", "Invalid value. at offset: 1"),
        (b"[.5]", "Invalid value. at offset: 1"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e]", "Miss exponent in number. at offset: 3"),
        (b"[1e+]", "Miss exponent in number. at offset: 4"),
        (b"[1e309]", "Number too big to be stored in double. at offset: 1"),
        (b"[1" + b"0" * 400 + b"]", "Number too big to be stored in double. at offset: 1"),
        (b"[Na]", "Invalid value. at offset: 3"),
        (b"[Infinite]", "Invalid value. at offset: 8"),
        (b'"abc', "Missing a closing quotation mark in string. at offset: 4"),
        (b'"a\nb"', "Invalid escape character in string. at offset: 2"),
        (b'"\\x"', "Invalid escape character in string. at offset: 1"),
        (b'"\\', "Invalid escape character in string. at offset: 1"),
        (b'"\\u12g4"', "Incorrect hex digit after \\u escape in string. at offset: 1"),
        (b'"\\ud800"', "The surrogate pair in string is invalid. at offset: 1"),
        (b'"\\ud800\\u0041"', "The surrogate pair in string is invalid. at offset: 1"),
        (b"[" + b"1" * 5000 + b"]", "Number too big to be stored in double. at offset: 1"),
        (b"[NaN,-" + b"1" * 5000 + b"]", "Number too big to be stored in double. at offset: 5"),
        (b"[1e" + b"1" * 5000 + b"]", "Number too big to be stored in double. at offset: 1"),
        (b'["\\ud800\\', "The surrogate pair in string is invalid. at offset: 2"),
    ],
)
def test_errors_are_rapidjsons(text, message):
    with pytest.raises(JsonError) as error:
        parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"[1] and more", [1]),
        (b"01", 0),
        (b"[Inf,-Infinity,1.5e309]", [math.inf, -math.inf, math.inf]),
        (b"\xef\xbb\xbf{}", {}),
        (b"[1]\0[", [1]),
        (b"[1e-" + b"1" * 5000 + b",1e+" + b"0" * 5000 + b"2] ", [0.0, 100.0]),
        (b"[18446744073709551615,18446744073709551616]", [2**64 - 1, float(2**64)]),
        (b"[-9223372036854775808,-9223372036854775809]", [-(2**63), -float(2**63)]),
        (b'["\xff\\udc00\\ud83d\\ude00"]', ["\udcff\udced\udcb0\udc80\N{GRINNING FACE}"]),
        (b'"\\"\\/\\\\\\b\\f\\n\\r\\t\\u00e9"', '"/\\\b\f\n\r\té'),
        (b'{"a":1,"a":2} ', {"a": 2}),
    ],
)
def test_what_a_strict_parser_refuses_is_read(text, value):
    assert parse(text) == value
    assert read_slowly(text) == value


def test_nan_is_a_number():
    assert math.isnan(parse(b"[NaN]")[0])
    assert math.isnan(parse(b"[-NaN]")[0])


def test_nesting_has_a_limit():
    assert parse(b"[" * 1000 + b"]" * 1000 + b"x")
    with pytest.raises(JsonError, match="nest deeper than 1000"):
        parse(b"[" * 100_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_the_slow_reader_reads_what_the_strict_one_does(value):
    text = json.dumps(value).encode()
    assert read_slowly(text) == value
    if b"Infinity" not in text:
        assert read_slowly(orjson.dumps(value)) == orjson.loads(orjson.dumps(value))


@given(st.binary(max_size=40) | st.text(alphabet='{}[],:"\\ue0129.-+NInfatrls ', max_size=40).map(str.encode))
def test_junk_is_read_or_refused_and_nothing_else(text):
    with suppress(JsonError):
        debug_text(parse(text)).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2.0, True, None, "x"], '[1, 2.0, true, null, "x"]'),
        ({}, "{}"),
        ({"a": [], "b": {"c": {}}}, '{\n    "a": [],\n    "b": {\n        "c": {}\n    }\n}'),
        ([[1, {"a": 1}], 2], '[[1, {\n            "a": 1\n        }], 2]'),
        (["a\n\x01\x7f/\"\\é"], '["a\\n\\u0001\x7f/\\"\\\\é"]'),
        ([1e22, 1e21, 1e20, 0.000001, 1.5e-7, -0.0, 5e-324, 100.0, 0.1], "[1e22, 1e21, 100000000000000000000.0, "
         "0.000001, 1.5e-7, -0.0, 5e-324, 100.0, 0.1]"),
        ([1, math.nan, 2], "[1, "),
        (list(range(1000)), "[" + "".join(f"{number}, " for number in range(67)).rstrip(", ")),
        (["x" * 300, 1], '["' + "x" * 300 + '"'),
    ],
)  # fmt: skip
def test_values_in_errors_are_written_as_rapidjson_does(value, text):
    assert debug_text(value) == text

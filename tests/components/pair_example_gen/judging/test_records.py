"""Captions, labels and splits of single records."""

import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import (
    Caption,
    read_captions,
    read_label,
    read_name,
    read_picture,
    split_of,
)
from components.pair_example_gen.raw_record import RawRecord
from components.pair_example_gen.readers.tar_reader import Record
from components.pair_example_gen.readers.tar_records import read_metadata, to_raw_record

FIELDS = {"txt": "und", "name": "en", "words": "de"}


def captions_of(metadata, text=None):
    values = metadata if text is None else {**metadata, "txt": text}
    return read_captions(values, FIELDS)


def test_captions_come_in_the_order_of_the_config_with_their_language():
    captions = captions_of({"words": ["eins", "zwei"], "name": " one\n", "other": "no"}, b"\xef\xbb\xbfnull")
    assert captions.kept == [
        Caption("null", "und"),
        Caption("one", "en"),
        Caption("eins", "de"),
        Caption("zwei", "de"),
    ]
    assert not captions.refused


@pytest.mark.parametrize(
    ("value", "reason"),
    [(value, reasons.EMPTY) for value in ("", " \n\u3000", None)]
    + [(value, reasons.NOT_TEXT) for value in (7, True, {"a": 1})]
    + [("\ud800", reasons.NOT_UTF8)],
)
def test_an_unusable_caption_is_named_and_the_others_stay(value, reason):
    alone = captions_of({"name": value})
    assert ([], [reason]) == (alone.kept, [refused.reason for refused in alone.refused])
    among = captions_of({"words": ["eins", value, "drei"]})
    assert [caption.text for caption in among.kept] == ["eins", "drei"]
    assert [refused.reason for refused in among.refused] == [reason]


def test_a_text_member_that_is_not_utf8_is_named():
    captions = captions_of({"name": "one"}, b"caf\xe9")
    assert [caption.text for caption in captions.kept] == ["one"]
    assert [refused.reason for refused in captions.refused] == [reasons.NOT_UTF8]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda x: st.lists(x),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "words", "other"]), json_values), st.none() | st.binary(max_size=20))
def test_every_value_is_a_caption_or_is_refused(metadata, text):
    captions = captions_of(metadata, text)
    expected = text is not None
    for name in ("name", "words"):
        if name in metadata:
            expected += len(metadata[name]) if isinstance(metadata[name], list) else 1
    assert len(captions.kept) + len(captions.refused) == expected
    for caption in captions.kept:
        assert caption.text.encode().decode().strip() == caption.text != ""


def test_metadata_is_read_only_where_a_field_of_it_is_asked_for():
    record = Record("0", {"json": b"not json", "png": b"p", "txt": b"t"})
    assert to_raw_record(record, wants_json=False) == RawRecord("0", b"p", "png", fields={"txt": b"t"})
    flawed = to_raw_record(record, wants_json=True)
    assert (flawed.flaw, flawed.image, flawed.fields) == (reasons.METADATA_NOT_JSON, b"p", {"txt": b"t"})
    assert to_raw_record(Record("0", {}), wants_json=True).detail == "members: none"


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:/x", "a\\b"])
def test_a_name_that_climbs_out_is_a_flaw(key):
    assert to_raw_record(Record(key, {"png": b"p"}), wants_json=False).flaw == reasons.UNSAFE_NAME


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (None, ["und", "und"]),
        ("", ["und", "und"]),
        ("de", ["de", "de"]),
        (["de", "pt-BR"], ["de", "pt-BR"]),
        ([b"de", None], ["de", "und"]),
        (math.nan, ["und", "und"]),
        ([None, "", " "], ["und", "und"]),
        ("pt_br", ["pt-BR", "pt-BR"]),
    ],
)
def test_the_language_of_a_record_wins_over_the_tag(stated, expected):
    captions = read_captions({"text": ["eins", "zwei"], "lang": stated}, {"text": "und"}, "lang")
    assert [caption.language for caption in captions.kept] == expected
    assert not captions.noted
    tagged = read_captions({"text": ["eins", "zwei"], "lang": stated}, {"text": "en"}, "lang")
    assert [caption.language for caption in tagged.kept] == [tag.replace("und", "en") for tag in expected]


@pytest.mark.parametrize(
    ("stated", "expected", "details"),
    [
        (["de", "fr", "it"], ["und", "und"], ["3 languages for the 2 captions in text"] * 2),
        (["German", 7], ["und", "und"], ["'German' is no language tag, such as 'en'", "'7' is no language tag"]),
        (["de", b"\xff"], ["de", "und"], ["'\\udcff' is no language tag"]),
        ("4711", ["und", "und"], ["'4711' is no language tag"] * 2),
    ],
)
def test_a_stated_language_that_is_none_is_noted_and_unknown_whatever_the_tag(stated, expected, details):
    captions = read_captions({"text": ["eins", "zwei"], "lang": stated}, {"text": "en"}, "lang")
    assert [caption.language for caption in captions.kept] == expected
    assert {noted.reason for noted in captions.noted} == {reasons.LANGUAGE_UNKNOWN}
    assert all(noted.detail.startswith(detail) for noted, detail in zip(captions.noted, details, strict=True))


def test_an_unusable_caption_notes_no_language():
    captions = read_captions({"text": ["", "zwei"], "lang": "German"}, {"text": "und"}, "lang")
    assert (len(captions.kept), len(captions.refused), len(captions.noted)) == (1, 1, 1)


def test_a_field_without_a_name_is_never_read():
    record = {"text": "eins", "": "17"}
    assert read_captions(record, {"text": "de"}, None).kept == [Caption("eins", "de")]
    assert (read_label(record, None), read_name(record, None)) == ("", "")


def test_languages_stay_beside_their_captions_where_one_is_refused():
    captions = read_captions({"text": ["", "deux"], "lang": ["de", "fr"]}, {"text": "und"}, "lang")
    assert captions.kept == [Caption("deux", "fr")]


def test_names_of_records():
    assert [read_name({"a": value}, "a") for value in (" x ", b"y", 7, ["z"], None, "", True, 0.5, "\ud800")] == [
        *("x", "y", "7", "z"),
        *[""] * 5,
    ]
    assert read_name({}, "a") == read_name({"a": "x"}, None) == ""


@pytest.mark.parametrize("content", [b"[1]", b"\xff", b"", b"[" * 100_000, b'"text"', b"1" * 10_000])
def test_metadata_that_is_no_object_is_named(content):
    with pytest.raises(Refused, match=reasons.METADATA_NOT_JSON):
        read_metadata(Record("0", {"json": content}))


def test_metadata_may_hold_what_only_pythons_json_allows():
    assert read_metadata(Record("0", {"json": b'{"name": "x", "size": NaN}'}))["name"] == "x"


def test_labels():
    assert read_label({"class": " cat face "}, "class") == "cat face"
    assert read_label({"class": [b" cat face"]}, "class") == "cat face"
    assert read_label({"class": None}, "class") == read_label({}, "class") == read_label({"class": 3}, None) == ""
    for label in (3, ["cat", "dog"], "\udfff"):
        with pytest.raises(Refused, match=reasons.LABEL_NOT_TEXT):
            read_label({"class": label}, "class")


def test_a_flawed_or_empty_record_has_no_picture():
    flawed = to_raw_record(Record("0", {"jpg": b"x"}, reasons.CORRUPT_SHARD, "why"), wants_json=True)
    with pytest.raises(Refused, match="corrupt_shard: why"):
        read_picture(flawed, 100, bool)
    empty = to_raw_record(Record("0", {"txt": b"x", "json": b"{}"}), wants_json=True)
    with pytest.raises(Refused, match="no_image: members: json, txt"):
        read_picture(empty, 100, bool)


def test_the_hash_split_is_stable_and_follows_the_shares():
    shares = {"train": 7, "validation": 2, "test": 1}
    assert [split_of(b"%d" % number, {"train": 1, "test": 1}) for number in range(8)] == [
        split_of(b"%d" % number, {"train": 1, "test": 1}) for number in range(8)
    ]
    seen = Counter(split_of(b"%d" % number, shares) for number in range(10_000))
    for name, share in shares.items():
        assert abs(seen[name] - 1000 * share) < 150  # five standard deviations of the largest
    assert split_of(b"any", {"only": 1}) == "only"


def test_json_member_of_img2dataset_round_trips():
    content = json.dumps({"caption": "A \U0001f600", "key": "0"}).encode()
    metadata = read_metadata(Record("0", {"json": content}))
    assert read_captions(metadata, {"caption": "en"}).kept == [Caption("A \U0001f600", "en")]

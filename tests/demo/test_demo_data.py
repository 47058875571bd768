"""Tests that the committed demo data are what demo/README.md says: complete, honest splits, no held-out leak."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

DEMO = Path(__file__).parents[2] / "demo"
MAX_BYTES = 16 * 1024 * 1024
LANGUAGES = ("en", "de", "fr", "cs")

sys.path.insert(0, str(DEMO))  # the scripts of demo/ are no package: they are run from there

from families import Concept, code_key, families, name_key  # noqa: E402


@pytest.fixture(scope="module")
def records() -> dict[str, list[dict]]:
    """Every record's metadata by split, with its picture and text under "png" and "txt"."""
    found: dict[str, list[dict]] = {}
    for split in ("train", "seen", "unseen"):
        found[split] = []
        for shard in sorted((DEMO / "shards" / split).glob("*.tar.gz")):
            members: dict[str, dict[str, bytes]] = defaultdict(dict)
            with tarfile.open(shard) as tar:
                for member in tar:
                    key, extension = member.name.split(".")
                    content = tar.extractfile(member)
                    assert content is not None
                    members[key][extension] = content.read()
            for key, parts in members.items():
                assert sorted(parts) == ["json", "png", "txt"], key
                found[split].append({**json.loads(parts["json"]), "png": parts["png"], "txt": parts["txt"].decode()})
    return found


def test_all_shards_together_are_small():
    assert sum(path.stat().st_size for path in (DEMO / "shards").rglob("*.tar.gz")) <= MAX_BYTES


def test_counts_are_those_of_the_readme(records):
    assert {split: len(found) for split, found in records.items()} == {"train": 4320, "seen": 1440, "unseen": 159}


def test_every_picture_is_whole_and_matches_its_metadata(records):
    for record in (record for found in records.values() for record in found):
        with Image.open(io.BytesIO(record["png"])) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("PNG", (record["width"], record["height"]))
            assert "transparency" not in picture.info
        assert hashlib.sha256(record["png"]).hexdigest() == record["sha256"]


def test_every_record_has_its_texts_in_four_languages(records):
    for record in (record for found in records.values() for record in found):
        assert record["txt"] == record["name_en"]
        for language in LANGUAGES:
            assert record[f"name_{language}"].strip(), record["key"]
            assert record[f"name_{language}"] not in record[f"keywords_{language}"].split(", "), record["key"]
        assert record["subgroup"]
        assert record["class"] in ("", record["subgroup"])
        assert record["group"] not in ("component", "flags")


def test_three_artists_train_and_the_fourth_judges(records):
    assert {record["artist"] for record in records["train"]} == {"google", "twitter", "openmoji"}
    assert {record["artist"] for record in records["seen"] + records["unseen"]} == {"fluent"}
    per_concept = Counter(record["emoji"] for record in records["train"])
    assert set(per_concept.values()) == {3}


def test_no_concept_and_no_family_straddles(records):
    train, seen, unseen = ({r["emoji"] for r in records[split]} for split in ("train", "seen", "unseen"))
    assert seen == train
    assert not unseen & train
    assert not {r["family"] for r in records["unseen"]} & {r["family"] for r in records["train"]}
    assert 0.08 <= len(unseen) / (len(unseen) + len(train)) <= 0.12


def test_no_skin_tones(records):
    tones = {chr(point) for point in range(0x1F3FB, 0x1F400)}
    assert not [r["key"] for found in records.values() for r in found if tones & set(r["emoji"])]


def test_each_class_has_enough_pictures_to_measure(records):
    sizes = Counter(record["class"] for record in records["seen"] if record["class"])
    assert len(sizes) >= 10
    assert min(sizes.values()) >= 30


def together(*concepts: tuple[str, str, str]) -> bool:
    return len(families([Concept(*concept) for concept in concepts])) == 1


@pytest.mark.parametrize(
    "concepts",
    [
        [("1F468-200D-1F373", "man cook", "person-role"), ("1F469-200D-1F373", "woman cook", "person-role")],
        [("1F9D1-200D-1F373", "cook", "person-role"), ("1F469-200D-1F373", "woman cook", "person-role")],
        [
            ("1F3C3-FE0F-200D-2642-FE0F", "man running", "person-activity"),
            ("1F3C3-200D-27A1-FE0F", "person running facing right", "person-activity"),
        ],
        [("1F534", "red circle", "geometric"), ("1F535", "blue circle", "geometric")],
        [("1F550", "one o’clock", "time"), ("1F55C", "one-thirty", "time")],
        [("1F46B", "woman and man holding hands", "family"), ("1F48F", "kiss", "family")],
        [("1F934", "prince", "person-role"), ("1F478", "princess", "person-role")],
        [("1F448", "backhand index pointing left", "hand"), ("1F449", "backhand index pointing right", "hand")],
    ],
)
def test_members_of_a_family_stay_together(concepts):
    assert together(*concepts)


def test_different_things_stay_apart():
    assert not together(("1F436", "dog face", "animal-mammal"), ("1F431", "cat face", "animal-mammal"))
    assert not together(("1F34E", "red apple", "food-fruit"), ("1F34A", "tangerine", "food-fruit"))


CONCEPTS = st.builds(
    Concept,
    st.sampled_from(["1F468-200D-1F373", "1F469-200D-1F373", "1F436", "1F431", "1F534", "1F535", "1F550"]),
    st.text("abc ", min_size=1, max_size=4),
    st.sampled_from(["person-role", "animal-mammal", "arrow"]),
)


@given(st.lists(CONCEPTS, max_size=12))
def test_families_partition_the_concepts_and_keep_equal_keys_together(concepts):
    grouped = families(concepts)
    assert sorted(map(repr, (c for family in grouped for c in family))) == sorted(map(repr, concepts))
    for key in (code_key, name_key):
        owners = defaultdict(set)
        for number, family in enumerate(grouped):
            for concept in family:
                owners[key(concept)].add(number)
        assert all(len(numbers) == 1 for numbers in owners.values())

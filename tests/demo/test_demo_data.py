"""Tests that the committed demo data are what demo/README.md says: complete, honest splits, no held-out leak."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

DEMO = Path(__file__).parents[2] / "demo"
MAX_BYTES = 24_000_000
LICENSES = DEMO / "LICENSES.md"
LANGUAGES = ("en", "de", "fr", "cs")

sys.path.insert(0, str(DEMO))  # the scripts of demo/ are no package: they are run from there

from build import UNSEEN_SHARE, hold_out, to_png, write_shards  # noqa: E402
from drawings import DRAWINGS, EVERY_CONCEPT, TEST_ARTIST  # noqa: E402
from families import Concept, code_key, families, family_name, name_key  # noqa: E402


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
    assert {split: len(found) for split, found in records.items()} == {"train": 9632, "seen": 1440, "unseen": 159}


def test_every_picture_is_whole_and_matches_its_metadata(records):
    for record in (record for found in records.values() for record in found):
        with Image.open(io.BytesIO(record["png"])) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("PNG", (64, 64)) == ("PNG", (record["width"], record["height"]))
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
        assert "".join(chr(int(point, 16)) for point in record["codepoints"].split("-")) == record["emoji"]
        assert record["key"] == f"{record['artist']}-{record['codepoints'].lower()}"
        assert record["url"].startswith(DRAWINGS[record["artist"]])


def test_nine_artists_train_and_the_tenth_judges(records):
    assert {record["artist"] for record in records["train"]} == set(DRAWINGS) - {TEST_ARTIST}
    assert {record["artist"] for record in records["seen"] + records["unseen"]} == {TEST_ARTIST}
    sizes = Counter(record["artist"] for record in records["train"])
    assert {sizes[artist] for artist in EVERY_CONCEPT if artist != TEST_ARTIST} == {1440}
    assert min(sizes.values()) > 500
    assert len({(record["artist"], record["emoji"]) for record in records["train"]}) == len(records["train"])


def test_every_artist_stands_with_a_licence_in_the_list_of_licences():
    rows = re.findall(
        r"^\| `(\S+)` \| npm `(\S+)` (\S+) \|.*\| \[(.+)\]\((.+)\) \|$", LICENSES.read_text(), re.MULTILINE
    )
    assert {artist for artist, *_ in rows} == set(DRAWINGS)
    for artist, package, version, licence, link in rows:
        assert DRAWINGS[artist].startswith(f"{package.removeprefix('@').replace('/', '-')}-{version}/")
        assert licence in ("Apache-2.0", "CC BY 4.0", "CC BY-SA 4.0", "MIT", "OFL-1.1")
        assert link.startswith("https://") or (DEMO / link).is_file()


def outline(png: bytes) -> np.ndarray:
    """Returns 256 bits: where a picture of 17 x 16 greys grows brighter to the right (a difference hash)."""
    with Image.open(io.BytesIO(png)) as picture:
        grey = np.asarray(picture.convert("L").resize((17, 16), Image.Resampling.BILINEAR), dtype=int)
    return (grey[:, 1:] > grey[:, :-1]).ravel()


def test_no_training_artist_draws_near_copies_of_the_test_artists_pictures(records):
    """Fluent's own flat set has 43 % of its pictures within 32 bits of the test artist's."""
    judged = {record["emoji"]: outline(record["png"]) for record in records["seen"]}
    near, drawn = Counter(), Counter()
    for record in records["train"]:
        drawn[record["artist"]] += 1
        near[record["artist"]] += np.sum(outline(record["png"]) != judged[record["emoji"]]) <= 32
    assert max(near[artist] / drawn[artist] for artist in drawn) < 0.04


def test_a_recoloured_and_softened_copy_would_count_as_near(records):
    for record in records["seen"][:50]:
        with Image.open(io.BytesIO(record["png"])) as picture:
            copy = ImageOps.autocontrast(picture.convert("RGB").filter(ImageFilter.GaussianBlur(1)))
        buffer = io.BytesIO()
        ImageEnhance.Color(copy).enhance(0.5).save(buffer, "PNG")
        assert np.sum(outline(buffer.getvalue()) != outline(record["png"])) <= 32, record["name_en"]


def test_no_concept_and_no_family_straddles(records):
    train, seen, unseen = ({r["emoji"] for r in records[split]} for split in ("train", "seen", "unseen"))
    assert seen == train
    assert not unseen & train
    assert not {r["family"] for r in records["unseen"]} & {r["family"] for r in records["train"]}
    assert 0.08 <= len(unseen) / (len(unseen) + len(train)) <= 0.12


def test_the_splits_are_those_of_the_family_rule(records):
    in_train = {r["codepoints"]: r for r in records["train"]}
    unseen = {r["codepoints"]: r for r in records["unseen"]}
    every = in_train | unseen
    concepts = [Concept(r["codepoints"], r["name_en"], r["subgroup"].replace(" ", "-")) for r in every.values()]
    assert hold_out(concepts, UNSEEN_SHARE) == set(unseen)
    for family in families(concepts):
        assert {every[concept.unified]["family"] for concept in family} == {family_name(family)}


@pytest.mark.parametrize(
    "names",
    [
        "man cook, woman cook, cook",
        "man running, woman running, person running",
        "left-facing fist, right-facing fist, oncoming fist, raised fist",
        "bus, oncoming bus",
        "couple with heart, family, men holding hands",
        "one o’clock, twelve-thirty",
        "open mailbox with raised flag, closed mailbox with lowered flag",
        "globe showing Americas, globe showing Asia-Australia",
    ],
)
def test_named_families_do_not_straddle(records, names):
    splits = {split: {r["name_en"] for r in found} for split, found in records.items()}
    wanted = set(names.split(", "))
    assert wanted <= splits["seen"] | splits["unseen"]
    assert not wanted & splits["unseen"] or not wanted & splits["train"]


def test_no_picture_is_in_two_splits(records):
    drawn = {
        split: {Image.open(io.BytesIO(r["png"])).convert("RGB").tobytes() for r in records[split]} for split in records
    }
    assert not drawn["unseen"] & (drawn["train"] | drawn["seen"])
    assert not drawn["seen"] & drawn["train"]


def test_artists_are_mixed_within_every_full_train_shard(records):
    whole = Counter(record["artist"] for record in records["train"])
    for start in range(0, len(records["train"]) - 499, 500):
        shard = records["train"][start : start + 500]
        sizes = Counter(r["artist"] for r in shard)
        assert all(sizes[artist] > whole[artist] / len(records["train"]) * len(shard) / 2 for artist in whole)


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
        [("1F91B", "left-facing fist", "hand-fingers-closed"), ("1F44A", "oncoming fist", "hand-fingers-closed")],
        [("1F9CD-200D-27A1-FE0F", "x", "person-activity"), ("1F9CD", "y", "person-activity")],
        [("1F468-200D-1F9B0", "man: red hair", "person"), ("1F469-200D-1F9B3", "woman: white hair", "person")],
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


@given(st.lists(CONCEPTS, max_size=12, unique_by=lambda concept: concept.unified), st.floats(0, 1))
def test_hold_out_takes_whole_families_within_its_share_in_any_order(concepts, share):
    chosen = hold_out(concepts, share)
    assert chosen == hold_out(reversed(concepts), share)
    assert len(chosen) <= share * len(concepts)
    for family in families(concepts):
        assert len({concept.unified in chosen for concept in family}) == 1


def test_a_transparent_drawing_is_laid_on_white(tmp_path):
    drawing = Image.new("RGBA", (128, 128), (255, 0, 0, 0))
    drawing.paste((0, 0, 255, 255), (0, 0, 64, 128))
    drawing.save(tmp_path / "half.png")
    picture = Image.open(io.BytesIO(to_png(tmp_path / "half.png")))
    assert picture.size == (64, 64)
    assert picture.convert("RGB").getpixel((8, 32)) == (0, 0, 255)
    assert picture.convert("RGB").getpixel((56, 32)) == (255, 255, 255)


def test_shards_are_the_same_bytes_in_any_order_and_replace_what_was_there(tmp_path):
    keyed = [(f"k{i}", lambda i=i: {"txt": str(i).encode()}) for i in range(501)]
    write_shards(tmp_path / "a", keyed)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "00007.tar.gz").write_bytes(b"stale")
    write_shards(tmp_path / "b", keyed[::-1])
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / side).iterdir()} for side in "ab")
    assert first == second
    assert sorted(first) == ["00000.tar.gz", "00001.tar.gz"]

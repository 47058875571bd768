"""The oracle decides a case worked out by hand, and the filter decides a made-up corpus as the oracle does."""

import dataclasses
from collections import Counter

import pytest

from benchmarks.filter.exactness import config_for, differences, silent_rules
from benchmarks.filter.oracle import Outcome, Record, filter_plainly, read_records
from benchmarks.filter.run import SPLITS, FilterJob, execute, read_outcome
from benchmarks.pairs.photos import Photos
from benchmarks.pairs.plan import Corpus
from benchmarks.pairs.writing import write_examples
from components.image_fingerprint import Fingerprint
from components.pair_filter.config import FilterConfig

CONFIG = FilterConfig(
    shorter_side_above_px=10,
    max_aspect_ratio=2.0,
    max_captions_per_image=2,
    max_hash_distance=1,
    max_images_per_caption=2,
    min_words=2,
    max_words=3,
    frequent_ngrams=None,
)
PAIRS = 300


def make_record(name, *captions, split="train", **differing):
    """Returns a record whose image has 20 x 20 px and looks like no other, but for what differs."""
    shows = Fingerprint(hash(name), int(name.encode().hex(), 16) << 20)
    return dataclasses.replace(Record(name, split, name, 20, 20, captions, shows), **differing)


def decide(records, **settings):
    """Returns the names and captions that the train split keeps by CONFIG with these settings, and all counts."""
    outcome = filter_plainly(records, dataclasses.replace(CONFIG, **settings))
    return outcome.kept["train"], outcome.counts


def test_a_corpus_worked_out_by_hand():
    records = [
        make_record("a", "red cat", "STOCK photo"),
        make_record("b", "red dog", "stock  photo"),
        make_record("c", "stock photo"),  # on three images, with a and b
        make_record("d", "red cow", width=10),
        make_record("e", "red fox", height=41),
        make_record("f", "one cat", "two cats", "three cats"),
        make_record("g", "cat", "red owl"),
        make_record("k", "red cat on mat", "big owl"),
        make_record("h", "red hen", shows=Fingerprint(1, 0b0111)),  # one bit from y
        make_record("i", "red ant", shows=Fingerprint(2, None)),  # the pixels of z, which has no hash
        make_record("j", "red bee", shows=Fingerprint(3, 0b0101)),  # two bits from y
        make_record("y", "cat", split="seen", shows=Fingerprint(4, 0b0110)),
        make_record("z", "cat", split="seen", shows=Fingerprint(2, None), width=1),
    ]
    kept, counts = decide(records)
    assert kept == [
        ("a", ("red cat",)),
        ("b", ("red dog",)),
        ("g", ("red owl",)),
        ("k", ("big owl",)),
        ("j", ("red bee",)),
    ]
    assert counts == {
        ("train", "images", "read"): 11,
        ("train", "images", "kept"): 5,
        ("train", "images", "no_caption_left"): 1,
        ("train", "images", "shorter_side"): 1,
        ("train", "images", "aspect_ratio"): 1,
        ("train", "images", "captions_per_image"): 1,
        ("train", "images", "evaluation_image"): 2,
        ("train", "captions", "read"): 17,
        ("train", "captions", "kept"): 5,
        ("train", "captions", "shorter_side"): 1,
        ("train", "captions", "aspect_ratio"): 1,
        ("train", "captions", "captions_per_image"): 3,
        ("train", "captions", "evaluation_image"): 2,
        ("train", "captions", "images_per_caption"): 3,
        ("train", "captions", "too_few_words"): 1,
        ("train", "captions", "too_many_words"): 1,
        ("seen", "images", "read"): 2,
        ("seen", "images", "kept"): 2,
        ("seen", "captions", "read"): 2,
        ("seen", "captions", "kept"): 2,
    }


@pytest.mark.parametrize(
    ("distance", "kept"), [(None, ["h", "j"]), (0, ["h", "j"]), (1, ["j"]), (2, [])], ids=["exact", "0", "1", "2"]
)
def test_images_are_copies_within_the_distance_or_by_their_pixels(distance, kept):
    records = [
        make_record("h", "red hen", shows=Fingerprint(1, 0b0111)),
        make_record("i", "red ant", shows=Fingerprint(4, 0b111000)),
        make_record("j", "red bee", shows=Fingerprint(3, 0b1100)),
        make_record("y", "cat", split="seen", shows=Fingerprint(4, 0b0110)),
    ]
    assert [name for name, _ in decide(records, max_hash_distance=distance)[0]] == kept
    off = decide(records, max_hash_distance=distance, drop_evaluation_images=False)
    assert [name for name, _ in off[0]] == ["h", "i", "j"]


@pytest.mark.parametrize(
    ("places", "kept"),
    [
        # red 4, cat 3, "red cat" 2, dog 2, "red dog" 1, "cat red" 1, "red red" 1, hen 1, "dog hen" 1
        (1, []),
        (2, []),
        (3, ["a", "b"]),  # dog and "red cat" tie at the third place
        (4, ["a", "b"]),
        (5, ["a", "b", "c", "d", "e"]),
        (9, ["a", "b", "c", "d", "e"]),
        (None, ["a", "b", "c", "d", "e"]),
    ],
)
def test_ngrams_are_frequent_up_to_the_last_place_and_its_ties(places, kept):
    captions = {"a": "red cat", "b": "Red cat", "c": "red dog", "d": "cat red", "e": "dog hen"}
    records = [make_record(name, text) for name, text in captions.items()]
    assert [name for name, _ in decide(records, frequent_ngrams=places)[0]] == kept


def test_a_filtered_split_is_held_to_the_counts_of_train():
    shared = [make_record(name, "red cat") for name in ("a", "b")]
    judged = make_record("y", "red cat", "red dog", split="seen")
    _, counts = decide([*shared, judged], splits=("train", "seen"), max_images_per_caption=1, frequent_ngrams=2)
    assert counts["train", "captions", "images_per_caption"] == 2
    assert counts["seen", "captions", "images_per_caption"] == 1
    assert counts["seen", "captions", "rare_ngram"] == 1
    assert counts["seen", "images", "no_caption_left"] == 1


def test_the_filter_decides_as_the_oracle_does(tmp_path):
    manifest = write_examples(Corpus(1, PAIRS, max_captions=2), Photos, tmp_path / "pairs", pairs_per_file=110)
    config = config_for(PAIRS)
    expected = filter_plainly(read_records(tmp_path / "pairs", SPLITS), config)
    execute(FilterJob(str(tmp_path / "pairs"), str(tmp_path / "run"), config.to_json(), ()))
    found = read_outcome(tmp_path / "run")
    assert differences(found, expected) == []
    assert silent_rules(expected) == []
    for split in SPLITS:
        assert found.counts[split, "images", "read"] == manifest["pairs"][split]
        assert found.counts[split, "captions", "read"] == manifest["captions"][split]
    roles = manifest["roles"]
    assert found.counts["train", "images", "shorter_side"] == roles["too_small"]
    assert found.counts["train", "images", "aspect_ratio"] == roles["too_long"]
    assert found.counts["train", "images", "captions_per_image"] == roles["logo"]


def test_differences_are_told():
    key = ("train", "captions", "kept")
    ours = Outcome({"train": [("a", ("x",)), ("b", ("x",))]}, Counter({key: 2}))
    same = Outcome({"train": [("a", ("x",)), ("b", ("x",))]}, Counter({key: 2}))
    turned = Outcome({"train": [("b", ("x",)), ("a", ("x",))]}, Counter({key: 2}))
    fewer = Outcome({"train": [("a", ("x",))]}, Counter({key: 1}))
    assert differences(ours, same) == []
    assert differences(ours, turned) == ["train: keeps the same records in another order"]
    assert differences(ours, fewer) == [
        "train captions kept: 2, the oracle has 1",
        "train: keeps b ('x',), the oracle does not",
    ]
    assert differences(fewer, ours)[1:] == ["train: lacks b ('x',), which the oracle keeps"]

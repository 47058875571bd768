"""The whole filter equals a slow one that holds everything in memory, and says what stopped it."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf

from components import schema
from components.artifact_files import FILTER_REPORT_FILE, RECORD_COUNTS_FILE
from components.files.caption_table import read_captions
from components.files.example_files import list_split, read_payloads
from components.pair_filter.judging.features import caption_languages
from components.pair_filter.judging.rules import IMAGE_RULES, OFF
from filter_corpus import CONFIG, oracle


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        dataclasses.replace(CONFIG, splits=("train", "seen"), drop_evaluation_images=False),
        dataclasses.replace(CONFIG, splits=("unseen",), max_images_per_caption=1, max_captions_per_image=1),
        dataclasses.replace(
            CONFIG, frequent_ngrams=None, max_hash_distance=None, max_aspect_ratio=None, max_words=None
        ),
        dataclasses.replace(CONFIG, max_captions_per_image=None, max_images_per_caption=None),
    ],
    ids=["train", "two splits", "another split", "rules off", "counts off"],
)
def test_the_filter_equals_the_slow_one(config, corpus, filtered, read_examples, load_json):
    outputs = filtered(config)
    kept, counts = oracle(corpus, config)
    report = load_json(outputs["report"], FILTER_REPORT_FILE)
    found = {}
    for split, tallies in report["splits"].items():
        assert tallies.pop("filtered") == (split in config.splits)
        for kind, tally in tallies.items():
            for fate, number in {"read": tally["read"], "kept": tally["kept"], **tally["dropped"]}.items():
                found[split, kind, fate] = number
    assert {key: number for key, number in found.items() if number} == counts
    for split in report["splits"]:
        written = read_examples(outputs["examples"], split)
        assert sorted((e[schema.RECORD_NAME][0], e[schema.CAPTION_TEXT]) for e in written) == sorted(kept[split])
        for record in written:
            assert len(record[schema.CAPTION_LANGUAGE]) == len(record[schema.CAPTION_TEXT])
    if config is CONFIG:  # a corpus in which a rule drops nothing would prove nothing
        assert {rule.name for rule in IMAGE_RULES if rule.threshold(config) != OFF} <= {
            fate for split, _, fate in counts if split == "train"
        }
        assert {"images_per_caption", "too_few_words", "too_many_words", "rare_ngram", "no_caption_left"} <= {
            fate for split, _, fate in counts if split == "train"
        }


@pytest.mark.parametrize("splits", [("train",), ("unseen",)], ids=["filtered", "passed whole"])
def test_the_tables_say_what_the_files_of_the_examples_hold(splits, filtered, read_examples, load_json):
    lenient = dataclasses.replace(
        CONFIG, max_images_per_caption=None, max_captions_per_image=None, frequent_ngrams=None
    )
    outputs = filtered(dataclasses.replace(lenient, splits=splits))
    for split in ("train", "seen", "unseen"):
        files = [Path(path) for path in list_split(outputs["examples"].uri, split)]
        counts = load_json(outputs["counts"], f"Split-{split}/{RECORD_COUNTS_FILE}")
        assert list(counts) == [path.name for path in files]
        assert [held["records"] for held in counts.values()] == [len(list(read_payloads(str(path)))) for path in files]
        captions = sum(len(record[schema.CAPTION_TEXT]) for record in read_examples(outputs["examples"], split))
        assert sum(held["captions"] for held in counts.values()) == captions > 0
    kept = Counter(
        caption
        for record in read_examples(outputs["examples"], "train")
        for caption in zip(record[schema.CAPTION_TEXT], record[schema.CAPTION_LANGUAGE], strict=True)
    )
    tables = sorted(Path(outputs["captions"].uri).rglob("*.arrow"))
    assert [path.parent.name for path in tables] == ["Split-train"] * 3
    found: Counter = Counter()
    for table in tables:
        for text, language, count in read_captions(table.read_bytes()):
            found[text, language] += count
    assert found == kept
    assert max(kept.values()) > 1  # equal captions are in one row a file
    for artifact in outputs.values():
        assert not list(Path(artifact.uri).glob(".*"))


def test_captions_without_a_language_have_none():
    def languages(*tags: bytes) -> list[str]:
        features = (example := tf.train.Example()).features.feature
        features[schema.CAPTION_TEXT].bytes_list.value.extend([b"a cat", b"c\xffat"])
        features[schema.CAPTION_LANGUAGE].bytes_list.value.extend(tags)
        return caption_languages(example.features.feature)

    found = [languages(b"en", b"de"), languages(b"en"), languages(), languages(b"", b"de", b"fr")]
    assert found == [["en", "de"], ["en", "und"], ["und", "und"], ["und", "de"]]


def test_languages_stay_beside_their_captions(filtered, read_examples, corpus):
    given = {row.name: [(text, f"l{index}") for index, text in enumerate(row.captions)] for row in corpus}
    for record in read_examples(filtered(CONFIG)["examples"], "train"):
        captions = list(zip(record[schema.CAPTION_TEXT], record[schema.CAPTION_LANGUAGE], strict=True))
        assert set(captions) <= set(given[record[schema.RECORD_NAME][0]])


def test_two_runs_write_the_same_records_and_samples(filtered, execute, examples, read_examples, load_json):
    first, second = filtered(CONFIG), execute(CONFIG, unfiltered_examples=examples)
    assert read_examples(first["examples"], "train") == read_examples(second["examples"], "train")
    report = load_json(first["report"], FILTER_REPORT_FILE)
    assert report == load_json(second["report"], FILTER_REPORT_FILE)
    assert all(1 <= len(samples) <= 5 for samples in report["samples"].values())
    assert first["report"].get_int_custom_property("images_kept") == sum(
        split["images"]["kept"] for split in report["splits"].values()
    )
    assert json.loads(first["examples"].split_names) == ["seen", "train", "unseen"]


def test_nothing_left_stops_with_the_rule_its_field_and_its_value(filtered):
    with pytest.raises(
        ValueError,
        match=r"left none of the \d+ pairs of the split 'train': shorter_side dropped most, \d+; loosen "
        r"filter\.shorter_side_above_px, which is 900$",
    ):
        filtered(dataclasses.replace(CONFIG, shorter_side_above_px=900))


def test_a_split_that_does_not_exist_is_named(filtered):
    with pytest.raises(ValueError, match=r"filter\.splits names 'eval', which is no split of the data; it has"):
        filtered(dataclasses.replace(CONFIG, splits=("train", "eval")))

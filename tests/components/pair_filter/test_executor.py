"""The whole filter equals a slow one that holds everything in memory, and says what stopped it."""

import base64
import dataclasses
import functools
import io
import itertools
import json
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfx.types import artifact_utils, standard_artifacts

from components import example_files, schema
from components.artifacts import FILTER_REPORT_FILE, FilterReport
from components.pair_filter.config import FilterConfig
from components.pair_filter.executor import Executor
from components.pair_filter.rules import IMAGE_RULES, OFF

CONFIG = FilterConfig(
    shorter_side_above_px=6,
    max_captions_per_image=4,
    max_images_per_caption=3,
    min_words=2,
    max_words=4,
    frequent_ngrams=60,
)


def example(name: str, image: bytes, sha: str, size: tuple[int, int], captions: list[str], split: str) -> bytes:
    texts = {
        schema.IMAGE_ENCODED: [image],
        schema.IMAGE_SHA256: [sha.encode()],
        schema.CAPTION_TEXT: [caption.encode() for caption in captions],
        schema.CAPTION_LANGUAGE: [b"l%d" % index for index in range(len(captions))],
        schema.CLASS_LABEL: [b""],
        schema.RECORD_NAME: [name.encode()],
        schema.SPLIT: [split.encode()],
    }
    message = tf.train.Example()
    for key, values in texts.items():
        message.features.feature[key].bytes_list.value.extend(values)
    for key, value in zip((schema.IMAGE_WIDTH, schema.IMAGE_HEIGHT), size, strict=True):
        message.features.feature[key].int64_list.value.append(value)
    return message.SerializeToString(deterministic=True)


@dataclasses.dataclass(frozen=True)
class Row:
    """A record of the synthetic corpus; `picture` is what an image shows, `file` its bytes' identity."""

    name: str
    split: str
    picture: int
    file: str
    size: tuple[int, int]
    captions: tuple[str, ...]


@pytest.fixture(scope="module")
def corpus() -> list[Row]:
    """700 records whose captions and images repeat with the skew of real ones."""
    chance = random.Random(5)
    words = ["cat", "dog", "red", "big", "sun", "tree", "House", "moon"]
    texts = [" ".join(chance.choices(words, k=chance.randint(1, 5))) for _ in range(300)]
    texts += [f"lone{number}" for number in range(60)]
    texts += [f"red cat lone{number}" for number in range(20)]
    texts += ["stock photo", "Stock  photo", "STOCK PHOTO\n"]
    rows = []
    for number in range(700):
        split = chance.choice(["train"] * 8 + ["seen", "unseen"])
        picture = int(chance.paretovariate(0.4)) % 400
        sizes = random.Random(picture)
        size = (sizes.choice([7, 8, 20, 40]), sizes.choice([6, 7, 8, 20]))
        kind = chance.choice(["PNG", "BMP"])
        captions = [*chance.choices(texts, k=chance.randint(1, 3)), *chance.choices(texts[-3:], k=chance.randint(0, 1))]
        rows.append(Row(f"r{number}", split, picture, f"{kind}{picture}", size, tuple(captions)))
    return rows


@pytest.fixture(scope="module")
def examples(corpus, tmp_path_factory):
    """The corpus as an Examples artifact of several files a split."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("corpus"))
    splits = ["train", "seen", "unseen"]
    example_files.describe(artifact, splits)
    for split in splits:
        rows = [row for row in corpus if row.split == split]
        for index in range(3):
            path = f"{artifact_utils.get_split_uri([artifact], split)}/{example_files.file_name(index, 3)}"
            with example_files.writing(path, example_files.aside_folder(artifact)) as write:
                for row in rows[index::3]:
                    write(example(row.name, draw(row), row.file, row.size, list(row.captions), split))
    return artifact


def draw(row: Row) -> bytes:
    """Returns an image of noise, the same for the same picture."""
    noise = np.random.default_rng(row.picture).integers(0, 256, (row.size[1], row.size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, row.file[:3])
    return buffer.getvalue()


@pytest.fixture(scope="module")
def run_filter(examples, run_executor):
    """Returns a function: a config -> the output artifacts of a run of its own."""

    def run(config: FilterConfig):
        outputs = {
            "examples": standard_artifacts.Examples,
            "rejects": standard_artifacts.Examples,
            "report": FilterReport,
        }
        properties = {"filter": dataclasses.asdict(config)}
        return run_executor(Executor, {"unfiltered_examples": examples}, outputs, properties)

    return run


@pytest.fixture(scope="module")
def filtered(run_filter):
    """Returns a function: a config -> the output artifacts of one run that the tests share."""
    return functools.cache(run_filter)


def ngrams_of(text: str) -> list[str]:
    words = text.lower().split()
    return words + [f"{a} {b}" for a, b in itertools.pairwise(words)]


def oracle(rows: list[Row], config: FilterConfig):
    """The filter's semantics in plain Python: returns kept (name, captions) in order and counts by split."""
    images_of, captions_of = defaultdict(set), defaultdict(set)
    ngrams: Counter = Counter()
    for row in rows:
        if row.split == "train":
            for text in row.captions:
                images_of[" ".join(text.lower().split())].add(row.file)
                captions_of[row.file].add(" ".join(text.lower().split()))
                ngrams.update(ngrams_of(text))
    ranked = sorted(ngrams.values(), reverse=True)
    places = config.frequent_ngrams
    least = ranked[places - 1] if places is not None and places <= len(ranked) else 0
    judged_pictures = {row.picture for row in rows if row.split != "train"}
    kept, counts = defaultdict(list), Counter()
    for row in rows:
        counts[row.split, "images", "read"] += 1
        counts[row.split, "captions", "read"] += len(row.captions)
        reason = ""
        if row.split in config.splits:
            if min(row.size) <= config.shorter_side_above_px:
                reason = "shorter_side"
            elif max(row.size) > config.max_aspect_ratio * min(row.size):
                reason = "aspect_ratio"
            elif len(captions_of[row.file]) > config.max_captions_per_image:
                reason = "captions_per_image"
            elif config.drop_evaluation_images and row.split == "train" and row.picture in judged_pictures:
                reason = "evaluation_image"
        if reason:
            counts[row.split, "images", reason] += 1
            counts[row.split, "captions", reason] += len(row.captions)
            continue
        left = []
        for text in row.captions:
            if (
                row.split in config.splits
                and len(images_of[" ".join(text.lower().split())]) > config.max_images_per_caption
            ):
                counts[row.split, "captions", "images_per_caption"] += 1
            elif row.split in config.splits and len(text.split()) < config.min_words:
                counts[row.split, "captions", "too_few_words"] += 1
            elif row.split in config.splits and len(text.split()) > config.max_words:
                counts[row.split, "captions", "too_many_words"] += 1
            elif row.split in config.splits and any(ngrams[ngram] < least for ngram in ngrams_of(text)):
                counts[row.split, "captions", "rare_ngram"] += 1
            else:
                left.append(text)
        counts[row.split, "captions", "kept"] += len(left)
        counts[row.split, "images", "kept" if left else "no_caption_left"] += 1
        if left:
            kept[row.split].append((row.name, left))
    return kept, {key: number for key, number in counts.items() if number}


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        dataclasses.replace(CONFIG, splits=("train", "seen"), drop_evaluation_images=False),
        dataclasses.replace(CONFIG, splits=("unseen",), max_images_per_caption=1, max_captions_per_image=1),
        dataclasses.replace(CONFIG, frequent_ngrams=None, max_hash_distance=None),
    ],
    ids=["train", "two splits", "another split", "rules off"],
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


def test_languages_stay_beside_their_captions(filtered, read_examples, corpus):
    given = {row.name: [(text, f"l{index}") for index, text in enumerate(row.captions)] for row in corpus}
    for record in read_examples(filtered(CONFIG)["examples"], "train"):
        captions = list(zip(record[schema.CAPTION_TEXT], record[schema.CAPTION_LANGUAGE], strict=True))
        assert set(captions) <= set(given[record[schema.RECORD_NAME][0]])


def test_two_runs_write_the_same_records_and_samples(filtered, run_filter, read_examples, load_json):
    first, second = filtered(CONFIG), run_filter(CONFIG)
    assert read_examples(first["examples"], "train") == read_examples(second["examples"], "train")
    report = load_json(first["report"], FILTER_REPORT_FILE)
    assert report == load_json(second["report"], FILTER_REPORT_FILE)
    assert all(1 <= len(samples) <= 5 for samples in report["samples"].values())
    assert first["report"].get_int_custom_property("images_kept") == sum(
        split["images"]["kept"] for split in report["splits"].values()
    )
    assert json.loads(first["examples"].split_names) == ["train", "seen", "unseen"]


def test_nothing_left_stops_with_the_rule_its_field_and_its_value(run_filter):
    with pytest.raises(
        ValueError,
        match=r"left none of the \d+ pairs of the split 'train': shorter_side dropped most, \d+; loosen "
        r"filter\.shorter_side_above_px, which is 900$",
    ):
        run_filter(dataclasses.replace(CONFIG, shorter_side_above_px=900))


def test_a_split_that_does_not_exist_is_named(run_filter):
    with pytest.raises(ValueError, match=r"filter\.splits names 'eval', which is no split of the data; it has"):
        run_filter(dataclasses.replace(CONFIG, splits=("train", "eval")))


def test_kept_and_rejected_captions_together_are_what_was_read(filtered, read_examples, corpus, load_json):
    outputs = filtered(dataclasses.replace(CONFIG, keep_rejects=True))
    assert json.loads(outputs["rejects"].split_names) == ["train"]
    rejected = read_examples(outputs["rejects"], "train")
    found = Counter(
        (record[schema.RECORD_NAME][0], *caption)
        for record in [*read_examples(outputs["examples"], "train"), *rejected]
        for caption in zip(record[schema.CAPTION_TEXT], record[schema.CAPTION_LANGUAGE], strict=True)
    )
    assert found == Counter(
        (row.name, text, f"l{index}")
        for row in corpus
        if row.split == "train"
        for index, text in enumerate(row.captions)
    )
    tally = load_json(outputs["report"], FILTER_REPORT_FILE)["splits"]["train"]["captions"]
    assert Counter(rule for record in rejected for rule in record[schema.DROP_RULE]) == tally["dropped"]
    for record in rejected:
        assert len(record[schema.DROP_RULE]) == len(record[schema.DROP_DETAIL]) == len(record[schema.CAPTION_TEXT])


def test_rejects_are_not_kept_unless_asked_for(filtered):
    assert json.loads(filtered(CONFIG)["rejects"].split_names) == []


def test_samples_show_the_caption_and_a_thumbnail(filtered, load_json, corpus):
    samples = load_json(filtered(CONFIG)["report"], FILTER_REPORT_FILE)["samples"]
    captions = {row.name: row.captions for row in corpus}
    for found in samples.values():
        for sample in found:
            assert sample["caption"] in captions[sample["record"]]
            picture = Image.open(io.BytesIO(base64.b64decode(sample["thumbnail"])))
            assert picture.format == "JPEG"
            assert max(picture.size) <= 64


def test_a_bloom_filter_keeps_what_exact_keeps_and_few_rare_ones_more(filtered, read_examples):
    def kept(config: FilterConfig) -> set[tuple[str, str]]:
        records = read_examples(filtered(config)["examples"], "train")
        return {(record[schema.RECORD_NAME][0], text) for record in records for text in record[schema.CAPTION_TEXT]}

    exact, off = kept(CONFIG), kept(dataclasses.replace(CONFIG, frequent_ngrams=None))
    strict = kept(dataclasses.replace(CONFIG, ngram_false_positive_rate=1e-9))
    loose = kept(dataclasses.replace(CONFIG, ngram_false_positive_rate=0.5))
    assert strict == exact
    assert exact < loose
    assert loose < off


def test_images_of_an_evaluation_set_are_dropped_from_the_train_split(
    examples, corpus, run_executor, tmp_path, load_json
):
    judged = [row for row in corpus if row.split == "train"][:40]
    coco = standard_artifacts.Examples()
    coco.uri, coco.name = str(tmp_path), "coco"
    example_files.describe(coco, ["test"])
    path = f"{artifact_utils.get_split_uri([coco], 'test')}/{example_files.file_name(0, 1)}"
    with example_files.writing(path, example_files.aside_folder(coco)) as write:
        for row in judged:
            write(example(row.name, draw(row), row.file, row.size, ["another caption"], "test"))
    inputs = {"unfiltered_examples": examples, "evaluation_examples": coco}
    outputs = dict.fromkeys(("examples", "rejects"), standard_artifacts.Examples) | {"report": FilterReport}
    report = run_executor(Executor, inputs, outputs, {"filter": dataclasses.asdict(CONFIG)})["report"]
    more = [dataclasses.replace(row, split="coco", captions=()) for row in judged]
    _, counts = oracle([*corpus, *more], CONFIG)
    tallies = load_json(report, FILTER_REPORT_FILE)
    assert "coco" not in tallies["splits"]
    dropped = tallies["splits"]["train"]["images"]["dropped"]
    assert dropped["evaluation_image"] == counts["train", "images", "evaluation_image"]
    assert any("of 'coco'" in sample["detail"] for sample in tallies["samples"]["evaluation_image"])

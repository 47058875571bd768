"""Suites: ours name sets that there are, and a user's own are read or refused in one sentence."""

import re

import pytest

import published_classes
import published_sets
from components.evaluator.datasets.kinds import ClassSet, DataSetError, TrainedSet
from components.evaluator.datasets.registry import ENTRIES
from components.evaluator.suites.suite import FOLDER, load_suite, suite_names


def test_our_suites_name_sets_that_there_are():
    assert suite_names() == ["demo", "paper"]
    assert {*load_suite("demo").sets} == {name for name in ENTRIES if name.startswith("demo-")}
    paper = load_suite("paper")
    assert [entry.name for entry in paper.entries()] == [*paper.sets]
    assert sum(name.startswith("vtab/") for name in paper.sets) == 19
    assert {"mscoco", "flickr30k", "cxc-retrieval", "imagenet", "multi30k-cs", "simlex999"} < {*paper.sets}


def test_each_of_our_suites_begins_with_its_command():
    for name in suite_names():
        first = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0]
        assert re.fullmatch(rf"#     align eval --model \S+ --suite {name} .*--out \S+", first)


def test_a_suite_of_ones_own(tmp_path):
    published_classes.class_folders(tmp_path / "birds/val", ["n01", "n02"])
    published_classes.class_folders(tmp_path / "birds/train", ["n01", "n02"], images=3)
    path = published_sets.put(
        tmp_path / "mine.yaml",
        """
sets: [mscoco, demo-unseen-en]
folders:
  birds:
    images: birds/val
    train: birds/train
    classes: {n02: [wren, jenny wren], n01: [robin]}
    templates: ["a photo of a {}, a type of bird."]
  bare: {images: birds/val}
pairs:
  shop: {shards: shop, format: jsonl}
""",
    )
    suite = load_suite(str(path))
    assert [entry.name for entry in suite.entries()] == ["mscoco", "demo-unseen-en", "birds", "bare"]
    assert suite.pairs == {"shop": {"shards": "shop", "format": "jsonl"}}
    birds, bare = (entry.load(tmp_path / "data") for entry in suite.entries()[2:])
    assert isinstance(birds, TrainedSet)
    assert birds.test.classes == (("wren", "jenny wren"), ("robin",))
    assert (len(birds.train.images), birds.test.labels.tolist()) == (6, [0, 1])
    assert birds.test.image_ids == ("n02/0.JPEG", "n01/0.JPEG")
    assert isinstance(bare, ClassSet)
    assert bare.classes == (("n01",), ("n02",))


def test_folders_that_are_not_there_are_absent(tmp_path):
    published_classes.class_folders(tmp_path / "val", ["a"])
    path = published_sets.put(tmp_path / "mine.yaml", "folders: {birds: {images: val, train: train}}\n")
    (entry,) = load_suite(str(path)).entries()
    assert entry.state(tmp_path) == f"half there: {tmp_path / 'train'} is missing"
    with pytest.raises(DataSetError, match=r"train is missing; name the folder .* in folders\.birds"):
        entry.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sets: [mscocoo]", "has no data set 'mscocoo'; did you mean 'mscoco'"),
        ("sets: mscoco", "sets is 'mscoco' .* it must be a list"),
        ("set: [mscoco]", "set is not a field; did you mean sets"),
        ("sets: []", "names no data set"),
        ("", "is no suite; it must say"),
        ("sets: [mscoco, mscoco]", "uses the name 'mscoco' twice"),
        ("folders: {mscoco: {images: x}}", "uses the name 'mscoco' twice or for another set"),
        ("folders: {a: {image: x}}", r"folders\.a\.image is not a field; did you mean"),
        ("folders: {a: {}}", "folders.a lacks images"),
        ("folders:\n  a: {images: x}\n  a: {images: y}", "line 3 has 'a' a second time"),
        ("pairs:\n  a: {shards: x, format: jsonl, format: csv}", "line 2 has 'format' a second time"),
        ("pairs: [a]", "pairs must be a mapping"),
        ("pairs: {a: 1}", "pairs must be a mapping"),
        ("sets: [", "is no YAML"),
        ("sets: \x00", "is no YAML"),
    ],
)
def test_a_wrong_suite_is_refused(tmp_path, text, said):
    path = published_sets.put(tmp_path / "mine.yaml", text)
    with pytest.raises(DataSetError, match=said) as refused:
        load_suite(str(path))
    assert "\n" not in str(refused.value)


def test_an_unknown_suite_is_refused_with_the_one_that_was_meant():
    with pytest.raises(
        DataSetError, match=r"'papr' is neither one of our suites \(demo, paper\) nor a file; did you mean 'paper'\?$"
    ):
        load_suite("papr")

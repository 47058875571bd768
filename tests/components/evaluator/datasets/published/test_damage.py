"""Whatever a file of a set was damaged into, the set is read or refused in one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import published_classes
import published_sets
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.published import cxc, simlex
from components.evaluator.datasets.published.tfds_folder import TfdsFolder
from components.evaluator.datasets.registry import ENTRIES
from published_sets import RATED_ROWS

SMALL = {  # sets whose published number of rows the small ones do not have
    "cxc-retrieval": lambda root: cxc.read_retrieval(root, "test", RATED_ROWS),
    "simlex999": lambda root: simlex.read_simlex(root, pairs=3),
    "vtab/dtd": lambda root: list(TfdsFolder(root / "vtab/dtd/3.0.1").read("test", 0, 5)),
}
FILES = [  # set -> the file that is damaged
    ("mscoco", "mscoco/dataset_coco.json"),
    ("multi30k-de", "multi30k/data/task2/raw/test_2016.2.de.gz"),
    ("multi30k-cs", "multi30k/data/task1/image_splits/test_2016_flickr.txt"),
    ("cxc-retrieval", "cxc/sts_test.csv"),
    ("cxc-retrieval", "cxc/sits_test.csv"),
    ("simlex999", "simlex999/SimLex-999.txt"),
    ("imagenet", "imagenet/ILSVRC2012_devkit_t12/data/meta.mat"),
    ("imagenet", "imagenet/ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"),
    ("imagenet-real", "imagenet/real.json"),
    ("flowers102", "flowers102/imagelabels.mat"),
    ("pets", "pets/annotations/trainval.txt"),
    ("cars", "cars/devkit/cars_train_annos.mat"),
    ("food101", "food-101/meta/classes.txt"),
    ("vtab/dtd", "vtab/dtd/3.0.1/dataset_info.json"),
    ("vtab/dtd", "vtab/dtd/3.0.1/dtd-test.tfrecord-00000-of-00001"),
    ("winoground", "winoground/examples.jsonl"),
    ("sugarcrepe", "sugarcrepe/swap_att.json"),
    ("aro-relation", "aro/visual_genome_relation.json"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """All small sets in one data folder."""
    root = tmp_path_factory.mktemp("data")
    builders = ("mscoco", "flickr30k", "multi30k", "cxc", "simlex", "winoground", "sugar_crepe", "aro")
    for name in builders:
        getattr(published_sets, name)(root)
    for name in ("flowers102", "pets", "cars", "food101"):
        getattr(published_classes, name)(root)
    published_classes.imagenet_real(root, [[1], [], [0, 2]])
    published_classes.tfds(root / "vtab/dtd/3.0.1", {"test": [{"image": b"", "label": [1]}] * 5})
    return root


def load(name: str, root: Path) -> object:
    return dataclasses.replace(ENTRIES[name], read=SMALL.get(name, ENTRIES[name].read)).load(root)


def test_all_are_whole_before(root):
    assert {type(load(name, root)).__name__ for name, _ in FILES} == {
        *("PairSet", "ClassSet", "MultiLabelSet", "TrainedSet", "PositivesSet", "RatedSet", "ChoiceSet"),
        "list",
    }


@settings(max_examples=150)
@given(
    damaged=st.sampled_from(FILES),
    place=st.floats(0, 1),
    put=st.binary(max_size=6) | st.sampled_from([b"[]", b"{}", b"null", b"-1", b"9" * 30, b"\n", b"\t", b"\xff", b'"']),
    drop=st.integers(0, 40) | st.just(1 << 30),
)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(root, damaged, place, put, drop):
    name, path = damaged
    whole = (root / path).read_bytes()
    start = int(place * len(whole))
    (root / path).write_bytes(whole[:start] + put + whole[start + drop :])
    try:
        load(name, root)
    except DataSetError as refused:
        said = str(refused)
    else:
        said = ""
    finally:
        (root / path).write_bytes(whole)
    assert len(said.splitlines()) <= 1

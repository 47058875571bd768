"""The first pass on two files, worked out by hand: a caption on two images, and a copy of an evaluation image."""

import itertools
from collections import defaultdict

import pytest
import tensorflow as tf

from components import example_files, schema
from components.pair_filter.config import FilterConfig
from components.pair_filter.evidence import caption_key, copy_mark
from components.pair_filter.first_pass import ConvictBucket, FileTask, GatherEvidence

CONFIG = FilterConfig(shorter_side_above_px=6, max_captions_per_image=4, max_images_per_caption=1)
SHARED, OWN = "Stock  photo", "my cat"


@pytest.fixture
def write(make_image, tmp_path):
    """Returns a function: (name of the bytes, seed of the picture, caption) records -> a file of Examples."""
    number = itertools.count()

    def write(*records: tuple[bytes, int, str]) -> str:
        path = str(tmp_path / f"{next(number)}.gz")
        with example_files.writing(path, str(tmp_path / "aside")) as write_one:
            for sha256, picture, caption in records:
                example = tf.train.Example()
                for name, value in {
                    schema.IMAGE_ENCODED: make_image(8, 8, seed=picture),
                    schema.IMAGE_SHA256: sha256,
                    schema.CAPTION_TEXT: caption.encode(),
                }.items():
                    example.features.feature[name].bytes_list.value.append(value)
                for name in (schema.IMAGE_WIDTH, schema.IMAGE_HEIGHT):
                    example.features.feature[name].int64_list.value.append(8)
                write_one(example.SerializeToString())
        return path

    return write


def marks(config: FilterConfig, *tasks: FileTask) -> dict[int, set[bytes]]:
    """Returns file -> marks, as the two DoFns give them one after the other."""
    buckets = defaultdict(list)
    for task in tasks:
        for bucket, batch in GatherEvidence(config, buckets=3).process((task.index, task)):
            buckets[bucket].append(batch)
    found = defaultdict(set)
    for element in buckets.items():
        for file, returned in ConvictBucket(config).process(element):
            found[file] |= returned
    return dict(found)


def test_a_caption_over_its_limit_is_returned_to_the_files_that_have_it(write):
    one = FileTask(0, "train", write((b"a", 1, SHARED), (b"b", 2, OWN)), "")
    two = FileTask(1, "train", write((b"c", 3, SHARED.upper())), "")
    assert marks(CONFIG, one, two) == {0: {caption_key(SHARED)}, 1: {caption_key(SHARED)}}
    assert marks(CONFIG, one) == {}, "one image is within the limit"


def test_a_training_image_with_an_evaluation_images_pixels_is_returned(write):
    train = FileTask(0, "train", write((b"a", 1, "one"), (b"b", 2, "two")), "")
    judged = FileTask(1, "seen", write((b"c", 2, "three")), "")
    assert marks(CONFIG, train, judged) == {0: {copy_mark(b"b")}}


def test_a_file_that_has_nothing_to_say_is_not_read():
    config = FilterConfig(splits=("train",), drop_evaluation_images=False)
    task = FileTask(0, "seen", "no such file", "")
    assert list(GatherEvidence(config, buckets=3).process((0, task))) == []

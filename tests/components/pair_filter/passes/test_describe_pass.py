"""An image is compared by the fingerprint that its Example carries, and decoded where that is none of this make."""

import io

import numpy as np
import pytest
from PIL import Image

from components import schema
from components.files import example_files
from components.files.tf_example import Example
from components.image_fingerprint import MAKE, Fingerprint, written
from components.pair_filter.config import FilterConfig
from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.passes.describe_pass import DescribeFile, read_records
from components.pair_filter.tasks import FileTask


@pytest.fixture(scope="module")
def image() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        ([], None),
        ([written(Fingerprint(5, 6))], Fingerprint(5, 6)),
        ([written(Fingerprint(5, None))], Fingerprint(5, None)),
        ([written(Fingerprint(5, 6)).replace(MAKE.encode(), b"0/1/2")], None),
        ([b"of another tool"], None),
        ([written(Fingerprint(5, 6))] * 2, None),
    ],
)
def test_what_an_image_is_compared_by(tmp_path, image, carried, expected):
    example = Example()
    values = {schema.IMAGE_ENCODED: image, schema.IMAGE_SHA256: b"0" * 64, schema.RECORD_NAME: b"a"}
    for name, value in values.items():
        example.features.feature[name].bytes_list.value.append(value)
    if carried:
        example.features.feature[schema.IMAGE_FINGERPRINT].bytes_list.value.extend(carried)
    for name, side in ((schema.IMAGE_WIDTH, 30), (schema.IMAGE_HEIGHT, 20)):
        example.features.feature[name].int64_list.value.append(side)
    source = str(tmp_path / "examples.gz")
    with example_files.writing(source, str(tmp_path)) as write:
        write(example.SerializeToString())
    task = FileTask(0, schema.TRAIN_SPLIT, source, facts=str(tmp_path / "facts"))
    list(DescribeFile(FilterConfig(shorter_side_above_px=10)).process((0, task)))
    records = read_records(task)
    perceptual = int(records.numbers("perceptual")[0]) if records.present("perceptual")[0] else None
    assert Fingerprint(int(records.numbers("pixels")[0]), perceptual) == (expected or fingerprint(image))

"""Winoground, SugarCrepe and ARO in their published layouts."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import published_sets
from components.evaluator.datasets.kinds import DataSetError, PictureMissing
from components.evaluator.datasets.published import choices
from components.evaluator.datasets.registry import ENTRIES


def test_winoground_has_two_images_and_two_captions_an_item(tmp_path):
    published_sets.winoground(tmp_path)
    found = ENTRIES["winoground"].load(tmp_path)
    assert (found.item_ids, found.groups) == (("0", "1"), ("Object", "Object"))
    assert [found.captions[index] for index in found.item_captions[1]] == [
        "some plants surrounding a lightbulb 1",
        "a lightbulb surrounding some plants 1",
    ]
    assert [found.images[index]() for index in found.item_images[1]] == [
        published_sets.picture(colour, "PNG") for colour in (2, 3)
    ]
    (tmp_path / "winoground/images/ex_1_img_0.png").unlink()
    with pytest.raises(DataSetError, match=r"1 of the 4 images that .*examples\.jsonl names are missing"):
        choices.read_winoground(tmp_path)


def test_sugar_crepe_joins_its_seven_files(tmp_path):
    published_sets.sugar_crepe(tmp_path)
    found = ENTRIES["sugarcrepe"].load(tmp_path)
    assert found.groups == choices.SUGAR_CREPE
    assert found.item_ids[2] == "replace_att/14"
    assert found.item_images.tolist() == [[0], [0], [1], [2], [3], [4], [5]]
    assert [found.captions[index] for index in found.item_captions[2]] == ["right replace_att", "wrong replace_att"]


def test_aro_shows_the_box_that_the_caption_speaks_of(tmp_path):
    published_sets.aro(tmp_path)
    found = ENTRIES["aro-relation"].load(tmp_path)
    assert found.groups == ("near", "behind", "behind")
    assert found.item_images.tolist() == [[0], [1], [0]]  # a box that two items show is embedded once
    box, whole = (np.asarray(Image.open(io.BytesIO(image()))) for image in found.images)
    assert box.tolist() == [[[255, 0, 0]]]
    assert whole.shape == (6, 8, 3)
    assert ENTRIES["aro-attribution"].load(tmp_path).groups == ("brown_wooden",) * 3
    (tmp_path / "aro/images/1.png").write_bytes(b"broken")
    with pytest.raises(PictureMissing, match=r"1\.png cannot be cropped to \(2, 1, 3, 2\)"):
        found.images[0]()


@pytest.mark.parametrize(
    ("path", "content", "read"),
    [
        ("winoground/examples.jsonl", json.dumps({"id": 1}), choices.read_winoground),
        ("sugarcrepe/swap_obj.json", json.dumps({"0": {"filename": "x.jpg"}}), choices.read_sugar_crepe),
        ("aro/visual_genome_relation.json", json.dumps([{"image_path": "1.png"}]), None),
    ],
)
def test_an_item_that_lacks_a_field_is_refused(tmp_path, path, content, read):
    for build in (published_sets.winoground, published_sets.sugar_crepe, published_sets.aro):
        build(tmp_path)
    read = read or (lambda root: choices.read_aro(root, "visual_genome_relation"))
    published_sets.put(tmp_path / path, content)
    with pytest.raises(DataSetError, match="has an item without '"):
        read(tmp_path)
    published_sets.put(tmp_path / path, content[:-3])
    with pytest.raises(DataSetError, match="is damaged"):
        read(tmp_path)

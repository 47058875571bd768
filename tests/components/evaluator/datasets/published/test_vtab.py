"""VTAB-1k from what TensorFlow Datasets prepared: which Examples each part takes, and their labels."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

import published_classes
import published_sets
from components.evaluator.datasets.kinds import DataSetError, PictureMissing
from components.evaluator.datasets.published import vtab
from components.evaluator.datasets.published.tfds_folder import Features, TfdsFolder, newest_version
from components.evaluator.datasets.registry import ENTRIES
from components.files.tf_example import Example

PNG = published_sets.picture(9, "PNG")


def examples(count, classes=10, image=PNG):
    return [{"image": image, "label": [number % classes]} for number in range(count)]


def test_a_task_with_a_validation_split_takes_the_first_of_each(tmp_path):
    folder = tmp_path / "vtab/dtd/3.0.1"
    splits = {"train": examples(900, 47), "validation": examples(300, 47), "test": examples(50, 47)}
    published_classes.tfds(folder, splits, shards=3, label_names=[f"kind_{number}" for number in range(47)])
    found = ENTRIES["vtab/dtd"].load(tmp_path)
    assert found.train.labels.tolist() == [number % 47 for number in range(800)]
    assert found.validation.labels.tolist() == [number % 47 for number in range(200)]
    assert found.test.labels.tolist() == [number % 47 for number in range(50)]
    assert found.test.classes[3] == ("kind 3",)
    assert found.validation.images[150]() == PNG  # of the second shard
    assert (found.train.image_ids[0], found.validation.image_ids[199]) == ("train/0", "validation/199")


def test_a_task_without_one_takes_it_behind_nine_tenths(tmp_path):
    data = {"train": [{"image": PNG, "label": [number // 200]} for number in range(2000)], "test": examples(5)}
    published_classes.tfds(tmp_path / "vtab/svhn_cropped/3.0.0", data, shards=4)
    found = ENTRIES["vtab/svhn"].load(tmp_path)
    assert (found.train.image_ids[-1], found.validation.image_ids[0]) == ("train/799", "train/1800")
    assert found.validation.labels.tolist() == [9] * 200


@pytest.mark.parametrize(
    ("parts", "counts", "validation", "test"),
    [
        (vtab.own_validation, {"test": 50}, ("validation", 0, 200), ("test", 0, 50)),
        (vtab._90, {"train": 3059, "test": 6085}, ("train", 2753, 2953), ("test", 0, 6085)),
        (vtab._60_20, {"train": 27_000}, ("train", 16_200, 16_400), ("train", 21_600, 27_000)),
        (vtab._DSPRITES, {"train": 737_280}, ("train", 589_824, 590_024), ("train", 663_552, 737_280)),
        (vtab.half_of_test, {"train": 24_300, "test": 24_300}, ("test", 0, 200), ("test", 12_150, 24_300)),
    ],
)
def test_the_parts_are_those_of_vtab(parts, counts, validation, test):
    """By hand from task_adaptation/data/*.py and the published counts of TFDS."""

    class Counted:
        def count(self, split):
            return counts[split]

    assert parts(Counted()) == (("train", 0, 800), validation, test)


def features(**values):
    message = Example()
    for name, value in values.items():
        feature = message.features.feature[name.replace("__", "/")]
        (feature.int64_list if isinstance(value[0], int) else feature.float_list).value.extend(value)
    return Features(message.SerializeToString())


@pytest.mark.parametrize(
    ("task", "values", "label"),
    [
        ("clevr-count", {"objects__size": [0, 1, 1]}, 0),
        ("clevr-count", {"objects__size": [1] * 10}, 7),
        ("clevr-distance", {"objects__pixel_coords": [1.0, 2.0, 9.7, 3.0, 4.0, 8.2]}, 1),
        ("clevr-distance", {"objects__pixel_coords": [1.0, 2.0, 8.0]}, 0),  # 8 is not above 8
        ("clevr-distance", {"objects__pixel_coords": [1.0, 2.0, 30.0]}, 5),
        ("kitti-distance", {"objects__type": [2, 3], "objects__location": [0.0, 0.0, 19.0, 0.0, 0.0, 2.0]}, 1),
        ("kitti-distance", {"objects__type": [0, 1], "objects__location": [0.0, 0.0, 19.0, 0.0, 0.0, 8.0]}, 0),
        ("kitti-distance", {"objects__type": [4], "objects__location": [0.0, 0.0, 1.0]}, 3),  # no vehicle
        ("dsprites-location", {"label_x_position": [31]}, 15),
        ("dsprites-location", {"label_x_position": [1]}, 0),
        ("dsprites-orientation", {"label_orientation": [4]}, 1),
        ("dsprites-orientation", {"label_orientation": [5]}, 2),
        ("smallnorb-azimuth", {"label_azimuth": [17]}, 17),
        ("smallnorb-elevation", {"label_elevation": [8]}, 8),
        ("pets", {"label": [36]}, 36),
    ],
)
def test_labels_are_made_as_vtab_makes_them(task, values, label):
    tasks = {task.name: task for task in vtab.TASKS}
    assert tasks[task].label(features(**values)) == label


def test_there_are_nineteen_tasks_in_three_groups():
    groups = [group for group, _ in itertools.groupby(task.group for task in vtab.TASKS)]
    assert groups == ["natural", "specialized", "structured"]
    assert [sum(task.group == group for task in vtab.TASKS) for group in groups] == [7, 4, 8]


def test_dsprites_are_shown_in_black_and_white(tmp_path):
    to = io.BytesIO()
    Image.fromarray(np.array([[0, 1]], np.uint8)).save(to, "PNG")
    shown = Image.open(io.BytesIO(vtab.of_zeros_and_ones(to.getvalue())))
    assert np.asarray(shown).tolist() == [[0, 255]]


def test_an_image_of_a_record_is_read_where_it_lies(tmp_path):
    folder = tmp_path / "mine/1.0.0"
    published_classes.tfds(folder, {"train": [*examples(2), {"label": [1]}]})
    (first, values), (second, _), (third, _) = TfdsFolder(folder).read("train", 0, 3)
    assert (values.integers("label"), values.encoded()) == ([0], PNG)
    images = [vtab.RecordPicture(record, vtab.as_is) for record in (first, second, third)]
    assert images[0]() == images[1]() == PNG
    with pytest.raises(PictureMissing, match=r"the record at byte \d+ of .* has no image"):
        images[2]()


def test_a_part_of_a_split_is_read_from_the_shards_that_hold_it(tmp_path):
    folder = tmp_path / "mine/1.0.0"
    published_classes.tfds(folder, {"train": examples(10)}, shards=3)
    data = TfdsFolder(folder)
    for start, stop in itertools.combinations(range(11), 2):
        labels = [values.integers("label")[0] for _, values in data.read("train", start, stop)]
        assert labels == list(range(start, stop))


def test_the_newest_version_is_taken(tmp_path):
    for version in ("3.9.0", "3.10.0", "2.0.0", "3.11.0.incompleteAB12CD"):
        published_classes.tfds(tmp_path / version, {"train": examples(1)})
    assert newest_version(tmp_path) == tmp_path / "3.10.0"


def test_what_is_not_whole_is_refused(tmp_path):
    folder = tmp_path / "mine/1.0.0"
    published_classes.tfds(folder, {"train": examples(4)})
    shard = folder / "mine-train.tfrecord-00000-of-00001"
    whole, info = shard.read_bytes(), (folder / "dataset_info.json").read_text()
    data = TfdsFolder(folder)
    with pytest.raises(DataSetError, match="has no split 'test'; it has train"):
        data.count("test")
    for content, said in (
        (whole[: len(whole) // 2 + 5], "is damaged"),
        (whole[: len(whole) // 4 * 3], "ends before record 4 of 4"),
        (whole[:-8] + b"\0" * 8, "has a wrong checksum in record 3"),
    ):
        shard.write_bytes(content)
        with pytest.raises(DataSetError, match=said):
            list(data.read("train", 0, 4))
    shard.unlink()
    with pytest.raises(DataSetError, match="00000-of-00001 is missing"):
        list(data.read("train", 0, 4))
    published_sets.put(folder / "dataset_info.json", info.replace('"tfrecord"', '"array_record"'))
    with pytest.raises(DataSetError, match="holds array_record files; prepare the set with"):
        TfdsFolder(folder)
    published_sets.put(folder / "dataset_info.json", "{")
    with pytest.raises(DataSetError, match="is not what TFDS writes"):
        TfdsFolder(folder)


def test_a_set_that_is_too_small_is_refused(tmp_path):
    splits = {"train": examples(100), "validation": examples(200), "test": examples(5)}
    published_classes.tfds(tmp_path / "vtab/dtd/3.0.1", splits)
    with pytest.raises(DataSetError, match="has 100 images in the split train, and VTAB-1k takes those up to 800"):
        ENTRIES["vtab/dtd"].load(tmp_path)

"""Small sets of classes as they are published: a function for each, which writes below a data root."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluator.datasets.names import published
from components.files.tf_example import Example
from components.files.tfrecords import framing
from published_sets import picture, put

SYNSETS = published("imagenet")["synsets"]


def class_folders(folder: Path, names: Sequence[str], images: int = 1) -> None:
    """A folder for each class, with images and a file that is none."""
    for index, name in enumerate(names):
        for number in range(images):
            put(folder / name / f"{number}.JPEG", picture(index % 256))


def flat_imagenet(root: Path, synset_of: Mapping[int, str], truth: Sequence[int]) -> None:
    """ImageNet's validation images as they are published, with the devkit.

    Args:
      root: the data root.
      synset_of: the devkit's number -> synset.
      truth: the devkit's number of each image.
    """
    from scipy.io import savemat

    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    rows = np.array([[(number, synset, "words", 0)] for number, synset in synset_of.items()], dtype=kinds)
    data = root / "imagenet/ILSVRC2012_devkit_t12/data"
    put(data / "ILSVRC2012_validation_ground_truth.txt", "".join(f"{number}\n" for number in truth))
    savemat(data / "meta.mat", {"synsets": rows})
    for index in range(len(truth)):
        put(root / f"imagenet/val/ILSVRC2012_val_{index + 1:08d}.JPEG", picture(index))


def imagenet_real(root: Path, labels: Any) -> None:
    """Three flat images, by ImageNet of the classes 1, 0 and 0, with `labels` as what real.json says of them."""
    flat_imagenet(root, {1: SYNSETS[0], 2: SYNSETS[1]}, truth=[2, 1, 1])
    put(root / "imagenet/real.json", json.dumps(labels))


def flowers102(root: Path) -> None:
    """Five images of the labels 1, 77, 102, 1 and 77; two to learn from, one to choose by, two to be judged by."""
    from scipy.io import savemat

    folder = root / "flowers102"
    for index in range(5):
        put(folder / f"jpg/image_{index + 1:05d}.jpg", picture(index))
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 77, 102, 1, 77]], np.uint8)})
    parts = {"trnid": [[5, 1]], "valid": [[3]], "tstid": [[2, 4]]}
    savemat(folder / "setid.mat", {name: np.array(ids, np.uint16) for name, ids in parts.items()})


def pets(root: Path) -> None:
    """Two breeds, with the comment lines that the published list has."""
    folder = root / "pets"
    put(folder / "annotations/trainval.txt", "#Image CLASS-ID SPECIES BREED ID\nAbyssinian_100 1 1 1\nbeagle_1 5 2 4\n")
    put(folder / "annotations/test.txt", "yorkshire_terrier_9 37 2 25\n")
    for index, name in enumerate(("Abyssinian_100", "beagle_1", "yorkshire_terrier_9")):
        put(folder / f"images/{name}.jpg", picture(index))


def cars(root: Path) -> None:
    """Two models, an image of each to learn from and one of the second to be judged by."""
    from scipy.io import savemat

    folder = root / "cars"
    kinds = [("bbox_x1", "O"), ("bbox_y1", "O"), ("bbox_x2", "O"), ("bbox_y2", "O"), ("class", "O"), ("fname", "O")]

    def annotations(rows: Sequence[tuple[int, str]]) -> dict[str, Any]:
        return {"annotations": np.array([[(1, 2, 3, 4, label, name) for label, name in rows]], dtype=kinds)}

    (folder / "devkit").mkdir(parents=True)
    names = np.array([["AM General Hummer SUV 2000", "Acura RL Sedan 2012"]], dtype=object)
    savemat(folder / "devkit/cars_meta.mat", {"class_names": names})
    savemat(folder / "devkit/cars_train_annos.mat", annotations([(2, "00001.jpg"), (1, "00002.jpg")]))
    savemat(folder / "cars_test_annos_withlabels.mat", annotations([(2, "00001.jpg")]))
    for index, name in enumerate(("cars_train/00001.jpg", "cars_train/00002.jpg", "cars_test/00001.jpg")):
        put(folder / name, picture(index))


def food101(root: Path) -> None:
    """Two dishes."""
    folder = root / "food-101"
    lists = {"classes": ["cheesecake", "cheese_plate"]}  # not in the order of their letters, as the published list
    lists |= {"train": ["cheesecake/1", "cheese_plate/2"], "test": ["cheese_plate/3"]}
    for name, lines in lists.items():
        put(folder / f"meta/{name}.txt", "".join(f"{line}\n" for line in lines))
    for index, name in enumerate(lists["train"] + lists["test"]):
        put(folder / f"images/{name}.jpg", picture(index))


def tfds(
    folder: Path,
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    shards: int = 1,
    label_names: Sequence[str] = (),
) -> None:
    """Examples as TensorFlow Datasets writes them.

    Args:
      folder: of the version, such as vtab/caltech101/3.0.1.
      splits: split -> Examples: feature -> bytes, integers or floats.
      shards: files of each split.
      label_names: of the feature "label".
    """
    name = "clevr" if "clevr" in folder.as_posix() else folder.parents[0].name
    found = []
    for split, examples in splits.items():
        size = math.ceil(len(examples) / shards)
        lengths = [len(examples[start : start + size]) for start in range(0, len(examples), size)]
        for index, start in enumerate(range(0, len(examples), size)):
            path = folder / f"{name}-{split}.tfrecord-{index:05d}-of-{len(lengths):05d}"
            put(path, b"".join(_record(example) for example in examples[start : start + size]))
        found.append({"name": split, "shardLengths": [str(length) for length in lengths], "numBytes": "1"})
    info = {"name": name, "version": folder.name, "fileFormat": "tfrecord", "splits": found}
    put(folder / "dataset_info.json", json.dumps(info))
    if label_names:
        put(folder / "label.labels.txt", "\n".join(label_names) + "\n")


def _record(example: Mapping[str, Any]) -> bytes:
    message = Example()
    for name, value in example.items():
        feature = message.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif all(isinstance(each, int) for each in value):
            feature.int64_list.value.extend(value)
        else:
            feature.float_list.value.extend(value)
    content = message.SerializeToString()
    before, behind = framing(content)
    return before + content + behind

"""Flowers-102, Pets, Cars and Food-101 as they are published, each with its parts to learn from and to be judged by.

References: doi 10.1109/ICVGIP.2008.47 (Flowers), 10.1109/CVPR.2012.6248092 (Pets), 10.1109/ICCVW.2013.77 (Cars),
10.1007/978-3-319-10599-4_29 (Food-101)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ClassSet, DataSetError, TrainedSet
from components.evaluator.datasets.names import class_names, templates
from components.evaluator.datasets.pictures import FilePicture, refuse_missing
from components.evaluator.datasets.published.matlab import read_matrix

METRICS = ("top_1", "mean_per_class", "knn_top_1", "probe_top_1")
Names = tuple[tuple[str, ...], ...]


def read_flowers(root: Path) -> TrainedSet:
    """Read Flowers-102: jpg/, imagelabels.mat and setid.mat."""
    folder = root / "flowers102"
    # Labels count from 1 on, and so do images: the first label is that of image_00001.jpg.
    labels = np.ravel(read_matrix(folder / "imagelabels.mat", "labels"))
    parts = {name: np.ravel(read_matrix(folder / "setid.mat", name)) for name in ("trnid", "valid", "tstid")}
    names = class_names("flowers102")
    train, validation, test = (
        _part(
            folder,
            [f"jpg/image_{int(number):05d}.jpg" for number in part],
            [int(labels[int(number) - 1]) - 1 for number in part],
            names,
            templates("flowers102"),
            folder / "setid.mat",
        )
        for part in parts.values()
    )
    return TrainedSet(train, test, validation)


def read_pets(root: Path) -> TrainedSet:
    """Read Oxford-IIIT Pets: images/ and annotations/{trainval,test}.txt, lines of a name and a label from 1 on."""
    folder = root / "pets"

    def part(name: str) -> ClassSet:
        listed = folder / "annotations" / name
        rows = [line.split() for line in listed.read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")]
        files = [f"images/{row[0]}.jpg" for row in rows]
        return _part(folder, files, [int(row[1]) - 1 for row in rows], class_names("pets"), templates("pets"), listed)

    return TrainedSet(part("trainval.txt"), part("test.txt"))


def read_cars(root: Path) -> TrainedSet:
    """Read Stanford Cars: cars_train/, cars_test/, devkit/ and cars_test_annos_withlabels.mat."""
    folder = root / "cars"
    names = tuple((str(name),) for name in np.atleast_1d(read_matrix(folder / "devkit/cars_meta.mat", "class_names")))

    def part(images: str, annotations: str) -> ClassSet:
        rows = np.atleast_1d(read_matrix(folder / annotations, "annotations"))
        files = [f"{images}/{row['fname']}" for row in rows]
        labels = [int(row["class"]) - 1 for row in rows]
        return _part(folder, files, labels, names, templates("cars"), folder / annotations)

    return TrainedSet(
        part("cars_train", "devkit/cars_train_annos.mat"), part("cars_test", "cars_test_annos_withlabels.mat")
    )


def read_food(root: Path) -> TrainedSet:
    """Read Food-101: images/<class>/ and meta/{classes,train,test}.txt."""
    folder = root / "food-101"
    classes = _lines(folder / "meta/classes.txt")
    names = tuple((name.replace("_", " "),) for name in classes)
    place = {name: label for label, name in enumerate(classes)}

    def part(name: str) -> ClassSet:
        listed = folder / f"meta/{name}.txt"
        files = _lines(listed)
        try:
            found = [place[file.partition("/")[0]] for file in files]
        except KeyError as error:
            raise DataSetError(f"{listed} names an image of {error}, which meta/classes.txt does not") from error
        return _part(folder, [f"images/{file}.jpg" for file in files], found, names, templates("food101"), listed)

    return TrainedSet(part("train"), part("test"))


def _part(
    folder: Path, files: Sequence[str], labels: Sequence[int], names: Names, prompts: tuple[str, ...], listed: Path
) -> ClassSet:
    refuse_missing((folder / file for file in files), listed, f"unpack the set's images into {folder}")
    return ClassSet(
        image_ids=tuple(files),
        images=tuple(FilePicture(folder / file) for file in files),
        labels=np.array(labels, np.int64),
        classes=names,
        templates=prompts,
    )


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


ENTRIES = (
    Entry(
        name="flowers102",
        about="Oxford Flowers-102: 6149 test images of 102 kinds",
        kind="trained",
        metrics=METRICS,
        layout=("flowers102/jpg", "flowers102/imagelabels.mat", "flowers102/setid.mat"),
        where="get 102flowers.tgz, imagelabels.mat and setid.mat from robots.ox.ac.uk/~vgg/data/flowers/102 and unpack "
        "them into flowers102/ of the data folder",
        read=read_flowers,
        images=6149,
    ),
    Entry(
        name="pets",
        about="Oxford-IIIT Pets: 3669 test images of 37 breeds",
        kind="trained",
        metrics=METRICS,
        layout=("pets/images", "pets/annotations/trainval.txt", "pets/annotations/test.txt"),
        where="get images.tar.gz and annotations.tar.gz from robots.ox.ac.uk/~vgg/data/pets and unpack them into pets/ "
        "of the data folder",
        read=read_pets,
        images=3669,
    ),
    Entry(
        name="cars",
        about="Stanford Cars: 8041 test images of 196 models",
        kind="trained",
        metrics=METRICS,
        layout=(
            "cars/cars_train",
            "cars/cars_test",
            "cars/devkit/cars_meta.mat",
            "cars/devkit/cars_train_annos.mat",
            "cars/cars_test_annos_withlabels.mat",
        ),
        where="get cars_train.tgz, cars_test.tgz, car_devkit.tgz and cars_test_annos_withlabels.mat, whose own site is "
        "gone (github.com/pytorch/vision/issues/7545 says where copies are), and unpack them into cars/ of the data "
        "folder",
        read=read_cars,
        images=8041,
    ),
    Entry(
        name="food101",
        about="Food-101: 25,250 test images of 101 dishes",
        kind="trained",
        metrics=METRICS,
        layout=("food-101/images", *(f"food-101/meta/{name}.txt" for name in ("classes", "train", "test"))),
        where="get food-101.tar.gz from data.vision.ee.ethz.ch/cvl/datasets_extra/food-101 and unpack it into the data "
        "folder",
        read=read_food,
        images=25_250,
    ),
)

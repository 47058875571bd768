"""ImageNet's validation images and its variants -V2, -R and -A, with CLIP's names and prompts in five languages.

-R and -A have 200 of the 1000 classes, and a model is asked for one of those. -V2 names its folders by label.
References: arXiv:1409.0575, arXiv:1902.10811, arXiv:2006.16241, arXiv:1907.07174
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ClassSet, DataSetError, TrainedSet
from components.evaluator.datasets.names import class_names, published, templates
from components.evaluator.datasets.pictures import FilePicture, is_image
from components.evaluator.datasets.published.class_folders import read_class_folders
from components.evaluator.datasets.published.matlab import read_matrix

_DEVKIT = "ILSVRC2012_devkit_t12/data"
_SAID = {"en": "English", "zh": "Chinese", "ja": "Japanese", "ar": "Arabic", "it": "Italian"}
_IMAGES = 50_000
_ZERO_SHOT = ("top_1", "top_5", "mean_per_class")


def read_validation(root: Path, language: str = "en") -> ClassSet:
    """Read imagenet/val, with a folder for each synset, or flat as it is published with the devkit beside it.

    Raises:
      DataSetError: a synset lacks its folder, or images their label.
    """
    folder = root / "imagenet/val"
    if any(path.is_dir() for path in folder.iterdir()):
        return _by_synset(folder, published("imagenet")["synsets"], language)
    return _flat(folder, root / "imagenet" / _DEVKIT, language)


def read_neighbours(root: Path) -> TrainedSet:
    """Read imagenet/train, with a folder for each synset, to learn from, and the validation images to judge by."""
    train = _by_synset(root / "imagenet/train", published("imagenet")["synsets"], "en")
    return TrainedSet(train, read_validation(root))


def read_subset(root: Path, name: str) -> ClassSet:
    """Read imagenet-r or imagenet-a, a folder for each of its 200 synsets."""
    return _by_synset(root / name, published("imagenet")[name], "en")


def read_v2(root: Path) -> ClassSet:
    """Read imagenet-v2, whose folders are called 0 to 999."""
    names = class_names("imagenet")
    classes = {str(label): names[label] for label in range(len(names))}
    return read_class_folders(root / "imagenet-v2", classes, templates("imagenet"))


def _by_synset(folder: Path, synsets: list[str], language: str) -> ClassSet:
    place = {synset: label for label, synset in enumerate(published("imagenet")["synsets"])}
    names = class_names("imagenet", language)
    return read_class_folders(
        folder, {synset: names[place[synset]] for synset in synsets}, templates("imagenet", language)
    )


def _flat(folder: Path, devkit: Path, language: str) -> ClassSet:
    """Read ILSVRC2012_val_00000001.JPEG and so on; the devkit numbers the synsets in an order of its own."""
    truth, meta = devkit / "ILSVRC2012_validation_ground_truth.txt", devkit / "meta.mat"
    for path in (truth, meta):
        if not path.is_file():
            raise DataSetError(
                f"{folder} has no folder for each synset and {path} is missing; unpack ILSVRC2012_devkit_t12.tar.gz "
                f"into {devkit.parents[1]}"
            )
    numbered = np.atleast_1d(read_matrix(meta, "synsets"))
    synset_of = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in numbered}
    place = {synset: label for label, synset in enumerate(published("imagenet")["synsets"])}
    images = sorted(path for path in folder.iterdir() if is_image(path.name))
    labels = [place[synset_of[int(line)]] for line in truth.read_text(encoding="ascii").split()]
    if len(images) != len(labels):
        raise DataSetError(f"{folder} has {len(images)} images and {truth} {len(labels)} labels; unpack both again")
    return ClassSet(
        image_ids=tuple(path.name for path in images),
        images=tuple(map(FilePicture, images)),
        labels=np.array(labels, np.int64),
        classes=class_names("imagenet", language),
        templates=templates("imagenet", language),
    )


WHERE = (
    "get ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz from image-net.org and unpack them into imagenet/val/ "
    "and imagenet/ of the data folder; a folder for each synset in imagenet/val/ needs no devkit"
)
ENTRIES = (
    *(
        Entry(
            name="imagenet" if language == "en" else f"imagenet-{language}",
            about=f"ImageNet's 50,000 validation images, asked in {said}",
            kind="classes",
            metrics=_ZERO_SHOT,
            layout=("imagenet/val/*",),
            where=WHERE,
            read=functools.partial(read_validation, language=language),
            split="val",
            language=language,
            images=_IMAGES,
        )
        for language, said in _SAID.items()
    ),
    Entry(
        name="imagenet-v2",
        about="ImageNet-V2, matched frequency: 10,000 new images of the same classes",
        kind="classes",
        metrics=_ZERO_SHOT,
        layout=("imagenet-v2/*",),
        where="get imagenetv2-matched-frequency.tar.gz from huggingface.co/datasets/vaishaal/ImageNetV2 and put its "
        "folders 0 to 999 into imagenet-v2/ of the data folder",
        read=read_v2,
        images=10_000,
    ),
    *(
        Entry(
            name=name,
            about=about,
            kind="classes",
            metrics=_ZERO_SHOT,
            layout=(f"{name}/*",),
            where=f"get {name}.tar from {source} and unpack its folders into {name}/ of the data folder",
            read=functools.partial(read_subset, name=name),
            images=images,
        )
        for name, images, about, source in (
            (
                "imagenet-r",
                30_000,
                "ImageNet-R: 30,000 drawings, toys and the like of 200 classes",
                "github.com/hendrycks/imagenet-r",
            ),
            (
                "imagenet-a",
                7500,
                "ImageNet-A: 7500 photos of 200 classes that models took for others",
                "github.com/hendrycks/natural-adv-examples",
            ),
        )
    ),
    Entry(
        name="imagenet-knn",
        about="ImageNet's validation images by their neighbours among its training images",
        kind="trained",
        metrics=("knn_top_1",),
        layout=("imagenet/train/*",),
        shared=("imagenet/val/*",),
        where="get ILSVRC2012_img_train.tar from image-net.org and unpack it into imagenet/train/ of the data folder, "
        f"a folder for each synset; {WHERE}",
        read=read_neighbours,
        split="val",
        images=_IMAGES,
    ),
)

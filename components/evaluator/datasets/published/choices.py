"""Winoground, SugarCrepe and ARO: which of the captions, alike but for some words or their order, fits the image.

References: arXiv:2204.03162, arXiv:2306.14610, arXiv:2210.01936
"""

from __future__ import annotations

import functools
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ChoiceSet, DataSetError, PictureMissing
from components.evaluator.datasets.pictures import FilePicture, refuse_missing

SUGAR_CREPE = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")


@dataclass(frozen=True)
class CroppedPicture:
    """A part of an image: left, top, right and bottom in pixels, and what Pillow needs to show it again."""

    whole: FilePicture
    box: tuple[int, int, int, int]

    def __call__(self) -> bytes:
        to = io.BytesIO()
        try:
            with Image.open(io.BytesIO(self.whole())) as picture:
                picture.convert("RGB").crop(self.box).save(to, "PNG")
        except (UnidentifiedImageError, ValueError, SystemError) as error:
            raise PictureMissing(f"{self.whole.path} cannot be cropped to {self.box}: {error}") from error
        return to.getvalue()


def read_winoground(root: Path) -> ChoiceSet:
    """Read examples.jsonl and images/: two images and two captions an item."""
    path = root / "winoground/examples.jsonl"
    rows = [_parsed(path, line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        names = [f"{row[f'image_{side}'].removesuffix('.png')}.png" for row in rows for side in (0, 1)]
        captions = tuple(row[f"caption_{side}"] for row in rows for side in (0, 1))
        groups = tuple(str(row.get("collapsed_tag", "")) for row in rows)
        ids = tuple(str(row["id"]) for row in rows)
    except KeyError as error:
        raise DataSetError(f"{path} has an item without {error}; get it again") from error
    folder = path.parent / "images"
    refuse_missing((folder / name for name in names), path, f"unpack images.zip into {folder}")
    pairs = np.arange(len(names), dtype=np.int64).reshape(-1, 2)
    images = tuple(FilePicture(folder / name) for name in names)
    return ChoiceSet(ids, tuple(names), images, captions, item_images=pairs, item_captions=pairs, groups=groups)


def read_sugar_crepe(root: Path) -> ChoiceSet:
    """Read the seven files, {"0": {"filename", "caption", "negative_caption"}, ...}, and MSCOCO's val2017."""
    rows: list[tuple[str, str, dict[str, str]]] = []
    for group in SUGAR_CREPE:
        path = root / "sugarcrepe" / f"{group}.json"
        rows += [(f"{group}/{key}", group, row) for key, row in _parsed(path, path.read_text("utf-8")).items()]
    folder = root / "mscoco/val2017"
    try:
        names = list(dict.fromkeys(row["filename"] for _, _, row in rows))
        captions = tuple(row[key] for _, _, row in rows for key in ("caption", "negative_caption"))
    except KeyError as error:
        raise DataSetError(f"{root / 'sugarcrepe'} has an item without {error}; get it again") from error
    refuse_missing((folder / name for name in names), root / "sugarcrepe", f"unpack val2017.zip into {folder.parent}")
    place = {name: index for index, name in enumerate(names)}
    return ChoiceSet(
        item_ids=tuple(key for key, _, _ in rows),
        image_ids=tuple(names),
        images=tuple(FilePicture(folder / name) for name in names),
        captions=captions,
        item_images=np.array([[place[row["filename"]]] for _, _, row in rows], np.int64),
        item_captions=np.arange(len(captions), dtype=np.int64).reshape(-1, 2),
        groups=tuple(group for _, group, _ in rows),
    )


def read_aro(root: Path, name: str) -> ChoiceSet:
    """Read visual_genome_relation.json or visual_genome_attribution.json and images/; each image is cropped to its box.

    An item's group is its relation, or its two attributes.
    """
    path = root / f"aro/{name}.json"
    rows = _parsed(path, path.read_text(encoding="utf-8"))
    folder = path.parent / "images"
    try:
        places = [(row["image_path"], _box(row)) for row in rows]
        captions = tuple(row[key] for row in rows for key in ("true_caption", "false_caption"))
        groups = tuple(row["relation_name"] if "relation_name" in row else "_".join(row["attributes"]) for row in rows)
    except KeyError as error:
        raise DataSetError(f"{path} has an item without {error}; get it again") from error
    crops = list(dict.fromkeys(places))
    refuse_missing((folder / file for file, _ in crops), path, f"unpack ARO's images into {folder}")
    place = {crop: index for index, crop in enumerate(crops)}
    return ChoiceSet(
        item_ids=tuple(map(str, range(len(rows)))),
        image_ids=tuple(f"{file} {box}" for file, box in crops),
        images=tuple(CroppedPicture(FilePicture(folder / file), box) for file, box in crops),
        captions=captions,
        item_images=np.array([[place[crop]] for crop in places], np.int64),
        item_captions=np.arange(len(captions), dtype=np.int64).reshape(-1, 2),
        groups=groups,
    )


def _box(row: dict[str, int]) -> tuple[int, int, int, int]:
    left, top = int(row["bbox_x"]), int(row["bbox_y"])
    return left, top, left + int(row["bbox_w"]), top + int(row["bbox_h"])


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataSetError(f"{path} is damaged ({error}); get it again") from error


ENTRIES = (
    Entry(
        name="winoground",
        about="Winoground: 400 items of two images and two captions of the same words",
        kind="choice",
        metrics=("text_score", "image_score", "group_score"),
        layout=("winoground/examples.jsonl", "winoground/images"),
        where="get data/examples.jsonl and data/images.zip from huggingface.co/datasets/facebook/winoground, after "
        "agreeing to its licence, and unpack them into winoground/ of the data folder",
        read=read_winoground,
    ),
    Entry(
        name="sugarcrepe",
        about="SugarCrepe: images of MSCOCO with a right caption and one that is a little wrong",
        kind="choice",
        metrics=("text_score",),
        layout=tuple(f"sugarcrepe/{group}.json" for group in SUGAR_CREPE),
        shared=("mscoco/val2017",),
        where="get data/*.json from github.com/RAIVNLab/sugar-crepe into sugarcrepe/ of the data folder, and "
        "val2017.zip from cocodataset.org into mscoco/",
        read=read_sugar_crepe,
    ),
    *(
        Entry(
            name=f"aro-{short}",
            about=f"ARO, Visual Genome {said}",
            kind="choice",
            metrics=("text_score",),
            layout=(f"aro/{name}.json",),
            shared=("aro/images",),
            where=f"get {name}.json and the images as github.com/mertyg/vision-language-models-are-bows says, and put "
            "them into aro/ and aro/images/ of the data folder",
            read=functools.partial(read_aro, name=name),
        )
        for short, name, said in (
            ("relation", "visual_genome_relation", "Relation: who does what to whom"),
            ("attribution", "visual_genome_attribution", "Attribution: which thing has which attribute"),
        )
    ),
)

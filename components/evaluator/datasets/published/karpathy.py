"""MSCOCO and Flickr30K in Karpathy's splits: a JSON file with the captions, and the published image folders.

Reference: https://cs.stanford.edu/people/karpathy/deepimagesent
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, PairSet
from components.evaluator.datasets.pictures import FilePicture, refuse_missing

COCO = Path("mscoco/dataset_coco.json")
COCO_LAYOUT = (COCO.as_posix(), "mscoco/val2014")
CAPTIONS_AN_IMAGE = 5  # some images of MSCOCO have 6 or 7, of which published figures keep the first five
GET_COCO = (
    "get Karpathy's caption_datasets.zip from cs.stanford.edu/people/karpathy/deepimagesent and val2014.zip from "
    "cocodataset.org, and put dataset_coco.json and the folder val2014 into mscoco/ of the data folder"
)
GET_FLICKR = (
    "get dataset_flickr30k.json of Karpathy's caption_datasets.zip from cs.stanford.edu/people/karpathy/deepimagesent "
    "and the images from shannon.cs.illinois.edu/DenotationGraph, and put them into flickr30k/ and flickr30k/images/ "
    "of the data folder"
)
RETRIEVAL = ("mean_recall", *(f"{way}_recall_at_{k}" for way in ("i2t", "t2i") for k in (1, 5, 10)))


@dataclass(frozen=True)
class Split:
    """A split with the ids by which other files speak of it.

    Attributes:
      pairs: N images, M captions.
      file_names: N names of the images' files, each once.
      coco_ids: N ids of the images in MSCOCO, 0 where the set is another.
      sentence_ids: M ids of the captions.
    """

    pairs: PairSet
    file_names: tuple[str, ...]
    coco_ids: tuple[int, ...]
    sentence_ids: tuple[int, ...]


def read_split(captions: Path, images: Path, split: str) -> Split:
    """Read one split of a Karpathy JSON.

    Args:
      captions: dataset_coco.json or dataset_flickr30k.json.
      images: the folder that the images' paths start from.
      split: "val" or "test".

    Raises:
      DataSetError: the file is damaged or of another form, the split is empty, or images are missing.
    """
    try:
        published = json.loads(captions.read_text(encoding="utf-8-sig"), object_hook=_without_tokens)
        chosen = [entry for entry in published["images"] if entry["split"] == split]
        paths = [Path(entry.get("filepath", ""), entry["filename"]) for entry in chosen]
        sentences = [entry["sentences"][:CAPTIONS_AN_IMAGE] for entry in chosen]
        texts = tuple(sentence["raw"].strip() for of_one in sentences for sentence in of_one)
        sentence_ids = tuple(int(sentence["sentid"]) for of_one in sentences for sentence in of_one)
        coco_ids = tuple(int(entry.get("cocoid", 0)) for entry in chosen)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise DataSetError(f"{captions} is no Karpathy split, or is damaged ({said}); get it again") from error
    if not chosen:
        known = sorted({str(entry["split"]) for entry in published["images"]})
        raise DataSetError(f"{captions} has no image of the split {split!r}; its splits are {', '.join(known)}")
    refuse_missing((images / path for path in paths), captions, f"unpack the set's images into {images}")
    pairs = PairSet(
        image_ids=tuple(path.as_posix() for path in paths),
        images=tuple(FilePicture(images / path) for path in paths),
        captions=texts,
        caption_count=np.array([len(of_one) for of_one in sentences], np.int64),
    )
    return Split(pairs, tuple(path.name for path in paths), coco_ids, sentence_ids)


def read_coco(root: Path, split: str) -> Split:
    """Read a split of MSCOCO beneath the data root."""
    return read_split(root / COCO, root / COCO.parent, split)


def _without_tokens(entry: dict[str, Any]) -> Mapping[str, Any]:
    """Drop the words of a caption, which are two thirds of the memory that the file takes."""
    entry.pop("tokens", None)
    return entry


def _coco_pairs(root: Path, split: str) -> PairSet:
    return read_coco(root, split).pairs


def _flickr_pairs(root: Path, split: str) -> PairSet:
    folder = root / "flickr30k"
    return read_split(folder / "dataset_flickr30k.json", folder / "images", split).pairs


ENTRIES = tuple(
    entry
    for split, suffix in (("test", ""), ("val", "-val"))
    for entry in (
        Entry(
            name=f"mscoco{suffix}",
            about=f"MSCOCO, Karpathy's {split} split: 5000 images with 5 captions each",
            kind="pairs",
            metrics=RETRIEVAL,
            layout=COCO_LAYOUT,
            where=GET_COCO,
            read=functools.partial(_coco_pairs, split=split),
            split=split,
            images=5000,
        ),
        Entry(
            name=f"flickr30k{suffix}",
            about=f"Flickr30K, Karpathy's {split} split: {1000 if split == 'test' else 1014} images, 5 captions each",
            kind="pairs",
            metrics=RETRIEVAL,
            layout=("flickr30k/dataset_flickr30k.json", "flickr30k/images"),
            where=GET_FLICKR,
            read=functools.partial(_flickr_pairs, split=split),
            split=split,
            images=1000 if split == "test" else 1014,
        ),
    )
)

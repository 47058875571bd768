"""Multi30k: Flickr30K's test images with captions in English and German (task 2) and in French and Czech (task 1).

Task 2 has five captions an image, written independently; task 1 has one, translated from the English.
Reference: https://github.com/multi30k/dataset, arXiv:1605.00459
"""

from __future__ import annotations

import functools
import gzip
import zlib
from pathlib import Path

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, PairSet
from components.evaluator.datasets.pictures import FilePicture, refuse_missing
from components.evaluator.datasets.published.karpathy import RETRIEVAL

_FOLDER = "multi30k/data"
_IMAGES = "flickr30k/images"
_LISTS = {"task1": "test_2016_flickr.txt", "task2": "test_2016_images.txt"}
_WHERE = (
    "get the folder data of github.com/multi30k/dataset into multi30k/ of the data folder, and Flickr30K's images from "
    "shannon.cs.illinois.edu/DenotationGraph into flickr30k/images/"
)


def caption_files(language: str) -> list[str]:
    """Returns the paths of a language's files below multi30k/data, one caption of every image each."""
    if language in ("en", "de"):
        return [f"task2/raw/test_2016.{number}.{language}.gz" for number in range(1, 6)]
    return [f"task1/raw/test_2016_flickr.{language}.gz"]


def read_multi30k(root: Path, language: str) -> PairSet:
    """Read the test split of 2016 in one language.

    Args:
      root: the data root.
      language: "en" or "de" with five captions an image, "fr" or "cs" with one.

    Raises:
      DataSetError: a file has another number of captions than there are images, or a blank one; images are missing.
    """
    files = [root / _FOLDER / name for name in caption_files(language)]
    task = files[0].parents[1].name
    listed = root / _FOLDER / task / "image_splits" / _LISTS[task]
    names = listed.read_text(encoding="utf-8").split()
    columns = [_read_lines(path, len(names), listed) for path in files]
    refuse_missing(
        (root / _IMAGES / name for name in names), listed, f"unpack Flickr30K's images into {root / _IMAGES}"
    )
    return PairSet(
        image_ids=tuple(names),
        images=tuple(FilePicture(root / _IMAGES / name) for name in names),
        captions=tuple(caption for of_one in zip(*columns, strict=True) for caption in of_one),
        caption_count=np.full(len(names), len(files), np.int64),
        languages=(language,) * (len(names) * len(files)),
    )


def _read_lines(path: Path, images: int, listed: Path) -> list[str]:
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataSetError(f"{path} is damaged ({error}); get it again") from error
    captions = [line.strip() for line in lines]
    if len(captions) != images:
        raise DataSetError(f"{path} has {len(captions)} captions for the {images} images of {listed}; get both again")
    if "" in captions:
        raise DataSetError(f"{path} has no caption in line {captions.index('') + 1}; get it again")
    return captions


def _each(language: str) -> str:
    count = len(caption_files(language))
    return f"{count} captions" if count > 1 else "one caption"


ENTRIES = tuple(
    Entry(
        name=f"multi30k-{language}",
        about=f"Multi30k, 2016's test split in {said}: 1000 images, {_each(language)} each",
        kind="pairs",
        metrics=RETRIEVAL,
        layout=tuple(f"{_FOLDER}/{name}" for name in caption_files(language)),
        shared=(_IMAGES,),
        where=_WHERE,
        read=functools.partial(read_multi30k, language=language),
        language=language,
        images=1000,
    )
    for language, said in (("en", "English"), ("de", "German"), ("fr", "French"), ("cs", "Czech"))
)

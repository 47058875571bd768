"""Crisscrossed Captions: people's ratings of how alike MSCOCO's captions and images are, and retrieval by them.

A pair that is rated 3 or more, of 5, is a right answer. Ratings of images were asked for in both orders of some pairs,
by other people; such images are right answers to each other where either rating is 3 or more. Two captions of one image
that nobody rated are neither right nor wrong answers to each other: each is left out where the other asks.

Reference: https://github.com/google-research-datasets/Crisscrossed-Captions, arXiv:2004.15020
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, Indices, Modality, PositivesSet, RatedSet
from components.evaluator.datasets.published.karpathy import COCO, COCO_LAYOUT, GET_COCO, Split, read_coco

RIGHT_FROM = 3.0  # of 5
PUBLISHED_ROWS: Mapping[str, int] = {
    "sts_val": 44_009,
    "sts_test": 44_045,
    "sis_val": 42_767,
    "sis_test": 46_719,
    "sits_val": 44_722,
    "sits_test": 44_833,
}
Task = Literal["sts", "sis", "sits"]
_COLUMNS: Mapping[Task, tuple[str, str]] = {
    "sts": ("caption1", "caption2"),
    "sis": ("image1", "image2"),
    "sits": ("caption", "image"),
}
_WHERE = (
    "get data/*_val.csv and data/*_test.csv from github.com/google-research-datasets/Crisscrossed-Captions into cxc/ "
    f"of the data folder; for the captions and images, {GET_COCO}"
)
_RETRIEVAL = tuple(f"{way}_recall_at_{k}" for way in ("i2t", "t2i", "t2t", "i2i") for k in (1, 5, 10))


class Ratings(NamedTuple):
    """One CSV: [P] ids of the left and the right of each pair as the file has them, and [P] scores from 0 to 5."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    scores: NDArray[np.float64]


def read_ratings(path: Path, task: Task, rows: int) -> Ratings:
    """Read a CSV of aggregated ratings.

    Args:
      path: such as sits_test.csv.
      task: which columns it has.
      rows: how many ratings the published file has.

    Raises:
      DataSetError: it is another file, or a part of it.
    """
    columns = (*_COLUMNS[task], "agg_score", "sampling_method")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *body = csv.reader(file)
        if tuple(header) != columns:
            raise DataSetError(f"{path} has the columns {', '.join(header)[:99]} where CxC has {', '.join(columns)}")
        left, right, scores, _ = zip(*body, strict=True)
        ratings = Ratings(left, right, np.array(scores, np.float64))
    except (ValueError, csv.Error) as error:
        if isinstance(error, DataSetError):
            raise
        raise DataSetError(f"{path} is damaged ({error}); get it again") from error
    if len(ratings.scores) != rows:
        raise DataSetError(f"{path} has {len(ratings.scores)} of the {rows} ratings that are published; get it again")
    return ratings


def read_similarity(root: Path, task: Task, split: str, rows: Mapping[str, int] = PUBLISHED_ROWS) -> RatedSet:
    """Read one of the three similarity tasks.

    Args:
      root: the data root.
      task: "sts" between captions, "sis" between images, "sits" between a caption and an image.
      split: "val" or "test".
      rows: "<task>_<split>" -> ratings in the published file.
    """
    coco = read_coco(root, split)
    ratings = _read(root, task, split, rows)
    sides: dict[Task, tuple[Modality, Modality]] = {
        "sts": ("text", "text"),
        "sis": ("image", "image"),
        "sits": ("text", "image"),
    }
    left, right = sides[task]
    return RatedSet(
        texts=coco.pairs.captions if "text" in sides[task] else (),
        image_ids=coco.pairs.image_ids if "image" in sides[task] else (),
        images=coco.pairs.images if "image" in sides[task] else (),
        left_modality=left,
        left=_indices(ratings.left, left, coco),
        right_modality=right,
        right=_indices(ratings.right, right, coco),
        scores=ratings.scores,
    )


def read_retrieval(root: Path, split: str, rows: Mapping[str, int] = PUBLISHED_ROWS) -> PositivesSet:
    """Read the retrieval tasks in all four directions; arguments as in `read_similarity`."""
    coco = read_coco(root, split)
    texts, images, both = (_read(root, task, split, rows) for task in ("sts", "sis", "sits"))
    caption, image = _indices(both.left, "text", coco), _indices(both.right, "image", coco)
    fits = both.scores >= RIGHT_FROM
    text_pairs = np.stack([_indices(ids, "text", coco) for ids in (texts.left, texts.right)], axis=1)
    image_pairs = np.stack([_indices(ids, "image", coco) for ids in (images.left, images.right)], axis=1)
    return PositivesSet(
        pairs=coco.pairs,
        image_to_text=np.stack([image[fits], caption[fits]], axis=1),
        text_to_image=np.stack([caption[fits], image[fits]], axis=1),
        text_text=_both_ways(text_pairs[texts.scores >= RIGHT_FROM]),
        image_image=_both_ways(image_pairs[images.scores >= RIGHT_FROM]),
        text_text_excluded=_unrated(coco, text_pairs),
    )


def _read(root: Path, task: Task, split: str, rows: Mapping[str, int]) -> Ratings:
    return read_ratings(root / "cxc" / f"{task}_{split}.csv", task, rows[f"{task}_{split}"])


def _indices(ids: tuple[str, ...], modality: Modality, coco: Split) -> Indices:
    """Returns [P] the place of each rated caption or image in MSCOCO's split."""
    if modality == "image":
        place = {name: index for index, name in enumerate(coco.file_names)}
    else:
        place = {f"COCO_val2014:sentid:{number}": index for index, number in enumerate(coco.sentence_ids)}
    unknown = [name for name in ids if name not in place]
    if unknown:
        raise DataSetError(
            f"{len(unknown)} of {len(ids)} rated {modality}s are not in {COCO.name}, the first {unknown[0]!r}; take "
            "the ratings of the same split"
        )
    return np.array([place[name] for name in ids], np.int64)


def _both_ways(pairs: Indices) -> Indices:
    """Returns each pair once, and once in the other order."""
    return np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)


def _unrated(coco: Split, rated: Indices) -> Indices:
    """Returns [Q, 2] the captions of one image that were not rated against each other, in both orders."""
    owner = np.repeat(np.arange(len(coco.pairs.images)), coco.pairs.caption_count)
    starts = np.cumsum(coco.pairs.caption_count) - coco.pairs.caption_count
    known = {*map(tuple, _both_ways(rated).tolist())}
    own = [
        (caption, other)
        for caption in range(len(owner))
        for other in range(starts[owner[caption]], starts[owner[caption]] + coco.pairs.caption_count[owner[caption]])
        if other != caption and (caption, other) not in known
    ]
    return np.array(own, np.int64).reshape(-1, 2)


def _layout(split: str, *tasks: Task) -> tuple[str, ...]:
    return tuple(f"cxc/{task}_{split}.csv" for task in tasks)


_ABOUT: Mapping[Task, str] = {
    "sts": "how alike captions are",
    "sis": "how alike images are",
    "sits": "how well captions fit images",
}
ENTRIES = tuple(
    entry
    for split, suffix in (("test", ""), ("val", "-val"))
    for entry in (
        Entry(
            name=f"cxc-retrieval{suffix}",
            about=f"CxC on MSCOCO's {split} split: retrieval in four directions by people's ratings",
            kind="positives",
            metrics=_RETRIEVAL,
            layout=_layout(split, "sts", "sis", "sits"),
            shared=COCO_LAYOUT,
            where=_WHERE,
            read=functools.partial(read_retrieval, split=split),
            split=split,
        ),
        *(
            Entry(
                name=f"cxc-{task}{suffix}",
                about=f"CxC on MSCOCO's {split} split: {about}",
                kind="rated",
                metrics=(task,),
                layout=_layout(split, task),
                shared=COCO_LAYOUT,
                where=_WHERE,
                read=functools.partial(read_similarity, task=task, split=split),
                split=split,
            )
            for task, about in _ABOUT.items()
        ),
    )
)

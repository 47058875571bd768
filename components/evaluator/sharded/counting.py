"""Counts what beats each right answer, between the images of one shard and the captions of another: such counts add up.

An image stands in one shard with all of its captions, so each shard knows what its own right answers score. What a
gallery scores above it, or level with it, is a sum over the gallery's shards.

Legend: N images, M captions, Q askings of images, K classes, D embedding dimension, R images in a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.pairs import Scored, similarity_of
from components.evaluator.metrics.ranking import Floats, Integers, Ties, grid_similarity
from components.evaluator.metrics.standing import count_across

WHOLE = ""  # in the place of a language, of an image that searches the captions of all languages
LABELLED_PER_CHUNK = 1024  # 1024 x 1000 classes (ImageNet) hold 8 MB
TIES: Ties = "expected"
Words = NDArray[np.str_]
Counts = NDArray[np.int64]  # also of rows


@dataclass(frozen=True)
class ImageShard:
    """The images of a shard and what they ask.

    Attributes:
      embedding: [N, D].
      row: [Q] the image that asks, ascending within a language.
      language: [Q] of the captions that it searches, ascending; first of all WHOLE.
      best: [Q] the similarity of its best own caption among these, on ranking.py's grid.
      right: [Q] how many of its own captions have that similarity.
    """

    embedding: Floats
    row: Counts
    language: Words
    best: Floats
    right: Integers


@dataclass(frozen=True)
class CaptionShard:
    """The captions of a shard, each of which asks for its image.

    Attributes:
      embedding: [M, D].
      owner: [M] the row of its image in the shard of that.
      language: [M], ascending.
      own: [M] the similarity of its image, on ranking.py's grid.
    """

    embedding: Floats
    owner: Integers
    language: Words
    own: Floats


class Count(NamedTuple):
    """How many candidates beat each right answer, and how many are level with it, those that are right among them."""

    above: Counts
    level: Counts

    def __add__(self, other: object) -> Count:
        """Add the counts of another part of the gallery."""
        if not isinstance(other, Count):
            return NotImplemented
        return Count(self.above + other.above, self.level + other.level)


def make_shard(
    image_embedding: Floats, caption_embedding: Floats, caption_count: Integers, languages: Sequence[str] | None
) -> tuple[ImageShard, CaptionShard]:
    """Score the right answers of a shard.

    Args:
      image_embedding: [N, D].
      caption_embedding: [M, D], the captions of image 0 first, then those of image 1, ...
      caption_count: [N] captions of each image.
      languages: [M] of each caption; None where none is asked about.
    """
    owner = np.repeat(np.arange(len(image_embedding)), caption_count)  # [M]
    language = np.array([WHOLE] * len(owner) if languages is None else languages, np.str_)
    order = np.argsort(language, kind="stable")
    owner, language, captions = owner[order], language[order], caption_embedding[order]
    own = similarity_of(image_embedding, captions, owner, np.arange(len(owner)), TIES)  # [M]
    asking = [_best(owner, own, len(image_embedding))]
    named = [WHOLE]
    for name in np.unique(language) if languages is not None else ():
        mine = language == name
        asking.append(_best(owner[mine], own[mine], len(image_embedding)))
        named.append(str(name))
    row, best, right = (np.concatenate(parts) for parts in zip(*asking, strict=True))
    asked = np.repeat(np.array(named, np.str_), [len(part[0]) for part in asking])
    return ImageShard(image_embedding, row, asked, best, right), CaptionShard(captions, owner, language, own)


def _best(owner: Integers, own: Floats, images: int) -> tuple[Counts, Floats, Counts]:
    """Returns [q] images that own one at least, the similarity of the best, and how many have that."""
    best = np.full(images, -np.inf)
    with np.errstate(invalid="ignore"):  # what is not finite is counted in sums.py
        np.maximum.at(best, owner, own)
    right = np.bincount(owner, weights=own == best[owner], minlength=images).astype(np.int64)
    rows = np.unique(owner)
    return rows, best[rows], right[rows]


def count_pair(images: ImageShard, captions: CaptionShard) -> tuple[Count, Count]:
    """Count what each side holds against the right answers of the other, be they of one shard or of two.

    Args:
      images: N images with Q askings.
      captions: M captions.

    Returns:
      [Q] captions that beat or tie each image's best own one, and [M] images that beat or tie each caption's own one.
    """
    asked = Count(np.zeros(len(images.row), np.int64), np.zeros(len(images.row), np.int64))
    found = Count(np.zeros(len(captions.own), np.int64), np.zeros(len(captions.own), np.int64))
    everyone = Scored(np.arange(len(captions.own)), np.zeros(len(captions.own), np.int64), captions.own)
    for name in np.union1d([WHOLE], images.language):  # images that ask nothing stand in the gallery all the same
        asking = slice(*(int(np.searchsorted(images.language, name, side)) for side in ("left", "right")))
        searched = slice(*(int(np.searchsorted(captions.language, name, side)) for side in ("left", "right")))
        rows = images.row[asking]
        forward = Scored(rows, np.zeros(len(rows), np.int64), images.best[asking])  # which answer it is matters not
        if name == WHOLE:
            ours, theirs = count_across(images.embedding, captions.embedding, forward, everyone, TIES)
            found = Count(theirs.above, theirs.level)
        else:
            nobody = everyone.only(np.zeros(0, np.int64))
            ours, _ = count_across(images.embedding, captions.embedding[searched], forward, nobody, TIES)
        asked.above[asking], asked.level[asking] = ours.above, ours.level
    return asked, found


def count_classes(
    images: Floats,
    labels: Sequence[str],
    classes: Sequence[str],
    texts: Floats,
    *,
    images_per_chunk: int = LABELLED_PER_CHUNK,
) -> Count:
    """Count the classes that beat each labelled image's own one, and those that tie with it, itself among them.

    Args:
      images: [N, D].
      labels: [N] of each image, or "".
      classes: [K] all labels.
      texts: [K, D] what each asks with.
      images_per_chunk: R, images compared with all classes at once.

    Returns:
      A count for each image with a label.
    """
    place = {label: row for row, label in enumerate(classes)}
    labelled = np.array([row for row, label in enumerate(labels) if label], np.int64)
    target = np.array([place[labels[row]] for row in labelled], np.int64)
    count = Count(np.zeros(len(labelled), np.int64), np.zeros(len(labelled), np.int64))
    for start in range(0, len(labelled), images_per_chunk):
        rows = slice(start, start + images_per_chunk)
        similarity = grid_similarity(images[labelled[rows]], texts)  # [R, K]
        own = np.take_along_axis(similarity, target[rows, None], axis=1)  # [R, 1]
        count.above[rows] = np.count_nonzero(similarity > own, axis=1)
        count.level[rows] = np.count_nonzero(similarity == own, axis=1)
    return count

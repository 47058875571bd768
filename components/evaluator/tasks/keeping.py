"""What is left of a data set without some of its images, such as those that cannot be read, or of one language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import ChoiceSet, ClassSet, Indices, PairSet, PositivesSet, RatedSet
from components.evaluator.datasets.multi_label import MultiLabelSet

Mask = NDArray[np.bool_]
T = TypeVar("T")


def owners(pairs: PairSet) -> Indices:
    """Returns [M] the image of each caption."""
    return np.repeat(np.arange(len(pairs.images)), pairs.caption_count)


def keep_captions(pairs: PairSet, captions: Mask) -> PairSet:
    """Returns the set with all its images and the captions that are marked.

    Args:
      pairs: the whole set.
      captions: [M] True for one that is kept.
    """
    counts = np.bincount(owners(pairs)[captions], minlength=len(pairs.images)).astype(np.int64)
    languages = None if pairs.languages is None else _picked(pairs.languages, captions)
    return replace(pairs, captions=_picked(pairs.captions, captions), caption_count=counts, languages=languages)


def keep_images(pairs: PairSet, images: Mask) -> tuple[PairSet, Mask]:
    """Returns the set with the images that are marked and their captions, and [M] which captions these are."""
    captions = images[owners(pairs)]
    left = keep_captions(pairs, captions)
    return (
        replace(
            left,
            image_ids=_picked(pairs.image_ids, images),
            images=_picked(pairs.images, images),
            caption_count=left.caption_count[images],
        ),
        captions,
    )


def keep_classified(classified: ClassSet, images: Mask) -> ClassSet:
    """Returns the set with the images that are marked; all classes stay ones that a model may name."""
    return replace(
        classified,
        image_ids=_picked(classified.image_ids, images),
        images=_picked(classified.images, images),
        labels=classified.labels[images],
    )


def keep_multi_label(classified: MultiLabelSet, images: Mask) -> MultiLabelSet:
    """Returns the set with the images that are marked; all classes stay ones that a model may name."""
    return replace(
        classified,
        image_ids=_picked(classified.image_ids, images),
        images=_picked(classified.images, images),
        labels=classified.labels[images],
        right=_renumbered(classified.right, images, np.ones(len(classified.classes), bool)),
    )


def keep_rated(rated: RatedSet, images: Mask) -> RatedSet:
    """Returns the set with the ratings that ask for marked images alone; its tables stay whole."""
    rows = np.ones(len(rated.scores), bool)
    for modality, indices in ((rated.left_modality, rated.left), (rated.right_modality, rated.right)):
        if modality == "image":
            rows &= images[indices]
    return replace(rated, left=rated.left[rows], right=rated.right[rows], scores=rated.scores[rows])


def keep_positives(positives: PositivesSet, images: Mask) -> tuple[PositivesSet, Mask]:
    """Returns the set with the images that are marked and their captions, and [M] which captions these are."""
    pairs, captions = keep_images(positives.pairs, images)
    return (
        PositivesSet(
            pairs,
            image_to_text=_renumbered(positives.image_to_text, images, captions),
            text_to_image=_renumbered(positives.text_to_image, captions, images),
            text_text=_renumbered(positives.text_text, captions, captions),
            image_image=_renumbered(positives.image_image, images, images),
            text_text_excluded=_renumbered(positives.text_text_excluded, captions, captions),
            image_image_excluded=_renumbered(positives.image_image_excluded, images, images),
        ),
        captions,
    )


def keep_choices(choices: ChoiceSet, images: Mask) -> ChoiceSet:
    """Returns the set with the items of marked images alone; its tables stay whole."""
    items = images[choices.item_images].all(axis=1)
    return replace(
        choices,
        item_ids=_picked(choices.item_ids, items),
        item_images=choices.item_images[items],
        item_captions=choices.item_captions[items],
        groups=_picked(choices.groups, items),
    )


def _picked(values: Sequence[T], rows: Mask) -> tuple[T, ...]:
    return tuple(value for value, kept in zip(values, rows, strict=True) if kept)


def _renumbered(pairs: Indices, left: Mask, right: Mask) -> Indices:
    """Returns the index pairs of which both ends are kept, by their new numbers."""
    both = left[pairs[:, 0]] & right[pairs[:, 1]]
    new = (np.cumsum(left) - 1, np.cumsum(right) - 1)
    return np.stack([new[side][pairs[both, side]] for side in (0, 1)], axis=1).astype(np.int64)

"""What data sets to judge by look like once they are read: a dataclass a kind, whatever files they came from.

Images are read when they are asked for; everything else is held. A table that is sparse is a list of index pairs.

Legend: N images, M captions, K classes, P pairs, I items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Modality = Literal["image", "text"]
Picture = Callable[[], bytes]  # reads one encoded image; raises PictureMissing


class PictureMissing(OSError):
    """An image of a data set that cannot be read; the message names it and the cause."""


class DataSetError(ValueError):
    """A data set that cannot be judged by; the message, of one line, names the file, what is wrong and the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def no_pairs() -> Indices:
    """Returns the [0, 2] table of no pair."""
    return np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class PairSet:
    """Images and their captions, for retrieval.

    Attributes:
      image_ids: N names, each once, as failures are shown by.
      images: N, aligned with image_ids.
      captions: M texts; those of image 0 first, then those of image 1, ...
      caption_count: [N] captions of each image, which add up to M. An image without any stands in the gallery alone.
      languages: M BCP 47 tags, one a caption, or None where the set has one language that it does not say.
      skipped: reason -> records that the reader left out.

    Raises:
      DataSetError: the tables do not fit each other, or there is nothing to ask with.
    """

    image_ids: tuple[str, ...]
    images: tuple[Picture, ...]
    captions: tuple[str, ...]
    caption_count: Indices
    languages: tuple[str, ...] | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_images(self.image_ids, self.images)
        if self.caption_count.shape != (len(self.images),) or np.any(self.caption_count < 0):
            raise DataSetError(
                f"caption_count has the shape {self.caption_count.shape} for {len(self.images)} images; give one "
                "count of 0 or more an image"
            )
        if int(self.caption_count.sum()) != len(self.captions):
            raise DataSetError(
                f"caption_count adds up to {int(self.caption_count.sum())} for {len(self.captions)} captions; "
                "give the captions of image 0 first, then those of image 1"
            )
        if not self.captions:
            raise DataSetError("no image has a caption, so there is nothing to ask with")
        if self.languages is not None and len(self.languages) != len(self.captions):
            raise DataSetError(f"{len(self.languages)} languages for {len(self.captions)} captions; give one a caption")


@dataclass(frozen=True)
class ClassSet:
    """Images and their classes, for zero-shot classification, nearest neighbours and probes.

    Attributes:
      image_ids: N names, each once.
      images: N, aligned with image_ids.
      labels: [N] the class of each image, an index into `classes`.
      classes: K tuples of names: what a class is called, in the language of the templates. A class that no image is of
        is still one that a model may name.
      templates: prompts with one "{}" for a name; ("{}",) asks with the bare names.
      skipped: reason -> records that the reader left out.

    Raises:
      DataSetError: the tables do not fit each other, a class has no name, or a template has no place for one.
    """

    image_ids: tuple[str, ...]
    images: tuple[Picture, ...]
    labels: Indices
    classes: tuple[tuple[str, ...], ...]
    templates: tuple[str, ...] = ("{}",)
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_images(self.image_ids, self.images)
        if self.labels.shape != (len(self.images),):
            raise DataSetError(
                f"labels has the shape {self.labels.shape} for {len(self.images)} images; give one an image"
            )
        check_indices("labels", self.labels, len(self.classes), "classes")
        for index, names in enumerate(self.classes):
            if not names or not all(name.strip() for name in names):
                raise DataSetError(f"class {index} has the names {names!r}; give each class a name")
        for template in self.templates:
            if template.count("{}") != 1:
                raise DataSetError(f"the template {template!r} must have one {{}} where the class's name goes")
        if not self.templates:
            raise DataSetError('there is no template; ("{}",) asks with the bare names')


@dataclass(frozen=True)
class TrainedSet:
    """Images with classes to learn from and others to be judged by, for nearest neighbours, probes and fine-tuning.

    Attributes:
      train, test: of the same classes.
      validation: what settings are chosen by, of the same classes; None where the set has no such part.

    Raises:
      DataSetError: the parts have other classes than each other.
    """

    train: ClassSet
    test: ClassSet
    validation: ClassSet | None = None

    def __post_init__(self) -> None:
        for name, part in (("test", self.test), ("validation", self.validation)):
            if part is not None and part.classes != self.train.classes:
                raise DataSetError(
                    f"the {name} part has {len(part.classes)} classes and the training part {len(self.train.classes)}, "
                    "or they stand in another order; give both parts the same classes"
                )


@dataclass(frozen=True)
class RatedSet:
    """Pairs that people rated by how alike they are: CxC's STS, SIS and SITS, SimLex-999.

    Attributes:
      texts, image_ids, images: the tables that `left` and `right` point into; one of them may be empty.
      left_modality, right_modality: which table each side points into.
      left, right: [P] indices.
      scores: [P] the people's ratings, higher for more alike, on the set's own scale.
      skipped: reason -> records that the reader left out.

    Raises:
      DataSetError: the tables do not fit each other, or a rating is no number.
    """

    texts: tuple[str, ...]
    image_ids: tuple[str, ...]
    images: tuple[Picture, ...]
    left_modality: Modality
    left: Indices
    right_modality: Modality
    right: Indices
    scores: NDArray[np.float64]
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images or self.image_ids:
            _check_images(self.image_ids, self.images)
        pairs = len(self.scores)
        for side, modality, indices in (
            ("left", self.left_modality, self.left),
            ("right", self.right_modality, self.right),
        ):
            if indices.shape != (pairs,):
                raise DataSetError(f"{side} has the shape {indices.shape} for {pairs} ratings; give one index a rating")
            table = self.images if modality == "image" else self.texts
            check_indices(side, indices, len(table), f"{modality}s")
        if not pairs or not np.isfinite(self.scores).all():
            raise DataSetError(f"{int(np.isfinite(self.scores).sum())} of {pairs} ratings are numbers; give all one")


@dataclass(frozen=True)
class PositivesSet:
    """A gallery whose right answers are listed one by one, across the modalities and within them.

    A query without a right answer asks nothing but stays in the gallery. A query is never its own answer.

    Attributes:
      pairs: the images and captions; who a caption was written for counts for nothing here unless listed.
      image_to_text: [P, 2] (image that asks, caption that is right).
      text_to_image: [P, 2] (caption that asks, image that is right). A set may ask one way only.
      text_text: [P, 2] (caption that asks, caption that is right); both orders are listed where both hold.
      image_image: [P, 2] (image that asks, image that is right), likewise.
      text_text_excluded, image_image_excluded: [P, 2] (query, what is taken out of the gallery for it), beside itself.

    Raises:
      DataSetError: an index points at nothing, a query is its own answer, or there is no right answer at all.
    """

    pairs: PairSet
    image_to_text: Indices
    text_to_image: Indices
    text_text: Indices = field(default_factory=no_pairs)
    image_image: Indices = field(default_factory=no_pairs)
    text_text_excluded: Indices = field(default_factory=no_pairs)
    image_image_excluded: Indices = field(default_factory=no_pairs)

    @property
    def skipped(self) -> Mapping[str, int]:
        """Reason -> records that the reader left out."""
        return self.pairs.skipped

    def __post_init__(self) -> None:
        images, captions = len(self.pairs.images), len(self.pairs.captions)
        for name, pairs, asking, answering in (
            ("image_to_text", self.image_to_text, images, captions),
            ("text_to_image", self.text_to_image, captions, images),
            ("text_text", self.text_text, captions, captions),
            ("image_image", self.image_image, images, images),
            ("text_text_excluded", self.text_text_excluded, captions, captions),
            ("image_image_excluded", self.image_image_excluded, images, images),
        ):
            if pairs.ndim != 2 or pairs.shape[1] != 2:
                raise DataSetError(f"{name} has the shape {pairs.shape}; give one row of two indices a pair")
            check_indices(name, pairs[:, 0], asking, "rows that ask")
            check_indices(name, pairs[:, 1], answering, "rows that answer")
        for name, pairs in (("text_text", self.text_text), ("image_image", self.image_image)):
            if np.any(pairs[:, 0] == pairs[:, 1]):
                row = int(pairs[pairs[:, 0] == pairs[:, 1]][0, 0])
                raise DataSetError(f"{name} lists {row} as a right answer to itself; leave such pairs out")
        if not any(map(len, (self.image_to_text, self.text_to_image, self.text_text, self.image_image))):
            raise DataSetError("no query has a right answer; the ratings may be of other images than the captions")


@dataclass(frozen=True)
class ChoiceSet:
    """Items that ask which caption fits which image: Winoground, SugarCrepe, ARO.

    Attributes:
      item_ids: I names, each once.
      image_ids, images: N.
      captions: M texts.
      item_images: [I, 1] or [I, 2], indices of images.
      item_captions: [I, C], indices of captions, C at least 2. With one image the first caption is right and all others
        are wrong; with two images there are two captions, and caption c is right for image c.
      groups: I, which part of the set an item is of, such as SugarCrepe's replace_obj; "" for no part.

    Raises:
      DataSetError: the tables do not fit each other.
    """

    item_ids: tuple[str, ...]
    image_ids: tuple[str, ...]
    images: tuple[Picture, ...]
    captions: tuple[str, ...]
    item_images: Indices
    item_captions: Indices
    groups: tuple[str, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_images(self.image_ids, self.images)
        items = len(self.item_ids)
        shapes = (self.item_images.shape, self.item_captions.shape)
        choices = self.item_captions.shape[1] if self.item_captions.ndim == 2 else 0
        one, two = (self.item_images.shape == (items, count) for count in (1, 2))
        fits = (one and choices >= 2) or (two and choices == 2)
        if not items or len(self.item_captions) != items or len(self.groups) != items or not fits:
            raise DataSetError(
                f"item_images and item_captions have the shapes {shapes} for {items} items in {len(self.groups)} "
                "groups; give an item one image and 2 or more captions, or two images and their two captions"
            )
        check_indices("item_images", self.item_images, len(self.images), "images")
        check_indices("item_captions", self.item_captions, len(self.captions), "captions")


DataSet = PairSet | ClassSet | TrainedSet | RatedSet | PositivesSet | ChoiceSet


def _check_images(ids: Sequence[str], images: Sequence[Picture]) -> None:
    if len(ids) != len(images):
        raise DataSetError(f"{len(ids)} image_ids for {len(images)} images; give one an image")
    if not images:
        raise DataSetError("the set has no image")
    if len({*ids}) != len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise DataSetError(f"the image {twice!r} stands in the set twice; list it once, with all its captions")


def check_indices(name: str, indices: NDArray, size: int, of: str) -> None:
    if not np.issubdtype(indices.dtype, np.integer):
        raise DataSetError(f"{name} holds {indices.dtype}; indices are whole numbers")
    if len(indices) and (indices.min() < 0 or indices.max() >= size):
        wrong = int(indices.min()) if indices.min() < 0 else int(indices.max())
        raise DataSetError(f"{name} points at {wrong} of {size} {of}, counted from 0")

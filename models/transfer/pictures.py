"""The images of a transfer: which can be read, in which order training sees them, and what is cut out of each.

Legend: B images in a batch, S pixels of a side.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.images import augmentation, preprocessing
from models.images.decoding import RGB, decode
from models.images.resize import resize
from models.transfer.recipes import Cut, Phase

INCEPTION_AREA, INCEPTION_RATIO = (0.08, 1.0), (3 / 4, 4 / 3)  # arXiv:1409.4842, section 6, and its public code
UNREADABLE, BROKEN = "could not be read", "no picture that is read here"
AHEAD = 2  # batches that are made while one is learnt from
_MIRROR = 1  # what the seed of a mirrored image is folded with, so that it is not that of its crop


@dataclass(frozen=True)
class Images:
    """Pictures with their classes.

    Attributes:
      pictures: N functions that each read a JPEG or PNG in normal form (serving/normal_form.py); they raise OSError
        where they cannot.
      labels: [N] classes, counted from 0.
    """

    pictures: Sequence[Callable[[], bytes]]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pictures)

    def chosen(self, rows: NDArray[np.int64]) -> Images:
        """Returns these of the pictures, in the order of the rows."""
        return Images([self.pictures[row] for row in rows], self.labels[rows])

    def __add__(self, other: Images) -> Images:
        return Images([*self.pictures, *other.pictures], np.concatenate([self.labels, other.labels]))


class Looked(NamedTuple):
    """What reading and decoding each picture once has shown.

    Attributes:
      rows: of the pictures that can be used, in order.
      skipped: reason -> how many cannot.
      digest: hex digits of the content of those that can, and their order.
    """

    rows: NDArray[np.int64]
    skipped: dict[str, int]
    digest: str


def look(images: Images) -> Looked:
    """Find out which pictures can be used, and what they hold: a file's time of change would not tell for certain."""

    def seen(picture: Callable[[], bytes]) -> tuple[str, bytes]:
        try:
            encoded = picture()
            _count_values(tf.constant(encoded))
        except OSError:
            return UNREADABLE, b""
        except tf.errors.InvalidArgumentError:
            return BROKEN, b""
        return "", hashlib.sha256(encoded).digest()

    found = [each for batch in _ahead(seen, [images.pictures]) for each in batch]
    problems = [why for why, _ in found]
    skipped = {why: problems.count(why) for why in (UNREADABLE, BROKEN) if why in problems}
    digest = hashlib.sha256(b"".join(content for _, content in found)).hexdigest()
    return Looked(np.flatnonzero([not why for why in problems]), skipped, digest)


def training_batches(images: Images, phase: Phase, seed: tuple[int, ...]) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yield the batches of a phase, the same for the same seed.

    Each epoch takes the images in an order of its own, and leaves out what whole batches do not hold.

    Args:
      images: at least `phase.batch` of them.
      phase: how many batches of how many images, and what is cut out of each.
      seed: of order, crops and mirroring.

    Yields:
      ([B, S, S, 3] uint8, [B] int64 classes).
    """

    def drawn() -> Iterator[list[tuple[int, NDArray[np.int64]]]]:
        per_epoch = len(images) // phase.batch
        for step in range(phase.steps):
            epoch, place = divmod(step, per_epoch)
            if place == 0:
                chance = np.random.default_rng([*seed, epoch])
                order = chance.permutation(len(images))
                seeds = chance.integers(2**31, size=[len(images), 2])
            rows = order[place * phase.batch : (place + 1) * phase.batch]
            yield [(row, seeds[row]) for row in rows]

    def made(example: tuple[int, NDArray[np.int64]]) -> tuple[tf.Tensor, np.int64]:
        row, seed_of_it = example
        encoded = tf.constant(images.pictures[row]())
        return cut_out(encoded, phase.cut, phase.train_px, tf.constant(seed_of_it)), images.labels[row]

    for batch in _ahead(made, drawn()):
        yield tf.stack([pixels for pixels, _ in batch]), tf.constant([label for _, label in batch])


def judged_batches(images: Images, px: int, share: float, batch: int) -> Iterator[tf.Tensor]:
    """Yield [B, S, S, 3] uint8 of all images in their order: each resized whole, and its central square cut out.

    Args:
      images: to be judged.
      px: S.
      share: of that over the side of the resized image.
      batch: images in each but the last.
    """
    resize_px = round(px / share)
    starts = range(0, len(images), batch)
    for resized in _ahead(
        lambda picture: _resized(tf.constant(picture()), resize_px),
        (images.pictures[start : start + batch] for start in starts),
    ):
        yield preprocessing.central_crop(tf.stack(resized), px)


@tf.function(autograph=False)  # one graph for a side
def cut_out(encoded: tf.Tensor, cut: Cut, px: int, drawn: tf.Tensor) -> tf.Tensor:
    """Make a training image of an encoded one.

    Args:
      encoded: scalar string, a JPEG or PNG in normal form.
      cut: "inception" for a rectangle of random area, shape and place, mirrored half of the time; "whole" for all.
      px: S.
      drawn: [2] whole numbers by which chance is seeded.

    Returns:
      [S, S, 3] uint8.

    Reference:
      Szegedy et al., Going Deeper with Convolutions, section 6, arXiv:1409.4842.
    """
    image = decode(encoded)
    if cut == "whole":
        return resize(image, px)
    start, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros([1, 0, 4]),
        seed=drawn,
        min_object_covered=0.0,
        aspect_ratio_range=INCEPTION_RATIO,
        area_range=INCEPTION_AREA,
        max_attempts=100,
        use_image_if_no_bounding_boxes=True,
    )
    crop = tf.ensure_shape(tf.slice(image, start, size), [None, None, RGB])
    mirror = tf.random.stateless_uniform([], tf.random.fold_in(drawn, _MIRROR))
    return augmentation.random_flip(resize(crop, px), mirror)


def _ahead(make: Callable[[Any], Any], batches: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    """Yield what `make` makes of each item, batch by batch; threads work on the next ones meanwhile."""
    with ThreadPoolExecutor() as threads:
        waiting: deque[Iterator[Any]] = deque()
        for number, batch in enumerate(batches):
            if number == 0 and len(batch):
                make(batch[0])  # so that its graph is traced once, and not by each thread
            waiting.append(threads.map(make, batch))
            if len(waiting) > AHEAD:
                yield list(waiting.popleft())
        for made in waiting:
            yield list(made)


@tf.function(autograph=False)
def _resized(encoded: tf.Tensor, px: int) -> tf.Tensor:
    return resize(decode(encoded), px)


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _count_values(encoded: tf.Tensor) -> tf.Tensor:
    return tf.size(decode(encoded))

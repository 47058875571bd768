"""The slices of a gallery that one worker holds: that gallery is one shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluator.metrics.ranking import Floats, Integers
from components.evaluator.metrics.slices import read_key
from components.evaluator.sharded.counting import count_classes, count_pair, make_shard
from components.evaluator.sharded.sums import Known, facts_of, numbers_of, tally_shard


def slice_numbers(
    image_embedding: Floats,
    caption_embedding: Floats,
    caption_count: Integers,
    languages: Sequence[str],
    known: Known,
    classes: Mapping[str, Floats],
    kinds: Sequence[str],
) -> dict[str, float]:
    """Returns the numbers of each slice, named as metrics/slices.py says.

    Args:
      image_embedding: [N, D].
      caption_embedding: [M, D], the captions of image 0 first, then those of image 1, ...
      caption_count: [N] captions of each image.
      languages: [M] of each caption.
      known: of the images.
      classes: label -> [D] what it asks with; {} where no image has a label.
      kinds: of slices.
    """
    images, captions = make_shard(image_embedding, caption_embedding, caption_count, languages)
    facts = facts_of(images, captions, known, kinds)
    texts, named = np.empty((0, 0)), None
    if facts.labels:
        labels = sorted(classes)
        texts = np.stack([classes[label] for label in labels])
        named = count_classes(image_embedding, known.labels, labels, texts)
    counts = count_pair(images, captions)
    tally = tally_shard(images, captions, known, counts, named, facts.slices)
    numbers = numbers_of(facts, tally, len(texts), finite_classes=bool(np.isfinite(texts).all()))
    return {name: value for name, value in numbers.items() if read_key(name)}

"""Zero-shot classification in plain NumPy: the class whose text is most similar to the image, beside chance.

Legend: N images, K classes, D embedding dimension, R images in a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluator.metrics.ranking import Floats, grid_similarity, hit_probability, mean

TOP = (1, 5)
IMAGES_PER_CHUNK = 1024  # 1024 x 1000 classes (ImageNet) hold 8 MB


def zero_shot_metrics(
    image_embedding: Floats,
    labels: Sequence[str],
    class_embedding: Mapping[str, Floats],
    *,
    images_per_chunk: int = IMAGES_PER_CHUNK,
) -> dict[str, float]:
    """Compute top-1 and top-5 accuracy of naming an image's class by its most similar class text.

    Equal similarities stand in random order and count by expectation (`ranking.hit_probability`).

    Args:
      image_embedding: [N, D], unit length.
      labels: [N] the class of each image; images with the empty label are left out.
      class_embedding: label -> [D] unit vector, the mean of its prompts' embeddings; its keys are the K classes,
        of which some may have no image.
      images_per_chunk: R, images compared with all classes at once.

    Returns:
      `zero_shot_top_1`, `zero_shot_top_5`; `num_classes` K; `majority_class_share`, what always naming the most
      frequent class scores; `chance_zero_shot` = 1/K, top-1 by guessing. All but the count are NaN without labels,
      the accuracies when an embedding is not finite, and top-k where K is at most k: any model would score 1.

    Raises:
      ValueError: an image's label has no class embedding.

    Reference: ALIGN section 5.3, arXiv:2102.05918.
    """
    unknown = sorted({label for label in labels if label and label not in class_embedding})
    if unknown:
        raise ValueError(
            f"class_embedding has no entry for the label {unknown[0]!r} ({len(unknown)} such labels); "
            "give one vector for each distinct label"
        )
    classes = sorted(class_embedding)
    labelled = np.array([index for index, label in enumerate(labels) if label], np.int64)
    if not len(labelled):
        absent = [*(f"zero_shot_top_{k}" for k in TOP), "majority_class_share", "chance_zero_shot"]
        return {"num_classes": 0.0} | dict.fromkeys(absent, math.nan)

    position = {label: index for index, label in enumerate(classes)}
    target = np.array([position[labels[index]] for index in labelled])  # [n], n labelled images
    facts = {
        "num_classes": float(len(classes)),
        "majority_class_share": float(np.bincount(target).max() / len(target)),
        "chance_zero_shot": 1.0 / len(classes),
    }
    texts = np.stack([class_embedding[label] for label in classes])  # [K, D]
    if not np.isfinite(texts).all() or not np.isfinite(image_embedding[labelled]).all():
        return facts | {f"zero_shot_top_{k}": math.nan for k in TOP}

    above = np.zeros(len(labelled), np.int64)  # classes that beat the image's own one
    level = np.zeros(len(labelled), np.int64)
    for start in range(0, len(labelled), images_per_chunk):
        rows = slice(start, start + images_per_chunk)
        similarity = grid_similarity(image_embedding[labelled[rows]], texts)  # [R, K]
        own = np.take_along_axis(similarity, target[rows, None], axis=1)  # [R, 1]
        above[rows] = np.sum(similarity > own, axis=1)
        level[rows] = np.sum(similarity == own, axis=1)
    return facts | {
        f"zero_shot_top_{k}": mean(hit_probability(above, level, 1, k)) if len(classes) > k else math.nan for k in TOP
    }

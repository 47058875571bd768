"""Compositional choice: does the model tell the right caption, or image, from one that differs in a detail?

Legend: I items, A images of an item (1 or 2), C captions of an item, D embedding dimension.

References:
  Winoground, arXiv:2204.03162, section 3.2: text, image and group score of two images and two captions.
  SugarCrepe, arXiv:2306.14610: one image, its caption and a wrong one.
  ARO, arXiv:2210.01936: one image, its caption and one wrong one, or four reordered ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Floats, on_grid
from components.evaluator.metrics.unit_rows import check_unit_rows


def choice_values(image_embedding: Floats, caption_embedding: Floats) -> dict[str, NDArray[np.float64]]:
    """Compute 1 for each item that was chosen right, and 0 for each other.

        text_score:  each image is more similar to its caption than to every other caption
        image_score: each caption is more similar to its image than to every other image
        group_score: both

    Caption a belongs to image a. The right one must be strictly above the others on the grid of `ranking.py`: a model
    that cannot tell two captions apart has not chosen, whichever stands first.

    Args:
      image_embedding: [I, A, D], unit length.
      caption_embedding: [I, C, D], unit length; with one image the first caption is right and all others are wrong.

    Returns:
      Name -> [I]. With one image there is no choice between images: `text_score` alone.

    Raises:
      ValueError: the shapes do not fit, or a row is not finite or not of unit length.
    """
    images, captions = image_embedding.shape, caption_embedding.shape
    fits = len(images) == len(captions) == 3 and images[0] == captions[0] and images[2] == captions[2]
    if not fits or ((images[1], captions[1]) != (2, 2) and (images[1] != 1 or captions[1] < 2)):
        raise ValueError(
            f"image_embedding and caption_embedding have the shapes {images} and {captions}; give an item one image "
            "and 2 or more captions, or two images and their two captions"
        )
    check_unit_rows("image_embedding", image_embedding.reshape(-1, images[2]))
    check_unit_rows("caption_embedding", caption_embedding.reshape(-1, images[2]))
    product = np.einsum("iad,icd->iac", image_embedding.astype(np.float64), caption_embedding.astype(np.float64))
    similarity = on_grid(product)  # [I, A, C]
    own = np.arange(images[1])
    right = similarity[:, own, own]  # [I, A]
    others = ~np.eye(images[1], captions[1], dtype=bool)  # [A, C]
    among_captions = np.where(others, similarity, -np.inf).max(axis=2)  # [I, A] the best wrong caption of each image
    text = np.all(right > among_captions, axis=1)  # [I]
    if images[1] == 1:
        return {"text_score": text.astype(np.float64)}
    among_images = np.where(others, similarity, -np.inf).max(axis=1)  # [I, C] the best wrong image of each caption
    image = np.all(right > among_images, axis=1)  # [I]
    scores = {"text_score": text, "image_score": image, "group_score": text & image}
    return {name: chosen.astype(np.float64) for name, chosen in scores.items()}


def choice_chances(images: int, captions: int) -> dict[str, float]:
    """Returns what guessing gets: scores drawn at random, the same distribution for all pairs of an item.

    Args:
      images: A, 1 or 2.
      captions: C.
    """
    if images == 1:
        return {"text_score": 1 / captions}
    return {"text_score": 1 / 4, "image_score": 1 / 4, "group_score": 1 / 6}

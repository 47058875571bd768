"""Asks clip-benchmark's own evaluate functions, with given embeddings as a model's answers.

Runs in the environment of environments.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import torch
from clip_benchmark.metrics import zeroshot_classification, zeroshot_retrieval

zeroshot_retrieval.tqdm = zeroshot_classification.tqdm = iter  # no progress bars between the figures
RECALL_AT = (1, 5, 10)
BATCH = 64  # clip-benchmark's default


def _as_it_is(rows: torch.Tensor) -> torch.Tensor:
    return rows


def recalls(images: np.ndarray, captions: np.ndarray) -> dict[str, float]:
    """Returns R@K both ways.

    Args:
      images: [N, D].
      captions: [M, D], as many an image; those of image 0 first.
    """
    image_rows, caption_rows = torch.from_numpy(images), torch.from_numpy(captions)
    each = len(captions) // len(images)

    def batches() -> Iterator[tuple[torch.Tensor, list[range]]]:
        for start in range(0, len(images), BATCH):
            rows = range(start, min(start + BATCH, len(images)))
            yield image_rows[rows.start : rows.stop], [range(each * row, each * row + each) for row in rows]

    told = zeroshot_retrieval.evaluate(
        SimpleNamespace(encode_image=_as_it_is, encode_text=_as_it_is),
        batches(),
        lambda texts: caption_rows[torch.tensor(texts)],
        "cpu",
        amp=False,
        recall_k_list=list(RECALL_AT),
    )
    names = {"i2t": "text_retrieval_recall", "t2i": "image_retrieval_recall"}  # text retrieval asks with images
    return {f"{way}@{k}": told[f"{name}@{k}"] for way, name in names.items() for k in RECALL_AT}


def accuracies(images: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    """Returns top-1, top-5 and mean per class.

    Args:
      images: [N, D].
      labels: [N].
      classes: [K, D], one text a class.
    """
    class_rows = torch.from_numpy(classes)

    class Batches(list):
        dataset = SimpleNamespace(classes=[str(index) for index in range(len(classes))])

    batches = Batches(
        (torch.from_numpy(images[start : start + BATCH]), torch.from_numpy(labels[start : start + BATCH]))
        for start in range(0, len(images), BATCH)
    )
    told = zeroshot_classification.evaluate(
        SimpleNamespace(encode_image=_as_it_is, encode_text=_as_it_is),
        batches,
        lambda texts: class_rows[torch.tensor([int(text) for text in texts])],
        batches.dataset.classes,
        ["{c}"],
        "cpu",
        amp=False,
    )
    return {"top_1": told["acc1"], "top_5": told["acc5"], "mean_per_class": told["mean_per_class_recall"]}

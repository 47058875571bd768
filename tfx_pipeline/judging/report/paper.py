"""What ALIGN's paper (arXiv:2102.05918) prints for the sets that a model may be judged by, in percent.

CLIP's figures are those that it prints beside its own.
"""

from __future__ import annotations

from collections.abc import Mapping

ALIGN, CLIP = "ALIGN", "CLIP"
CAVEAT = (
    "ALIGN is the paper's L2 + BERT-Large, trained on 1.8 billion pairs. Its Crisscrossed Captions are those of the "
    "model fine-tuned on MSCOCO, its ImageNet neighbours those of the B5 + BERT-Base of its ablations, its Multi30k "
    "those of the multilingual model."
)


def _retrieval(i2t: tuple[float, ...], t2i: tuple[float, ...], **within: tuple[float, ...]) -> dict[str, float]:
    ways = {"i2t": i2t, "t2i": t2i, **within}
    return {
        f"{way}_recall_at_{k}": value
        for way, values in ways.items()
        for k, value in zip((1, 5, 10), values, strict=True)
    }


# data set -> number -> percent
PRINTED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    ALIGN: {
        "flickr30k": _retrieval((88.6, 98.7, 99.7), (75.7, 93.8, 96.8)),
        "mscoco": _retrieval((58.6, 83.0, 89.7), (45.6, 69.8, 78.6)),
        "cxc-retrieval": _retrieval(
            (78.1, 94.3, 97.4), (61.8, 84.9, 91.1), t2t=(45.4, 66.8, 75.2), i2i=(49.4, 81.4, 89.1)
        ),
        "cxc-sts": {"sts": 72.9},
        "cxc-sis": {"sis": 77.2},
        "cxc-sits": {"sits": 67.6},
        "imagenet": {"top_1": 76.4},
        "imagenet-r": {"top_1": 92.2},
        "imagenet-a": {"top_1": 75.8},
        "imagenet-v2": {"top_1": 70.1},
        "imagenet-knn": {"knn_top_1": 64.6},
        "multi30k-en": {"mean_recall": 90.2},
        "multi30k-de": {"mean_recall": 84.1},
        "multi30k-fr": {"mean_recall": 84.9},
        "multi30k-cs": {"mean_recall": 63.2},
    },
    CLIP: {
        "flickr30k": _retrieval((88.0, 98.7, 99.4), (68.7, 90.6, 95.2)),
        "mscoco": _retrieval((58.4, 81.5, 88.1), (37.8, 62.4, 72.2)),
    },
}

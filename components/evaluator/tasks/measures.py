"""The names of the numbers in results: what each is called for people, its unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """How a number is shown.

    Attributes:
      title: for a table's head.
      unit: "share" is shown in percent, "correlation" times 100, "rank" as it is.
      better: which way.
    """

    title: str
    unit: Literal["share", "correlation", "rank"] = "share"
    better: Literal["higher", "lower"] = "higher"


_WAYS = {"i2t": "image → text", "t2i": "text → image", "t2t": "text → text", "i2i": "image → image"}

MEASURES = {
    **{f"{way}_recall_at_{k}": Measure(f"R@{k} {words}") for way, words in _WAYS.items() for k in (1, 5, 10)},
    **{f"{way}_median_rank": Measure(f"median rank {words}", "rank", "lower") for way, words in _WAYS.items()},
    **{f"{way}_map_at_r": Measure(f"mAP@R {words}") for way, words in _WAYS.items()},
    "mean_recall": Measure("mean recall"),
    "top_1": Measure("top-1"),
    "top_5": Measure("top-5"),
    "mean_per_class": Measure("mean per class"),
    "top_1_deviation": Measure("top-1, deviation over runs", "share", "lower"),
    "top_5_deviation": Measure("top-5, deviation over runs", "share", "lower"),
    "mean_per_class_deviation": Measure("mean per class, deviation over runs", "share", "lower"),
    "ece": Measure("calibration error", "share", "lower"),
    **{f"knn_top_{k}": Measure(f"kNN top-{k}") for k in (1, 5, 10)},
    "probe_top_1": Measure("probe top-1"),
    "probe_mean_per_class": Measure("probe mean per class"),
    "sts": Measure("STS", "correlation"),
    "sis": Measure("SIS", "correlation"),
    "sits": Measure("SITS", "correlation"),
    "spearman": Measure("Spearman", "correlation"),
    "text_score": Measure("text score"),
    "image_score": Measure("image score"),
    "group_score": Measure("group score"),
}

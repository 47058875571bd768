"""How a model is judged: the `evaluation` section of a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.config_fields import refuse_other_choices, refuse_unless
from components.evaluator.metrics.slices import CLASS, LANGUAGE, SOURCE

SLICES = (LANGUAGE, SOURCE, CLASS)
ZERO_SHOT_METRICS = ("zero_shot_top_1", "zero_shot_top_5")
METRICS = (
    "i2t_recall_at_1",
    "i2t_recall_at_5",
    "i2t_recall_at_10",
    "t2i_recall_at_1",
    "t2i_recall_at_5",
    "t2i_recall_at_10",
    *ZERO_SHOT_METRICS,
)


@dataclass(frozen=True)
class EvaluationConfig:
    """Splits, thresholds and prompts of the evaluation.

    Attributes:
      splits: splits to evaluate, each with a gallery of its own.
      min_metrics: "<split>/<metric>" -> least value in [0, 1] that blesses a model; metrics are named in METRICS.
        [share; ours]
      max_drop_from_baseline: how far below the last blessed model each metric of `min_metrics` may fall, as an
        absolute difference in [0, 1]. [share; ours]
      prompts: templates with one "{}" for the class name; their text embeddings are averaged per class and
        normalised (ALIGN section 5.3 after CLIP).
      slices: what each split's numbers are also told by: language, source (the host of a record's url, else its file),
        class. The captions and images of a slice ask the whole split, an image by language its captions in that one;
        the 20 largest of a kind are shown. No threshold is set on a slice.
      engine: "tfma" has a worker hold a split's embeddings; "beam" gives the same numbers shard by shard, for splits
        that no worker holds.
      class_names: label -> the names that stand for it in the prompts, averaged as well; for labels that are ids, or
        words that no caption has. A label that is not listed stands for itself. An image is told apart among all labels
        that are listed or that an image of any of `splits` has. A change of splits, prompts or class names judges the
        model anew and trains nothing.

    Examples:
      >>> EvaluationConfig(min_metrics={"validation/t2i_recall_at_10": 0.5}).max_drop_from_baseline
      0.02
    """

    splits: tuple[str, ...] = ("validation",)
    min_metrics: Mapping[str, float] = field(default_factory=dict)
    max_drop_from_baseline: float = 0.02
    prompts: tuple[str, ...] = ("{}", "a photo of {}")
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    slices: tuple[Literal["language", "source", "class"], ...] = ()
    engine: Literal["tfma", "beam"] = "tfma"

    def __post_init__(self) -> None:
        if not self.splits:
            raise ValueError("evaluation.splits is empty; name at least one split to judge the model on")
        for key, value in self.min_metrics.items():
            split, _, metric = key.partition("/")
            if split not in self.splits or metric not in METRICS:
                raise ValueError(
                    f"evaluation.min_metrics has the key {key!r}; write '<split>/<metric>' with a split of "
                    f"{list(self.splits)} and a metric of {list(METRICS)}"
                )
            if not 0 <= value <= 1:
                raise ValueError(f"evaluation.min_metrics[{key!r}] is {value}; it must be in [0, 1]")
        for kind in self.slices:
            if kind not in SLICES or self.slices.count(kind) > 1:
                raise ValueError(f"evaluation.slices is {list(self.slices)}; list some of {list(SLICES)}, each once")
        refuse_other_choices(self, "evaluation.")
        refuse_unless(self, "evaluation", lambda n: 0 <= n <= 1, "in [0, 1]", "max_drop_from_baseline")
        for prompt in self.prompts:
            if prompt.count("{}") != 1:
                raise ValueError(f"evaluation.prompts holds {prompt!r}; a prompt has exactly one '{{}}'")
        if not self.prompts:
            raise ValueError('evaluation.prompts is empty; give at least one template, such as "{}"')
        for label, names in self.class_names.items():
            if not names or not all(name.strip() and "\n" not in name for name in names):
                raise ValueError(
                    f"evaluation.class_names[{label!r}] is {list(names)}; give at least one name, none of them blank "
                    "or of several lines, or leave the label out to have it stand for itself"
                )

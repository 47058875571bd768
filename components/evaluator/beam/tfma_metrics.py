"""The plumbing between TFMA and the metrics: collect a slice's embeddings once, then hand out each number by name.

TFMA imports this module by name, in the process that builds the Beam graph and in each worker.
Legend: N images, C captions of one image, D embedding dimension.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
import tensorflow_text  # noqa: F401  registers the ops that the model's tokenizer is made of
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.evaluator.config import METRICS
from components.evaluator.metrics.classes.zero_shot import zero_shot_metrics
from components.evaluator.metrics.ranked import RECALL_AT
from components.evaluator.metrics.ranking import Floats
from components.evaluator.metrics.retrieval import retrieval_metrics
from components.evaluator.metrics.slices import read_key
from components.evaluator.sharded.one_shard import slice_numbers
from components.evaluator.sharded.sums import Known
from serving.signatures import CAPTION_COUNT, CAPTION_EMBEDDING, IMAGE_EMBEDDING, LABEL, LABEL_EMBEDDING

FACTS = (
    "num_images",
    "num_captions",
    "num_classes",
    "majority_class_share",
    "chance_zero_shot",
    *(f"chance_{way}_recall_at_{k}" for way in ("i2t", "t2i") for k in RECALL_AT),
)
KNOWN = "known"  # the feature that extractors.py adds where slices are asked for: JSON of an Example
ALL_NUMBERS = "_gallery"  # the leading underscore tells TFMA to keep the key to itself


@dataclass
class Gallery:
    """The embeddings of one slice. Merging is associative, and no number depends on the order of the images.

    Attributes:
      images: arrays of [n, D], in all [N, D].
      captions: arrays of [m, D] without padding; the captions of an image stand together, in the images' order.
      caption_counts: [N] captions of each image.
      labels: [N] the class of each image, or "".
      classes: label -> [D], of all classes that the images are told apart by.
      sources: [N] where each image came from; empty where no slice asks.
      languages: [M] of each caption; empty where no slice asks.
    """

    images: list[Floats] = field(default_factory=list)
    captions: list[Floats] = field(default_factory=list)
    caption_counts: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    classes: dict[str, Floats] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)

    def add(self, prediction: Mapping[str, Any], known: str | None = None) -> None:
        """Add what the `evaluate` signature says of one Example, the batch dimension stripped.

        An Example without captions is no image: it asks for its class (components/evaluator/beam/extractors.py).

        Args:
          prediction: image_embedding [D], caption_embedding [C, D] of which the first caption_count rows are
            captions, caption_count, label and label_embedding [D].
          known: the feature KNOWN of the Example, where there is one.
        """
        count = int(np.asarray(prediction[CAPTION_COUNT]).item())
        label = np.asarray(prediction[LABEL]).item()
        label = label.decode("utf-8", "replace") if isinstance(label, bytes) else label
        if not count:
            self.classes[label] = np.asarray(prediction[LABEL_EMBEDDING])
            return
        self.images.append(np.asarray(prediction[IMAGE_EMBEDDING])[None])  # [1, D]
        self.captions.append(np.asarray(prediction[CAPTION_EMBEDDING])[:count])  # [count, D]
        self.caption_counts.append(count)
        self.labels.append(label)
        if known is not None:
            told = json.loads(known)
            self.sources.append(told["source"])
            self.languages += told["languages"]

    def merge(self, other: Gallery) -> None:
        """Add all that another gallery of the same slice holds."""
        self.images += other.images
        self.captions += other.captions
        self.caption_counts += other.caption_counts
        self.labels += other.labels
        self.classes |= other.classes
        self.sources += other.sources
        self.languages += other.languages

    def compact(self) -> None:
        """Join the arrays, which makes the gallery cheap to send between workers."""
        if len(self.images) > 1:
            self.images = [np.concatenate(self.images)]
            self.captions = [np.concatenate(self.captions)]

    def numbers(self, slices: Sequence[str] = ()) -> dict[str, float]:
        """Returns the value of each name in METRICS and FACTS, and those of the slices of these kinds."""
        if not self.images:
            return dict.fromkeys((*METRICS, *FACTS), float("nan"))
        images, captions = np.concatenate(self.images), np.concatenate(self.captions)  # [N, D], [M, D]
        counts = np.array(self.caption_counts)
        numbers = retrieval_metrics(images, captions, counts) | zero_shot_metrics(images, self.labels, self.classes)
        if slices:
            known = Known(self.labels, self.sources)
            numbers |= slice_numbers(images, captions, counts, self.languages, known, self.classes, slices)
        return numbers


class _CollectGallery(beam.CombineFn):
    """Collects the embeddings of one model over one slice and computes all numbers at the end."""

    def __init__(self, key: metric_types.MetricKey, slices: Sequence[str] = ()) -> None:
        self._key, self._slices = key, slices

    def create_accumulator(self) -> Gallery:
        return Gallery()

    def add_input(self, accumulator: Gallery, element: metric_types.StandardMetricInputs) -> Gallery:
        known = np.asarray(element.get_features()[KNOWN]).item() if self._slices else None
        accumulator.add(element.get_predictions(model_name=self._key.model_name or None), known)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Gallery]) -> Gallery:
        merged = Gallery()
        for accumulator in accumulators:
            merged.merge(accumulator)
        return merged

    def compact(self, accumulator: Gallery) -> Gallery:
        accumulator.compact()
        return accumulator

    def extract_output(self, accumulator: Gallery) -> dict[metric_types.MetricKey, Any]:
        numbers = accumulator.numbers(self._slices)
        # What slices there are is known by now alone, so that no metric of the config can name them.
        of_slices = {self._key._replace(name=name): value for name, value in numbers.items() if read_key(name)}
        return {self._key: numbers, **of_slices}


def _pick(
    metrics: Mapping[metric_types.MetricKey, Any], source: metric_types.MetricKey, key: metric_types.MetricKey
) -> dict[metric_types.MetricKey, float]:
    return {key: metrics[source][key.name]}


def _computations(
    name: str, slices: Sequence[str] = (), model_name: str = "", example_weighted: bool = False
) -> metric_types.MetricComputations:
    # Every metric names the same collecting computation; TFMA keeps one of equals, so a slice is computed once.
    source = metric_types.MetricKey(name=ALL_NUMBERS, model_name=model_name, example_weighted=example_weighted)
    key = metric_types.MetricKey(name=name, model_name=model_name, example_weighted=example_weighted)
    return [
        metric_types.MetricComputation(
            keys=[source],
            preprocessors=[metric_types.FeaturePreprocessor([KNOWN])] if slices else None,
            combiner=_CollectGallery(source, slices),
        ),
        metric_types.DerivedMetricComputation(keys=[key], result=functools.partial(_pick, source=source, key=key)),
    ]


class GalleryMetric(tfma.metrics.Metric):
    """One number of METRICS or FACTS over a split, which is one gallery, and all numbers of its slices.

    Args:
      name: which number.
      slices: kinds of slices; the same for all metrics of a config.

    Raises:
      ValueError: the name is none of METRICS and FACTS.
    """

    def __init__(self, name: str, slices: Sequence[str] = ()) -> None:
        if name not in (*METRICS, *FACTS):
            raise ValueError(f"name is {name!r}; it must be one of {[*METRICS, *FACTS]}")
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name, slices=tuple(slices))
        self.slices = tuple(slices)


class ZeroShotMetric(GalleryMetric):
    """A GalleryMetric that depends on what the classes ask with, so that TFMA's config says what was asked.

    Args:
      name: which number.
      prompts: templates with one "{}" for a name of the class.
      class_names: label -> its names; a label that is not listed is its own name.
      slices: kinds of slices.
    """

    def __init__(
        self, name: str, prompts: Sequence[str], class_names: Mapping[str, Sequence[str]], slices: Sequence[str] = ()
    ) -> None:
        super().__init__(name, slices)
        self.prompts, self.class_names = prompts, class_names

"""The Beam job of the sharded Evaluator: from files of Examples to the numbers, and from these to what TFMA writes.

1. `embed_pass` shows each file to the models once and puts its embeddings aside, in shards of bounded size.
2. `rank_pass` has blocks of images meet all shards of their split: what beats a right answer is counted, and counts add
   up. A worker holds a block and a shard, never a gallery.
3. The sums are divided, validated and written by TFMA's own code.

Only paths, counts and sums travel between workers, and one embedding a class.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from apache_beam import pvalue
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers.eval_config_writer import EvalConfigWriter
from tensorflow_model_analysis.writers.metrics_plots_and_validations_writer import MetricsPlotsAndValidationsWriter

from components.evaluator.beam.class_examples import class_examples
from components.evaluator.metrics.ranking import Floats
from components.evaluator.sharded.passes.embed_pass import (
    CAPTIONS_PER_SHARD,
    EXAMPLES_PER_BATCH,
    FACTS,
    EmbedClasses,
    EmbedFile,
    EmbedTask,
    Models,
)
from components.evaluator.sharded.passes.rank_pass import (
    IMAGES_PER_BLOCK,
    AddUp,
    AddUpCounts,
    Classes,
    RankBlock,
    TallyShard,
    plan,
)
from components.evaluator.sharded.sums import Facts, Tally, numbers_of
from components.schema import SPLIT

CLASSES_PER_BATCH = 32


@dataclass(frozen=True)
class Question:
    """What the models are asked.

    Attributes:
      prompts, class_names: as EvaluationConfig has them.
      slices: kinds of slices.
    """

    prompts: Sequence[str]
    class_names: Mapping[str, Sequence[str]]
    slices: Sequence[str]


class Sizes(NamedTuple):
    """What a worker holds at once: Examples that a model is shown, captions of a shard, images of a block.

    The latter two are exceeded by what the last batch and the last shard bring.
    """

    examples_per_batch: int = EXAMPLES_PER_BATCH
    captions_per_shard: int = CAPTIONS_PER_SHARD
    images_per_block: int = IMAGES_PER_BLOCK


def evaluate(
    pipeline: beam.Pipeline,
    files: Mapping[str, Sequence[str]],
    models: Sequence[str],
    question: Question,
    folder: str,
    sizes: Sizes = Sizes(),  # noqa: B008 - a tuple of numbers
) -> beam.PCollection:
    """Judge models on files of Examples.

    Args:
      pipeline: in which to.
      files: split -> its files.
      models: folder of each SavedModel.
      question: what they are asked.
      folder: for the shards; whoever runs the pipeline deletes it.
      sizes: of what a worker holds.

    Returns:
      (split, [(number of a model, its numbers by name)]) of each split that has an image.
    """
    sources = [(split, source) for split, of in files.items() for source in of]
    tasks = [EmbedTask(index, split, source) for index, (split, source) in enumerate(sources)]
    shown = Models(models)
    embedded = (
        pipeline
        | "Files" >> beam.Create(tasks)
        | "SpreadFiles" >> beam.Reshuffle()
        | "Embed"
        >> beam.ParDo(
            EmbedFile(shown, folder, question.slices, sizes.examples_per_batch, sizes.captions_per_shard)
        ).with_outputs(FACTS, main="shards")
    )
    facts = embedded[FACTS] | "Facts" >> beam.CombinePerKey(AddUp(Facts))
    classes = (
        facts
        | "Labels" >> beam.Map(lambda of: set(of[1].labels))
        | "Distinct" >> beam.CombineGlobally(_union)
        | "Ask" >> beam.FlatMap(_class_batches, question)
        | "SpreadClasses" >> beam.Reshuffle()
        | "EmbedClasses" >> beam.ParDo(EmbedClasses(shown))
        | "OfModel" >> beam.GroupByKey()
        | "Classes" >> beam.MapTuple(_stack)
    )
    known = pvalue.AsDict(facts), pvalue.AsDict(classes)
    return (
        embedded.shards
        | "OfSplit" >> beam.GroupByKey()
        | "Plan" >> beam.FlatMap(plan, len(models), sizes.images_per_block)
        | "SpreadBlocks" >> beam.Reshuffle()
        | "Rank" >> beam.ParDo(RankBlock())
        | "AddUpCounts" >> beam.CombinePerKey(AddUpCounts())
        | "Tally" >> beam.ParDo(TallyShard(), *known)
        | "AddUp" >> beam.CombinePerKey(AddUp(Tally))
        | "Divide" >> beam.Map(_divide, *known)
        | "Models" >> beam.GroupByKey()
    )


def write(numbers: beam.PCollection, config: config_pb2.EvalConfig, models: Mapping[str, str], output: str) -> None:
    """Validate numbers and write both as TFMA does.

    Args:
      numbers: of `evaluate`.
      config: as TFMA takes it.
      models: name by which the config knows a model -> its folder; in the order of `numbers`.
      output: folder of the evaluation.
    """
    sliced = numbers | "AsTfma" >> beam.Map(_as_tfma, list(models))
    evaluation = {
        tfma.METRICS_KEY: sliced,
        tfma.VALIDATIONS_KEY: sliced | "Validate" >> beam.Map(metrics_validator.validate_metrics, config),
    }
    paths = {key: posixpath.join(output, key) for key in evaluation}
    writers = [
        EvalConfigWriter(output, eval_config=config, model_locations=dict(models)),
        MetricsPlotsAndValidationsWriter(paths, eval_config=config),
    ]
    _ = evaluation | "Write" >> tfma.WriteResults(writers=writers)


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _class_batches(labels: set[str], question: Question) -> Iterator[dict[str, bytes]]:
    examples = list(class_examples(labels, question.prompts, question.class_names).items())
    for start in range(0, len(examples), CLASSES_PER_BATCH):
        yield dict(examples[start : start + CLASSES_PER_BATCH])


def _stack(model: int, embedded: Iterable[tuple[str, Floats]]) -> tuple[int, Classes]:
    by_label = dict(embedded)
    labels = sorted(by_label)
    return model, Classes(labels, np.stack([by_label[label] for label in labels]))


def _divide(
    tallied: tuple[tuple[str, int], Tally], facts: Mapping[str, Facts], classes: Mapping[int, Classes]
) -> tuple[str, tuple[int, dict[str, float]]]:
    (split, model), tally = tallied
    texts = classes.get(model, Classes((), np.empty((0, 0))))
    is_finite = bool(np.isfinite(texts.embedding).all())
    return split, (model, numbers_of(facts[split], tally, len(texts.labels), finite_classes=is_finite))


def _as_tfma(
    numbers_of_split: tuple[str, Iterable[tuple[int, dict[str, float]]]], names: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], dict[metric_types.MetricKey, float]]:
    """Returns the key of a split's slice and its metrics, those of a baseline as differences too."""
    split, numbers = numbers_of_split
    by_model = dict(numbers)
    metrics = {
        metric_types.MetricKey(name=name, model_name=names[model], example_weighted=False): value
        for model, of in sorted(by_model.items())
        for name, value in of.items()
    }
    if len(by_model) > 1:
        candidate, baseline = by_model[0], by_model[1]
        metrics |= {
            metric_types.MetricKey(name=name, model_name=names[0], example_weighted=False).make_diff_key(): candidate[
                name
            ]
            - baseline[name]
            for name in candidate.keys() & baseline.keys()
        }
    return ((SPLIT, split),), metrics

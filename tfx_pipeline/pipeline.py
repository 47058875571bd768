"""The pipeline, one for all runners: read it from top to bottom and you have the data flow."""

from __future__ import annotations

import dataclasses
import itertools
import posixpath
from collections.abc import Callable

import tensorflow_data_validation as tfdv
from ml_metadata.proto import metadata_store_pb2
from tfx.components import ExampleValidator, Pusher, StatisticsGen
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2

from components import schema
from components.artifact_files import VOCABULARY_FILE
from components.component_ids import EVALUATOR, TRAINER
from components.evaluator.baseline.component import VERSION, BaselineModel
from components.evaluator.component import AlignEvaluator
from components.files.content import content_hash
from components.pair_example_gen.component import read_pairs
from components.pair_filter.component import PairFilter
from components.trainer.component import AlignTrainer
from components.validation.component import build_gates, build_schema
from components.vocabulary.component import VocabularyLearner
from components.vocabulary.config import VocabularyConfig
from tfx_pipeline.settings.config import Config

RUN_FN = "models.trainer.run_fn"  # by name: compiling a pipeline needs no model code

# Encoded images, hashes and record names differ in each Example: their statistics cost much and say nothing.
DESCRIBED_FEATURES = [
    schema.IMAGE_WIDTH,
    schema.IMAGE_HEIGHT,
    schema.CAPTION_TEXT,
    schema.CAPTION_LANGUAGE,
    schema.CLASS_LABEL,
    schema.SPLIT,
]


def create_pipeline(
    config: Config,
    *,
    artifact_root: str,
    push_to: str,
    checkpoints: str,
    metadata: metadata_store_pb2.ConnectionConfig | None = None,
    content_of: Callable[[str], str] = content_hash,
) -> Pipeline:
    """Build the pipeline that turns image-text pairs into a judged and pushed dual encoder.

    Args:
      config: what to read, how to train, when to bless.
      artifact_root: folder or bucket for every artifact.
      push_to: folder that receives <version>/ for each blessed model.
      checkpoints: folder for what an interrupted training goes on from.
      metadata: connection to ML Metadata, where the runner does not bring its own.
      content_of: path or address that the config names -> a hash of what it holds, on which caches depend.

    Returns:
      A pipeline for any TFX runner.
    """
    files, pairs = read_pairs(config.ingest)
    statistics = StatisticsGen(
        examples=pairs.outputs["examples"], stats_options=tfdv.StatsOptions(feature_allowlist=DESCRIBED_FEATURES)
    )
    held_to = build_schema(config.validation, statistics=statistics.outputs["statistics"], content_of=content_of)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=held_to.outputs["schema"])
    gates = build_gates(config.validation, anomalies=validator.outputs["anomalies"])
    judged_elsewhere = {name: read_pairs(read) for name, read in config.evaluation_sets.items()}
    kept = PairFilter(
        config.filter,
        examples=pairs.outputs["examples"],
        evaluation_examples={name: images.outputs["examples"] for name, (_, images) in judged_elsewhere.items()},
        content_of=content_of,
    )
    kept.add_upstream_nodes(gates)
    vocabulary = VocabularyLearner(vocabulary_of(config), captions=kept.outputs["captions"], content_of=content_of)
    trainer = AlignTrainer(
        run_fn=RUN_FN,
        examples=kept.outputs["examples"],
        vocabulary=vocabulary.outputs["vocabulary"],
        counts=kept.outputs["counts"],
        custom_config={
            "model": dataclasses.asdict(config.model),
            "training": dataclasses.asdict(config.training),
            "checkpoints": checkpoints,
            "max_image_pixels": max(
                read.max_image_pixels for read in (config.ingest, *config.evaluation_sets.values())
            ),
        },
        base_model_content=content_of(config.training.base_model) if config.training.base_model else "",
    ).with_id(TRAINER)
    baseline = BaselineModel(trainer.outputs["model"], pushed_models=push_to)
    evaluator = AlignEvaluator(
        config.evaluation,
        examples=kept.outputs["examples"],
        model=trainer.outputs["model"],
        baseline=baseline.outputs[VERSION].future()[0].value,
    ).with_id(EVALUATOR)
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=push_to)
        ),
    )
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=artifact_root,
        components=[
            files,
            pairs,
            statistics,
            held_to,
            validator,
            *gates,
            *itertools.chain.from_iterable(judged_elsewhere.values()),
            kept,
            vocabulary,
            trainer,
            baseline,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=[*config.beam.pipeline_args()],
    )


def vocabulary_of(config: Config) -> VocabularyConfig:
    """Returns what the Vocabulary component does: a base model's vocabulary is taken where none is named."""
    if config.training.base_model is None or config.vocabulary.file is not None:
        return config.vocabulary
    return dataclasses.replace(config.vocabulary, file=posixpath.join(config.training.base_model, VOCABULARY_FILE))

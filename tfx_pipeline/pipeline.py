"""The pipeline, one for all runners: read it from top to bottom and you have the data flow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import tensorflow_data_validation as tfdv
from ml_metadata.proto import metadata_store_pb2
from tfx.components import ExampleValidator, StatisticsGen
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2

from components import schema
from components.component_ids import CONTENTS, CURATED_SCHEMA, EVALUATOR, PAIR_FILTER, TRAINER, VOCABULARY
from components.contents.component import CONTENT, Contents
from components.evaluator.baseline.component import VERSION, BaselineModel
from components.evaluator.component import AlignEvaluator
from components.evaluator.sharded.component import ShardedEvaluator
from components.exporter.component import Exporter
from components.pair_example_gen.component import read_pairs
from components.pair_filter.component import PairFilter
from components.pusher.component import Pusher
from components.serving_validator.component import ServingValidator
from components.trainer.component import AlignTrainer
from components.validation.component import build_gates, build_schema
from components.vocabulary.component import VocabularyLearner
from tfx_pipeline.settings.config import Config
from tfx_pipeline.settings.paths import paths_of, vocabulary_of

# By name: compiling a pipeline needs no model code.
RUN_FN = "models.trainer.run_fn"
EXPORT_FN = "models.saving.halves.export_anew"
EVALUATORS = {"tfma": AlignEvaluator, "beam": ShardedEvaluator}

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
    checkpoints: str | None = None,
    metadata: metadata_store_pb2.ConnectionConfig | None = None,
    training_of_the_run: Mapping[str, RuntimeParameter] | None = None,
) -> Pipeline:
    """Build the pipeline that turns image-text pairs into a judged and pushed dual encoder.

    Args:
      config: what to read, how to train, when to bless.
      artifact_root: folder or bucket for every artifact.
      push_to: folder that receives <version>/ for each blessed model.
      checkpoints: folder for what an interrupted training goes on from; None for one among the artifacts.
      metadata: connection to ML Metadata, where the runner does not bring its own.
      training_of_the_run: settings of training -> the parameters of a run that take their place, on runners with such.

    Returns:
      A pipeline for any TFX runner.
    """
    contents = {of: Contents(paths).with_id(f"{CONTENTS}-{of}") for of, paths in paths_of(config).items() if paths}
    content = {of: found.outputs[CONTENT].future()[0].value for of, found in contents.items()}
    max_image_pixels = max(read.max_image_pixels for read in (config.ingest, *config.evaluation_sets.values()))
    files, pairs = read_pairs(config.ingest)
    statistics = StatisticsGen(
        examples=pairs.outputs["examples"], stats_options=tfdv.StatsOptions(feature_allowlist=DESCRIBED_FEATURES)
    )
    held_to = build_schema(
        config.validation, statistics=statistics.outputs["statistics"], content=content.get(CURATED_SCHEMA, "")
    )
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=held_to.outputs["schema"])
    gates = build_gates(config.validation, anomalies=validator.outputs["anomalies"])
    judged_elsewhere = {name: read_pairs(read) for name, read in config.evaluation_sets.items()}
    kept = PairFilter(
        config.filter,
        examples=pairs.outputs["examples"],
        evaluation_examples={name: images.outputs["examples"] for name, (_, images) in judged_elsewhere.items()},
        models=content.get(PAIR_FILTER, ""),
    )
    kept.add_upstream_nodes(gates)
    vocabulary = VocabularyLearner(
        vocabulary_of(config), captions=kept.outputs["captions"], content=content.get(VOCABULARY, "")
    )
    trainer = AlignTrainer(
        run_fn=RUN_FN,
        examples=kept.outputs["examples"],
        vocabulary=vocabulary.outputs["vocabulary"],
        counts=kept.outputs["counts"],
        custom_config={
            "model": dataclasses.asdict(config.model),
            "training": dataclasses.asdict(config.training),
            "checkpoints": checkpoints,
            "max_image_pixels": max_image_pixels,
        },
        base_model_content=content.get(TRAINER, ""),
        of_the_run=training_of_the_run,
    ).with_id(TRAINER)
    exported = [
        Exporter(
            config.export,
            model_run=trainer.outputs["model_run"],
            export_fn=EXPORT_FN,
            max_image_pixels=max_image_pixels,
        )
    ] * config.export.is_needed
    model = (exported or [trainer])[0].outputs["model"]
    baseline = BaselineModel(model, pushed_models=push_to)
    evaluator = EVALUATORS[config.evaluation.engine](
        config.evaluation,
        examples=kept.outputs["examples"],
        model=model,
        baseline=baseline.outputs[VERSION].future()[0].value,
    ).with_id(EVALUATOR)
    held_to_float32 = {"float32_model": trainer.outputs["model"], "min_cosine": config.export.min_cosine}
    served = ServingValidator(config.serving_validation, model=model, **(held_to_float32 if exported else {}))
    pusher = Pusher(
        config.card,
        config.name,
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=served.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=push_to)
        ),
        sources={name: read.shards for name, read in {"ingest": config.ingest, **config.evaluation_sets}.items()},
        told={
            "ingest_report": pairs.outputs["report"],
            "filter_report": kept.outputs["report"],
            "vocabulary": vocabulary.outputs["vocabulary"],
            "model_run": trainer.outputs["model_run"],
            "evaluation": evaluator.outputs["evaluation"],
        },
    )
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=artifact_root,
        components=[
            *contents.values(),
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
            *exported,
            baseline,
            evaluator,
            served,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=[*config.beam.pipeline_args()],
    )

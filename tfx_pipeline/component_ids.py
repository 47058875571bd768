"""The ids of a pipeline's components as the live view shows them, known without TFX's half minute of imports."""

from __future__ import annotations

from collections.abc import Iterable

from components.closest_name import did_you_mean
from tfx_pipeline.settings.config import Config, ConfigError


def component_ids(config: Config) -> list[str]:
    """Returns the ids of what tfx_pipeline/pipeline.py builds from a config, in no order; a test holds them equal."""
    return [
        "PairExampleGen",
        "StatisticsGen",
        "SchemaGen" if config.validation.schema is None else "CuratedSchema",
        "ExampleValidator",
        *["AnomalyGate"] * (config.validation.on_anomalies == "stop"),
        *(f"EvaluationSet.{name}" for name in config.evaluation_sets),
        "PairFilter",
        "Vocabulary",
        "Trainer",
        "BaselineModel",
        "Evaluator",
        "Pusher",
    ]


def check_rerun(rerun: Iterable[str], config: Config) -> None:
    """Raise ConfigError where a name is no component's; it names the closest one."""
    known = component_ids(config)
    for name in rerun:
        if name not in known:
            hint = did_you_mean(name, known) or f"; the components are {', '.join(known)}"
            raise ConfigError(f"--rerun is {name!r}, which is no component of this pipeline{hint}")

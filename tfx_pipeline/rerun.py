"""What may be named for `--rerun`: a pipeline's components, known without TFX's half minute of imports."""

from __future__ import annotations

from collections.abc import Iterable

from components import component_ids as ids
from components.closest_name import did_you_mean
from tfx_pipeline.settings.config import Config, ConfigError
from tfx_pipeline.settings.paths import paths_of


def known_components(config: Config) -> list[str]:
    """Returns the ids of what tfx_pipeline/pipeline.py builds from a config, in no order; a test holds them equal."""
    return [
        *(f"{ids.CONTENTS}-{component}" for component, paths in paths_of(config).items() if paths),
        ids.PAIR_FILES,
        ids.PAIR_EXAMPLE_GEN,
        ids.STATISTICS_GEN,
        ids.SCHEMA_GEN if config.validation.schema is None else ids.CURATED_SCHEMA,
        ids.EXAMPLE_VALIDATOR,
        *[ids.ANOMALY_GATE] * (config.validation.on_anomalies == "stop"),
        *(f"{ids.PAIR_FILES}-{name}" for name in config.evaluation_sets),
        *(f"{ids.EVALUATION_SET}-{name}" for name in config.evaluation_sets),
        ids.PAIR_FILTER,
        ids.VOCABULARY,
        ids.TRAINER,
        *[ids.EXPORTER] * config.export.is_needed,
        ids.BASELINE_MODEL,
        ids.EVALUATOR,
        ids.SERVING_VALIDATOR,
        ids.PUSHER,
    ]


def check_rerun(rerun: Iterable[str], config: Config) -> None:
    """Raise ConfigError where a name is no component's; it names the closest one."""
    known = known_components(config)
    for name in rerun:
        if name not in known:
            hint = did_you_mean(name, known) or f"; the components are {', '.join(known)}"
            raise ConfigError(f"--rerun is {name!r}, which is no component of this pipeline{hint}")

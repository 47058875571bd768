"""The whole configuration: sections composed, presets and files loaded, every wrong field named."""

from __future__ import annotations

import dataclasses
import functools
import json
import os.path
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.closest_name import did_you_mean
from components.config_fields import NO_VALUE, build_fields, kind
from components.evaluator.config import ZERO_SHOT_METRICS, EvaluationConfig
from components.exporter.config import ExportConfig
from components.pair_example_gen.config import EvaluationSetConfig, IngestConfig
from components.pair_filter.config import FilterConfig
from components.pusher.config import CardConfig
from components.serving_validator.config import ServingValidationConfig
from components.validation.config import ValidationConfig
from components.vocabulary.config import VocabularyConfig
from models.config import ModelConfig
from models.training_config import TrainingConfig
from tfx_pipeline.settings.beam_config import BeamConfig
from tfx_pipeline.settings.cluster_config import ClusterConfig
from tfx_pipeline.settings.sweeps import read_sweep, row_names
from tfx_pipeline.settings.yaml_text import read_yaml, write_yaml_line

PRESETS = Path(__file__).parents[1] / "presets"
BASE_KEY = "preset"  # the key of a config file that names the preset it starts from
PATH_FIELDS = (  # where ~ is the home folder; relative to the file that sets them, but for output; * is any key
    "output",
    "ingest.shards",
    "ingest.image_folder",
    "evaluation_sets.*.shards",
    "evaluation_sets.*.image_folder",
    "validation.schema",
    "filter.neighbours.model.path",
    "filter.unsafe.model.path",
    "vocabulary.file",
    "training.base_model",
)


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the field, the value and the remedy."""


@contextmanager
def as_config_error(kinds: type[Exception] | tuple[type[Exception], ...] = ValueError) -> Iterator[None]:
    """Raise what a block raises of these kinds as a ConfigError, in the same words; the system's in `unusable`'s."""
    try:
        yield
    except kinds as error:
        raise ConfigError(unusable(error) if isinstance(error, OSError) else str(error)) from error


def unusable(error: OSError) -> str:
    """Returns what to say of a file that the system does not let us read or write; of other errors their own words."""
    if error.errno is None or error.filename is None:
        return str(error)
    said = f"{error.filename} cannot be read or written ({error.strerror})"
    return f"{said}; see to its rights and the room there, or name another place"


@dataclass(frozen=True)
class Config:
    """Everything that a run depends on; one attribute per section of a config file.

    Attributes:
      name: pipeline name, lower-case letters, digits and hyphens: Kubeflow and Vertex allow no other.
      output: folder for results; a relative path starts at the working directory.
      evaluation_sets: name -> images of which none may be in the train split; where they are is said as in `ingest`.
      ingest, validation, filter, vocabulary, model, training, export: see each section's class.
      evaluation, serving_validation, card, beam, cluster: see each section's class.
    """

    name: str = "align"
    output: str = "output"
    ingest: IngestConfig = field(default_factory=IngestConfig)
    evaluation_sets: Mapping[str, EvaluationSetConfig] = field(default_factory=dict)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    filter: FilterConfig = field(default_factory=FilterConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    serving_validation: ServingValidationConfig = field(default_factory=ServingValidationConfig)
    card: CardConfig = field(default_factory=CardConfig)
    beam: BeamConfig = field(default_factory=BeamConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise ConfigError(f"name is {self.name!r}; use lower-case letters, digits and hyphens, such as 'my-align'")
        splits = self.ingest.split_names
        for section, names in (("filter", self.filter.splits), ("evaluation", self.evaluation.splits)):
            for name in names:
                if name not in splits:
                    raise ConfigError(f"{section}.splits names {name!r}, but ingest makes {splits}; name one of those")
        for name in self.evaluation.min_metrics:
            if name.partition("/")[2] in ZERO_SHOT_METRICS and self.ingest.fields.label is None:
                raise ConfigError(
                    f"evaluation.min_metrics names {name!r}, but ingest.label_field is null, so no image has a class; "
                    "set it to the field with the class, or leave the metric out"
                )
        for name in self.evaluation_sets:
            if name in splits:
                raise ConfigError(
                    f"evaluation_sets has the key {name!r}, which is a split of ingest; name the set anew"
                )
        if self.evaluation_sets and not self.filter.compares_images:
            raise ConfigError(
                f"evaluation_sets names {', '.join(self.evaluation_sets)}, but the filter compares no images; set "
                'filter.drop_evaluation_images to true and keep "train" in filter.splits, or leave the sets out'
            )

    @property
    def root(self) -> Path:
        """Folder of everything that local runs of this pipeline write."""
        return Path(self.output) / self.name

    def to_mapping(self) -> dict[str, Any]:
        """Returns the config as plain dicts, lists and scalars, ready for YAML."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


def preset_names() -> list[str]:
    """Returns the names of the presets that come with the project."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load(source: str, overrides: Mapping[str, str] | None = None) -> Config:
    """Load a config from a preset, a YAML file or a row of a sweep.

    A file may start from a preset (`preset: demo`) and override fields by name; a mapping or list that is given
    replaces the one below it whole. `overrides` come last.

    Args:
      source: a preset's name, the path of a YAML file, or SWEEP/ROW: that row over the preset that the sweep names.
      overrides: dotted field name -> value as YAML text, such as {"training.seed": "1"}.

    Returns:
      The checked config.

    Raises:
      ConfigError: for a preset or file that does not exist, for a field that does not exist (with the closest one
        that does), for a value of the wrong type or out of range.

    Examples:
      >>> load("b7-base", {"training.seed": "1"}).training.batch
      16384
      >>> load("demo", {"training.sed": "1"})
      Traceback (most recent call last):
        ...
      tfx_pipeline.settings.config.ConfigError: training.sed is not a field; did you mean training.seed?
    """
    values = _values_of(source)
    _override(values, overrides or {})
    for dotted in PATH_FIELDS:
        _change(values, dotted.split("."), functools.partial(at_home, name=dotted))
    return build(values)


def build(values: Mapping[str, Any]) -> Config:
    """Build a Config from nested mappings as `Config.to_mapping` returns them; raises ConfigError."""
    with as_config_error():
        return build_fields(Config, values)


def _values_of(source: str) -> dict[str, Any]:
    if source in preset_names():
        return _read(PRESETS / f"{source}.yaml")
    path = Path(source)
    if path.is_file():
        return _read(path)
    rows = row_names()
    if source in rows:
        return _values_of_row(*source.split("/"))
    hint = did_you_mean(source, [*preset_names(), *rows]) or f"; presets are {', '.join(preset_names())}"
    raise ConfigError(f"--config {source!r} is neither a preset nor a file{hint}")


def _values_of_row(sweep_name: str, row_name: str) -> dict[str, Any]:
    sweep = read_sweep(sweep_name)
    values = _read(PRESETS / f"{sweep.preset}.yaml")
    _override(values, {name: write_yaml_line(value) for name, value in sweep.over.items()})
    _override(values, sweep.overrides(sweep.rows[row_name]))
    return {**values, "name": f"align-{sweep_name}-{row_name}"}


def _override(values: dict[str, Any], overrides: Mapping[str, str]) -> None:
    """Set fields to values that are YAML text, in place."""
    for dotted, text in overrides.items():
        with as_config_error():
            value = read_yaml(text, f"--set {dotted}={text}", "the value")
        _put(values, dotted.split("."), value)


def _read(path: Path) -> dict[str, Any]:
    """Returns a file's values over those of the preset it starts from, with relative paths resolved."""
    with as_config_error():
        values = read_yaml(path.read_bytes(), str(path))
    if values is None:
        raise ConfigError(f"{path} is empty; a config file is a mapping of sections, or 'preset: small' alone")
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {kind(values)}; a config file is a mapping of sections such as 'training:'")
    base = values.pop(BASE_KEY, None)
    for dotted in PATH_FIELDS[1:]:
        _change(values, dotted.split("."), functools.partial(_beside, path))
    if base is None:
        return values
    if base not in preset_names():
        raise ConfigError(f"{path}: {BASE_KEY} is {base!r}, which does not exist; presets are {preset_names()}")
    below = _read(PRESETS / f"{base}.yaml")
    _merge(below, values)
    return below


def at_home(path: str, name: str) -> str:
    """Returns a path with the home folder in place of ~, which shells leave in --out=~/x and YAML everywhere.

    Raises:
      ConfigError: naming the field or option, where ~ is followed by no user's name.
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise ConfigError(f"{name} is {path!r}, the home of nobody here; write the folder in full, or as './{path}'")
    return expanded


def _beside(file: Path, path: str) -> str:
    """Returns a path that starts at the folder of the file that sets it; addresses and ~ are left as they are."""
    return path if path in NO_VALUE or "://" in path or path.startswith("~") else str((file.parent / path).resolve())


def _change(values: dict[str, Any], parts: Sequence[str], change: Callable[[str], str]) -> None:
    """Change a text in place: the one to which `parts` lead, or those where a part is *."""
    part, *rest = parts
    for key in [key for key in values if part in ("*", key)]:
        value = values[key]
        if rest and isinstance(value, dict):
            _change(value, rest, change)
        elif not rest and isinstance(value, str):
            values[key] = change(value)


def _put(values: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Set the one field to which `parts` lead, in place."""
    *above, last = parts
    for part in above:
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    if above:
        values[last] = value
    else:
        _merge(values, {last: value})


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Lay the fields of `above` over `below`, section by section, in place."""
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            below[key].update(value)
        else:
            below[key] = value

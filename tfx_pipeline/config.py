"""The whole configuration: sections composed, presets and files loaded, every wrong field named."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.evaluator.config import EvaluationConfig
from components.pair_example_gen.config import IngestConfig
from components.pair_filter.config import FilterConfig
from components.vocabulary.config import VocabularyConfig
from models.config import ModelConfig, TrainingConfig
from tfx_pipeline.beam_config import BeamConfig

PRESETS = Path(__file__).parent / "presets"
BASE_KEY = "preset"  # the key of a config file that names the preset it starts from
_PATH_FIELDS = frozenset({"ingest.shards", "ingest.image_folder"})  # relative to the file that sets them


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the field, the value and the remedy."""


@dataclass(frozen=True)
class Config:
    """Everything that a run depends on; one attribute per section of a config file.

    Attributes:
      name: pipeline name, lower-case letters, digits and hyphens: Kubeflow and Vertex allow no other.
      output: folder for results; a relative path starts at the working directory.
      ingest, filter, vocabulary, model, training, evaluation, beam: see each section's class.
    """

    name: str = "align"
    output: str = "output"
    ingest: IngestConfig = field(default_factory=IngestConfig)
    filter: FilterConfig = field(default_factory=FilterConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    beam: BeamConfig = field(default_factory=BeamConfig)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise ConfigError(f"name is {self.name!r}; use lower-case letters, digits and hyphens, such as 'my-align'")
        splits = self.ingest.split_names
        for section, names in (("filter", self.filter.splits), ("evaluation", self.evaluation.splits)):
            for name in names:
                if name not in splits:
                    raise ConfigError(f"{section}.splits names {name!r}, but ingest makes {splits}; name one of those")

    @property
    def root(self) -> Path:
        """Folder of everything that local runs of this pipeline write."""
        return Path(self.output) / self.name

    def to_mapping(self) -> dict[str, Any]:
        """Returns the config as plain dicts, lists and scalars, ready for YAML."""
        return _plain(dataclasses.asdict(self))


def preset_names() -> list[str]:
    """Returns the names of the presets that come with the project."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load(source: str, overrides: Mapping[str, str] | None = None) -> Config:
    """Load a config from a preset or a YAML file.

    A file may start from a preset (`preset: demo`) and override fields by name; a mapping or list that is given
    replaces the one below it whole. `overrides` come last.

    Args:
      source: a preset's name or the path of a YAML file.
      overrides: dotted field name -> value as YAML text, such as {"training.seed": "1"}.

    Returns:
      The checked config.

    Raises:
      ConfigError: for a preset or file that does not exist, for a field that does not exist (with the closest one
        that does), for a value of the wrong type or out of range.
    """
    values = _read(_locate(source))
    for dotted, text in (overrides or {}).items():
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {dotted}={text}: the value is not YAML; quote it, as in '\"text\"'") from error
        section, _, name = dotted.rpartition(".")
        _merge(values, {section: {name: value}} if section else {name: value})
    return build(values)


def build(values: Mapping[str, Any]) -> Config:
    """Build a Config from nested mappings as `Config.to_mapping` returns them; raises ConfigError."""
    return _build(Config, values, prefix="")


def _locate(source: str) -> Path:
    if source in preset_names():
        return PRESETS / f"{source}.yaml"
    path = Path(source)
    if path.is_file():
        return path
    close = difflib.get_close_matches(source, preset_names(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"presets are {', '.join(preset_names())}"
    raise ConfigError(f"--config {source!r} is neither a preset nor a file; {hint}")


def _read(path: Path) -> dict[str, Any]:
    """Returns a file's values over those of the preset it starts from, with relative paths resolved."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}; mend that line") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {_kind(values)}; a config file is a mapping of sections such as 'training:'")
    base = values.pop(BASE_KEY, None)
    for dotted in _PATH_FIELDS:
        section, _, name = dotted.partition(".")
        inner = values.get(section)
        if isinstance(inner, dict) and isinstance(inner.get(name), str) and inner[name] and "://" not in inner[name]:
            inner[name] = str((path.parent / Path(inner[name]).expanduser()).resolve())
    if base is None:
        return values
    if base not in preset_names():
        raise ConfigError(f"{path}: {BASE_KEY} is {base!r}, which does not exist; presets are {preset_names()}")
    below = _read(PRESETS / f"{base}.yaml")
    _merge(below, values)
    return below


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Lay the fields of `above` over `below`, section by section, in place."""
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            below[key].update(value)
        else:
            below[key] = value


def _build(cls: type, values: Any, prefix: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{prefix.rstrip('.')} is {_kind(values)}; it must be a mapping of its fields")
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]
    for key in values:
        if key not in known:
            raise ConfigError(f"{prefix}{key} is not a field{_closest(str(key), prefix, known)}")
    try:
        return cls(**{key: _convert(value, hints[key], f"{prefix}{key}") for key, value in values.items()})
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _closest(key: str, prefix: str, known: list[str]) -> str:
    """Returns '; did you mean X?': the same name in another section, else the closest name in this one."""
    namesakes = [
        f"{section}.{key}"
        for section, hint in typing.get_type_hints(Config).items()
        if dataclasses.is_dataclass(hint) and key in {f.name for f in dataclasses.fields(hint)}
    ]
    close = namesakes or [f"{prefix}{name}" for name in difflib.get_close_matches(key, known, n=1, cutoff=0.5)]
    return f"; did you mean {close[0]}?" if close else f"; the fields are {', '.join(known)}"


def _convert(value: Any, hint: Any, name: str) -> Any:
    """Returns `value` as the annotated type, or raises ConfigError naming the field."""
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), value, prefix=f"{name}.")
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        for option in typing.get_args(hint):
            try:
                return _convert(value, option, name)
            except ConfigError:
                continue
        raise ConfigError(f"{name} is {_kind(value)}; it must be {_wanted(hint)}")
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(item, typing.get_args(hint)[0], f"{name}[{i}]") for i, item in enumerate(value))
    if origin is tuple:
        raise ConfigError(f"{name} is {_kind(value)}; it must be a list, such as [{value}]")
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} is {_kind(value)}; it must be a mapping")
        inner = typing.get_args(hint)[1]
        return {str(key): _convert(item, inner, f"{name}.{key}") for key, item in value.items()}
    if hint is float and (type(value) is int or _is_yaml_float(value)):
        value = float(str(value))  # by way of text, since a whole number too great for a float is then infinite
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        raise ConfigError(f"{name} is {_kind(value)}; it must be {_wanted(hint)}")
    return value


def _is_yaml_float(value: Any) -> bool:
    """Says whether a value is a float that YAML 1.1 reads as text: 1e-3, without a point."""
    return isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value) is not None


_WANTED = {
    int: "a whole number",
    float: "a finite number",
    str: "text",
    bool: "true or false",
    type(None): "null",
    tuple: "a list",
}


def _wanted(hint: Any) -> str:
    """Returns what a field takes, in words."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return " or ".join(_WANTED[typing.get_origin(option) or option] for option in options)


def _kind(value: Any) -> str:
    return f"{value!r} ({type(value).__name__})"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value

"""ServingValidator as TFX runs it: the verdict stands where TFX's own puts it, and the Pusher heeds it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tfx import types
from tfx.types import standard_artifacts

import push_model
from components.artifact_files import SERVING_VALIDATION_FILE
from components.serving_validator.component import ServingValidator
from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.executor import Executor


def validated(saved_model: Path, folder: Path, **config: float) -> tuple[standard_artifacts.InfraBlessing, dict]:
    """Returns the blessing of a SavedModel that is copied to <folder>/model/Format-Serving, and its findings."""
    shutil.copytree(saved_model, folder / "model" / "Format-Serving")
    model, blessing = standard_artifacts.Model(), standard_artifacts.InfraBlessing()
    model.uri, blessing.uri = str(folder / "model"), str(folder / "blessing")
    of = types.Channel(type=standard_artifacts.Model)
    properties = ServingValidator(ServingValidationConfig(**config), model=of).exec_properties
    Executor(Executor.Context()).Do({"model": [model]}, {"blessing": [blessing]}, properties)
    return blessing, json.loads((folder / "blessing" / SERVING_VALIDATION_FILE).read_text())


def files(blessing: standard_artifacts.InfraBlessing) -> set[str]:
    return {path.name for path in Path(blessing.uri).iterdir()}


def test_what_is_blessed_is_pushed(colour_model, tmp_path):
    blessing, found = validated(colour_model, tmp_path, requests=2)
    assert files(blessing) == {"INFRA_BLESSED", SERVING_VALIDATION_FILE}
    assert found["blessed"] is True
    pushed = push_model.push(
        str(tmp_path / "model"), str(tmp_path / "pushed"), served=blessing.get_int_custom_property("blessed")
    )
    assert pushed.get_int_custom_property("pushed") == 1


def test_what_is_too_slow_is_not_pushed_and_says_why(colour_model, tmp_path):
    blessing, found = validated(colour_model, tmp_path, requests=1, max_latency_ms=1e-3)
    assert files(blessing) == {"INFRA_NOT_BLESSED", SERVING_VALIDATION_FILE}
    assert "above serving_validation.max_latency_ms, which is 0.001" in found["reasons"][0]
    pushed = push_model.push(
        str(tmp_path / "model"), str(tmp_path / "pushed"), served=blessing.get_int_custom_property("blessed")
    )
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "pushed").exists()

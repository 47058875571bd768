"""Trained weights become a model in another precision, which the ServingValidator holds to that in float32."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx import types
from tfx.types import standard_artifacts

from components.artifact_files import MODEL_FOLDER
from components.exporter.component import Exporter
from components.exporter.config import ExportConfig
from components.exporter.executor import Executor
from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.served.trial import Nearness, try_out
from models.config import ModelConfig
from models.saving.halves import export_anew
from models.saving.model_folder import write_model_folder
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from small_training import CUSTOM_CONFIG, PIECES
from tfx_pipeline.pipeline import EXPORT_FN

MAX_IMAGE_PIXELS = 10**6


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> tuple[Path, Path]:
    """What the Exporter makes of a small model's weights, and the same in float32."""
    folder = tmp_path_factory.mktemp("exporter")
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    sizes = ModelConfig(**CUSTOM_CONFIG["model"])
    encoder = build_dual_encoder(sizes, TrainingConfig(), len(PIECES))
    weights = folder / "run" / MODEL_FOLDER
    write_model_folder(str(weights), encoder, sizes, str(folder / "vocab.txt"))
    run, model = standard_artifacts.ModelRun(), standard_artifacts.Model()
    run.uri, model.uri = str(folder / "run"), str(folder / "model")
    of = types.Channel(type=standard_artifacts.ModelRun)
    half = ExportConfig(precision="bfloat16")
    made = Exporter(half, model_run=of, export_fn=EXPORT_FN, max_image_pixels=MAX_IMAGE_PIXELS)
    Executor(Executor.Context()).Do({"model_run": [run]}, {"model": [model]}, made.exec_properties)
    export_anew(str(weights), str(folder / "exact"), "float32", MAX_IMAGE_PIXELS)
    return folder / "model" / "Format-Serving", folder / "exact"


def test_it_is_blessed_where_it_is_near_to_float32(models):
    half, exact = models
    found = try_out(half, ServingValidationConfig(requests=1), Nearness(exact, 0.99))
    assert found.reasons == []
    assert found.precision == "bfloat16"
    assert 0.99 <= found.least_cosine_to_float32["encode_image"] < 1 - 1e-7
    assert found.least_cosine_to_float32["encode_text"] == pytest.approx(1, abs=1e-6)
    assert found.largest_difference["gRPC"]["encode_text"] <= 1e-5


def test_it_is_refused_where_it_is_not(models):
    half, exact = models
    found = try_out(half, ServingValidationConfig(requests=1), Nearness(exact, 1.0))
    assert found.reasons[0].startswith("encode_image gives a vector whose cosine to that in float32 is 0.99")
    assert "below export.min_cosine, which is 1" in found.reasons[0]

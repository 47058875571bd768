"""`align import-hf` and `align export-hf` as a user types them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from safetensors.numpy import load_file
from typer.testing import CliRunner

from serving.versions import is_complete
from tfx_pipeline.cli import app
from tfx_pipeline.commands.hugging_face import bring_in, take_out
from tfx_pipeline.settings.config import ConfigError

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "tests" / "models" / "hugging_face" / "fixture" / "model"


def test_in_and_out_again(tmp_path):
    command = [sys.executable, "-m", "tfx_pipeline.cli", "import-hf", str(MODEL), "--to", str(tmp_path / "ours")]
    own = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}  # JAX sets it on import
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=own)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert f"--set training.base_model={tmp_path / 'ours' / 'checkpoint'}" in done.stdout
    assert is_complete(tmp_path / "ours" / "servable" / "1")

    done = CliRunner().invoke(app, ["export-hf", str(tmp_path / "ours"), "--to", str(tmp_path / "theirs")])
    assert done.exit_code == 0, done.output
    assert "AlignModel.from_pretrained" in done.output
    before, after = load_file(MODEL / "model.safetensors"), load_file(tmp_path / "theirs" / "model.safetensors")
    assert before["text_projection.weight"].tobytes() == after["text_projection.weight"].tobytes()


def test_a_refusal_is_one_sentence_of_the_command(tmp_path):
    with pytest.raises(ConfigError, match=r"lacks config\.json; give the folder of a Hugging Face AlignModel"):
        bring_in(tmp_path, tmp_path / "to", Console())
    with pytest.raises(ConfigError, match=r"is no model folder, as it has no model\.json"):
        take_out(tmp_path, tmp_path / "to", Console())

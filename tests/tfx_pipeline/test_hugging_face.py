"""`align import-hf` and `align export-hf` as a user types them, and where safetensors is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from safetensors.numpy import load_file

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "tests" / "models" / "hf_fixture" / "model"
ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]


def align(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([*ALIGN, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False)


def test_in_and_out_again(tmp_path):
    done = align("import-hf", MODEL, "--to", tmp_path / "ours")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert f"--set training.base_model={tmp_path / 'ours' / 'checkpoint'}" in done.stdout
    assert (tmp_path / "ours" / "servable" / "1" / "saved_model.pb").is_file()

    done = align("export-hf", tmp_path / "ours", "--to", tmp_path / "theirs")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    before, after = load_file(MODEL / "model.safetensors"), load_file(tmp_path / "theirs" / "model.safetensors")
    assert before["text_projection.weight"].tobytes() == after["text_projection.weight"].tobytes()


def test_without_the_package_the_sentence_names_what_to_install(tmp_path):
    program = (
        "import sys; sys.modules['safetensors'] = None\n"
        "from tfx_pipeline.cli import main\n"
        f"sys.argv = ['align', 'import-hf', {str(MODEL)!r}, '--to', {str(tmp_path / 'to')!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "install align-tfx[import]" in done.stderr
    assert not list(tmp_path.iterdir())

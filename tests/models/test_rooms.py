"""The rooms of models/ import downwards alone: each level those below it and its own, whatever it is used by."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEVELS = (  # from below
    ("models.config", "models.training_config", "models.sizes", "models.parameter_counts"),
    ("models.towers.cpu",),
    ("models.losses", "models.optimizers", "models.texts", "models.images", "models.towers"),
    ("models.records", "models.saving", "models.training", "models.hugging_face", "models.keras_hub"),
    ("models.trainer", "models.transfer"),
)


def level(name: str) -> int:
    """Returns that of a dotted name: of the lowest room that it lies in."""
    return next(i for i, rooms in enumerate(LEVELS) if any(f"{name}.".startswith(f"{room}.") for room in rooms))


def upwards(path: str, source: str) -> list[str]:
    """Returns one sentence for each import, anywhere in `source`, that runs up from the file at `path`."""
    own = level(path.removesuffix(".py").replace("/", "."))
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names = [f"{module}{alias.name}" for alias in node.names]
            above = [name for name in names if name.startswith("models.") and level(name) > own]
            found += [f"{path}:{node.lineno} imports {name}, which lies above it" for name in above]
    return found


def test_no_import_runs_up():
    files = [path for path in sorted((ROOT / "models").rglob("*.py")) if path.name != "__init__.py"]
    assert len(files) > 40
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    broken = [line for path, source in sources.items() for line in upwards(path, source)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("models/towers/cpu/normalising.py", "from models.towers.batch_norm import BatchNormalization"),
        ("models/sizes.py", "import models.towers.cpu.choice"),
        ("models/losses/gather.py", "def f():\n    from models.training.step import Learner"),
        ("models/saving/export.py", "from models.trainer import run_fn"),
        ("models/saving/export.py", "from models import config, trainer"),
    ],
)
def test_an_import_that_runs_up_is_caught(path, source):
    assert len(upwards(path, source)) == 1


def test_an_import_that_runs_down_or_along_passes():
    assert upwards("models/trainer.py", "from models.saving.export import export\nimport models.config") == []
    assert upwards("models/towers/batch_norm.py", "from models.texts.trim import trim\nfrom keras import ops") == []

"""Small SavedModels that tell their versions apart: signature `scale` has y = factor * x."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def scale_model(tmp_path_factory) -> Callable[[int], Path]:
    """Returns a function from a factor to the folder of a model that multiplies by it; each is saved once."""
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = tf.Variable(float(factor))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def scale(self, x):
            return {"y": self.factor * x}

    base = tmp_path_factory.mktemp("scale")

    def saved(factor: int) -> Path:
        path = base / str(factor)
        if not path.exists():
            model = Scale(factor)
            tf.saved_model.save(model, str(path), signatures={"scale": model.scale})
        return path

    return saved


@pytest.fixture
def push(scale_model, tmp_path) -> Callable[..., Path]:
    """Returns a function that pushes a version as the Pusher does: it appears whole under tmp_path/<model>."""

    def pushed(version: int, factor: int | None = None, model: str = "m") -> Path:
        base = tmp_path / model
        base.mkdir(exist_ok=True)
        aside = tmp_path / "aside"
        shutil.copytree(scale_model(version if factor is None else factor), aside)
        return aside.rename(base / str(version))

    return pushed

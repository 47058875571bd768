"""The towers and the losses on JAX, without TensorFlow being there at all, against the same on TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import backend_answers

CLOSE = 1e-5  # of vectors and losses; a share of the greatest of an answer's numbers, or of LEAST where that is less
CLOSE_THROUGH_TOWERS = 5e-5  # of gradients through 30 layers and back, in float32
LEAST = 0.1


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    """Returns JAX's answers and the names of the modules that its process loaded."""
    path = tmp_path_factory.mktemp("answers") / "answers.npz"
    done = subprocess.run(
        [sys.executable, backend_answers.__file__, path],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # of a graph that is run once
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    with np.load(path) as answers:
        return dict(answers), done.stdout.split()


@pytest.fixture(scope="module")
def on_tensorflow():
    return backend_answers.answers()


def test_the_model_needs_no_tensorflow(on_jax):
    _, modules = on_jax
    assert {"jax", "models"} <= set(modules)
    assert not {"tensorflow", "tensorflow_text"} & set(modules)


def test_both_backends_answer_alike(on_jax, on_tensorflow):
    answers, _ = on_jax
    assert set(answers) == set(on_tensorflow)
    off = {
        name: float(np.abs(answers[name] - expected).max() / max(np.abs(expected).max(), LEAST))
        for name, expected in on_tensorflow.items()
    }
    allowed = {name: CLOSE_THROUGH_TOWERS if name.startswith("step, gradient") else CLOSE for name in off}
    assert not {name: error for name, error in off.items() if not error <= allowed[name]}


def test_the_answers_say_something(on_tensorflow):
    for name, answer in on_tensorflow.items():
        assert np.isfinite(answer).all(), name
        if name.startswith("inference"):
            assert np.abs(answer[0] - answer[1]).max() > 0.01
    assert all(on_tensorflow[f"{loss}, loss"] > 0.1 for loss in backend_answers.LOSSES)
    assert all(np.abs(on_tensorflow[f"{loss}, to texts"]).max() > 0.01 for loss in backend_answers.LOSSES)
    gradients = [np.abs(answer).max() for name, answer in on_tensorflow.items() if name.startswith("step, gradient")]
    assert len(gradients) > 100
    assert np.mean(np.array(gradients) > 1e-3) > 0.9

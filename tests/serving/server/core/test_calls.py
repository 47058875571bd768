"""A signature run call by call answers as it does in one piece, and one whose steps cannot be called stays in one."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from serving.server.core.calls import by_name, step_by_step
from serving.server.core.servable import Servable
from serving.server.refusal import Refusal

NUMBERS = tf.TensorSpec([None], tf.float32, name="x")


class Model(tf.Module):
    """Signatures whose answers are worked out by hand: y = 3 x + 2, z = x."""

    def __init__(self):
        super().__init__()
        self.factor, self.shift = tf.Variable(3.0), tf.Variable(2.0)

    @tf.function(input_signature=[NUMBERS])
    def scale(self, x):
        return self.factor * x

    @tf.function(input_signature=[NUMBERS])
    def shift_both(self, x):
        """Two outputs, of which one is given on as it is."""
        return x + self.shift, x / self.factor

    @tf.function(input_signature=[NUMBERS])
    def positive(self, x):
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x > 0), ["x must be above 0"])]):
            return tf.identity(x)

    @tf.function(input_signature=[NUMBERS])
    def steps(self, x):
        y, z = self.shift_both(self.scale(x))
        return {"z": z, "y": y}

    @tf.function(input_signature=[NUMBERS])
    def checked(self, x):
        self.positive(x)
        return self.steps(x)

    @tf.function(input_signature=[NUMBERS, tf.TensorSpec([None], tf.float32, name="a")])
    def two(self, x, a):
        return {"less": self.scale(a), "more": self.scale(x)}

    @tf.function(input_signature=[NUMBERS])
    def computes(self, x):
        return {"y": self.scale(x) + 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("model") / "1", Model()

    @tf.function(input_signature=[NUMBERS])
    def hidden(x):
        return {"y": model.scale(x) + 1.0}  # no attribute of the model, so that nobody can call it by itself

    signatures = {name: getattr(model, name) for name in ("steps", "checked", "two", "computes")}
    tf.saved_model.save(model, str(folder), signatures={**signatures, "hidden": hidden})
    return folder


def test_what_can_be_called_is_called(folder):
    loaded = tf.saved_model.load(str(folder))
    found = {name: step_by_step(whole, by_name(loaded)) for name, whole in loaded.signatures.items()}
    assert {name for name, run in found.items() if run is loaded.signatures[name]} == {"hidden"}


def test_the_answers_by_hand(folder):
    servable, x = Servable(folder), np.array([1, -2], np.float32)
    answer = servable.run("steps", {"x": x})
    np.testing.assert_allclose(answer["y"], [5, -4])
    np.testing.assert_allclose(answer["z"], [1, -2])
    for name in ("computes", "hidden"):
        np.testing.assert_allclose(servable.run(name, {"x": x})["y"], [4, -5])
    answer = servable.run("two", {"x": x, "a": np.array([10], np.float32)})
    np.testing.assert_allclose(answer["less"], [30])
    np.testing.assert_allclose(answer["more"], [3, -6])


def test_a_call_whose_answer_nobody_takes_is_run_too(folder):
    servable = Servable(folder)
    np.testing.assert_allclose(servable.run("checked", {"x": np.array([1], np.float32)})["y"], [5])
    with pytest.raises(Refusal, match="x must be above 0"):
        servable.run("checked", {"x": np.array([1, -2], np.float32)})

"""The small model that the suite asks what a dual encoder cannot be asked: Classify, Regress, numbers in and out.

It computes what TensorFlow Serving's own test model computes (servables/tensorflow/testdata/
saved_model_half_plus_two.py): y = x / 2 + 2 of numbers, and of the feature x of tf.train.Examples.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

MODEL = "half_plus_two"
VERSION = 123  # TensorFlow Serving's tests call theirs so


class HalfPlusTwo(tf.Module):
    """Signatures `serving_default` [N] float32 -> [N], `regress_x_to_y` and `classify_x_to_y` [N] Examples."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = tf.Variable(0.5)
        self.offset = tf.Variable(2.0)

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns name -> function."""
        numbers = tf.TensorSpec([None], tf.float32, "x")
        examples = tf.TensorSpec([None], tf.string, "inputs")
        return {
            "serving_default": tf.function(lambda x: {"y": self.of(x)}).get_concrete_function(numbers),
            "regress_x_to_y": tf.function(
                lambda inputs: {"outputs": self.of(self.feature(inputs))}
            ).get_concrete_function(examples),
            "classify_x_to_y": tf.function(
                lambda inputs: {"scores": self.of(self.feature(inputs))}
            ).get_concrete_function(examples),
        }

    def of(self, x: tf.Tensor) -> tf.Tensor:
        """Returns x / 2 + 2."""
        return x * self.slope + self.offset

    def feature(self, examples: tf.Tensor) -> tf.Tensor:
        """Returns the feature x, [N, 1]."""
        return tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]


def write_half_plus_two(base: Path) -> Path:
    """Write the model as `base/half_plus_two/123/`; returns the folder of its versions."""
    model = HalfPlusTwo()
    folder = base / MODEL
    tf.saved_model.save(model, str(folder / str(VERSION)), signatures=model.signatures())
    return folder

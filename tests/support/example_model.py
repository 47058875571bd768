"""A SavedModel with signatures for Classify, Regress and Predict, whose answers can be worked out by hand.

An Example has a number `x`. It halves plus two, as TensorFlow Serving's own half_plus_two does, and it is "low" or
"high" with the scores 1 - x and x.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

METHOD_NAMES = {
    "serving_default": "tensorflow/serving/regress",
    "classify": "tensorflow/serving/classify",
    "scores_alone": "tensorflow/serving/classify",
    "half_plus_two": "tensorflow/serving/predict",
}


def save_example_model(path: Path) -> None:
    """Write the model to the folder `path`."""
    import tensorflow as tf

    class ExampleModel(tf.Module):
        def __init__(self):
            super().__init__()
            self.half, self.two = tf.Variable(0.5), tf.Variable(2.0)

        def read(self, examples):
            return tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def regress(self, inputs):
            return {"outputs": self.read(inputs)[:, None] * self.half + self.two}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def classify(self, inputs):
            x = self.read(inputs)
            return {
                "classes": tf.tile(tf.constant([["low", "high"]]), [tf.size(x), 1]),
                "scores": tf.stack([1 - x, x], axis=1),
            }

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def scores_alone(self, inputs):
            return {"scores": self.classify(inputs)["scores"]}

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32)])
        def half_plus_two(self, x):
            return {"y": x * self.half + self.two}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def flat_classes(self, inputs):
            return {"classes": inputs}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def wide_regression(self, inputs):
            return {"outputs": tf.stack([self.read(inputs)] * 3, axis=1)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def one_row(self, inputs):
            return {"outputs": self.read(inputs)[:1]}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def numbered_classes(self, inputs):
            return {"classes": self.classify(inputs)["scores"]}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def of_floats(self, inputs):
            return {"outputs": inputs}

    model = ExampleModel()
    broken = ("flat_classes", "wide_regression", "one_row", "numbered_classes", "of_floats")
    served = {"serving_default": model.regress, **{name: getattr(model, name) for name in broken}}
    served |= {name: getattr(model, name) for name in METHOD_NAMES if name != "serving_default"}
    tf.saved_model.save(model, str(path), signatures=served)
    _name_methods(path / "saved_model.pb", METHOD_NAMES)


def _name_methods(file: Path, names: Mapping[str, str]) -> None:
    """Call signatures what TensorFlow 1 called them; TensorFlow 2 calls each one predict."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for name, method in names.items():
        saved.meta_graphs[0].signature_def[name].method_name = method
    file.write_bytes(saved.SerializeToString())

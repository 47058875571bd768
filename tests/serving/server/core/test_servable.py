"""A SavedModel in memory: what it computes, to the last byte."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from serving.server.core.servable import Servable


class Echo(tf.Module):
    """Gives one string back."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, name="x")])
    def echo(self, x):
        return {"y": x}


def test_a_single_string_keeps_the_null_bytes_at_its_end(tmp_path):
    model = Echo()
    tf.saved_model.save(model, str(tmp_path / "1"), signatures={"echo": model.echo})
    answer = Servable(tmp_path / "1").run("echo", {"x": np.array(b"ab\0\0", object)})["y"]
    assert (answer.shape, answer.item()) == ((), b"ab\0\0")

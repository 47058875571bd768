"""A SavedModel in memory: what it computes, to the last byte."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import tensorflow as tf

from serving import precision
from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
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


class Half(tf.Module):
    """Multiplies in bfloat16."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def double(self, x):
        return {"y": tf.cast(tf.matmul(tf.cast(x, tf.bfloat16), 2 * tf.eye(2, dtype=tf.bfloat16)), tf.float32)}


@pytest.mark.parametrize(("flags", "warned"), [("avx2", 1), ("avx2 amx_bf16", 0)])
def test_a_cpu_without_units_for_a_models_precision_is_told(tmp_path, monkeypatch, caplog, flags, warned):
    model = Half()
    tf.saved_model.save(model, str(tmp_path / "m" / "1"), signatures={"double": model.double})
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(precision, "CPU_INFO", tmp_path / "cpuinfo")
    models = ServedModels(one_model("m", tmp_path / "m"))
    with caplog.at_level(logging.WARNING):
        models.start()
        models.close()
    said = [record.getMessage() for record in caplog.records]
    assert (
        len([line for line in said if "computes images in bfloat16, for which this CPU has no units" in line]) == warned
    )

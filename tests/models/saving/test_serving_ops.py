"""The checker of tests/support/tf_serving_ops.py names what TensorFlow Serving 2.20 has not, and nothing else."""

from __future__ import annotations

import json

import pytest
from tensorflow.core.framework import graph_pb2, op_def_pb2, types_pb2

from tf_serving_ops import LIST, known_operations, refusals, refusals_of


def test_the_list_is_of_the_two_wheels():
    first = LIST.read_text(encoding="utf-8").partition("\n")[0]
    assert json.loads(first) == {"tensorflow": "2.20.0", "tensorflow_text": "2.20.1"}
    assert len(known_operations()) == 1945
    assert known_operations()["Abs"] == {"T": {"type": "type", "allowed": known_operations()["Abs"]["T"]["allowed"]}}
    assert "TFText>Utf8Binarize" in known_operations()


@pytest.fixture
def graph_def():
    """One Conv2D within a function that is called; what has the writer's default is left out."""
    graph_def = graph_pb2.GraphDef()
    graph_def.node.add(name="call", op="a_function")
    function = graph_def.library.function.add()
    function.signature.name = "a_function"
    conv = function.node_def.add(name="conv", op="Conv2D")
    conv.attr["T"].type = types_pb2.DT_FLOAT
    conv.attr["strides"].list.i.extend([1, 1, 1, 1])
    conv.attr["padding"].s = b"SAME"
    return graph_def


@pytest.fixture
def operations():
    """Name -> OpDef of who wrote it."""
    conv = op_def_pb2.OpDef(name="Conv2D")
    conv.attr.add(name="data_format", type="string").default_value.s = b"NHWC"
    conv.attr.add(name="of_the_future", type="bool").default_value.b = False
    return {"Conv2D": conv}


def test_what_it_knows_passes(graph_def, operations):
    graph_def.library.function[0].node_def[0].attr["_of_the_runtime"].b = True
    assert refusals_of(graph_def, operations.get) == []


def test_each_kind_of_refusal_is_named(graph_def, operations):
    conv = graph_def.library.function[0].node_def[0]
    graph_def.node.add(name="new", op="OperationOfTheFuture")
    conv.attr["of_the_future"].b = True
    conv.attr["T"].type = types_pb2.DT_UINT8
    del conv.attr["strides"]
    operations["Conv2D"].attr[0].default_value.s = b"NCHW"
    assert refusals_of(graph_def, operations.get) == [
        "Conv2D has an attribute of_the_future there",
        "Conv2D has another default of data_format there",
        "Conv2D lacks the attribute strides",
        "Conv2D takes no DT_UINT8 as T there",
        "OperationOfTheFuture is none of its operations",
    ]


def test_a_saved_model_of_this_tensorflow_passes(colour_model):
    assert refusals(colour_model) == []

"""Writes tests/models/saving/tf_serving_ops.jsonl: what each operation of TensorFlow Serving 2.20 takes.

    python scripts/tf_serving_ops.py

in an environment with tensorflow-cpu 2.20.0 and tensorflow-text 2.20.1 (`.venv/bin/python -m
benchmarks.exported.tensorflow_serving_runtime` makes one). TensorFlow Serving 2.20 links all operations of TensorFlow
2.20 and, by its `SUPPORTED_TENSORFLOW_OPS`, TF Text's `ops_lib`; these are the operations that the two wheels register.

The first line is {"tensorflow": VERSION, "tensorflow_text": VERSION}, each further one an operation by name:
{"op": NAME, "attrs": {ATTR: {"type": ..., "default": ..., "allowed": ...}}}, the last two where it has them, as
protobuf's JSON has AttrValue.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_text
from google.protobuf import json_format
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

TO = Path(__file__).resolve().parent.parent / "tests/models/saving/tf_serving_ops.jsonl"
VERSIONS = {"tensorflow": "2.20.0", "tensorflow_text": "2.20.1"}


def described(operation: Any) -> dict[str, Any]:
    """Returns what a line says of an OpDef."""
    attrs = {}
    for attr in operation.attr:
        attrs[attr.name] = {"type": attr.type}
        if attr.HasField("default_value"):
            attrs[attr.name]["default"] = json_format.MessageToDict(attr.default_value)
        if attr.HasField("allowed_values"):
            attrs[attr.name]["allowed"] = json_format.MessageToDict(attr.allowed_values)
    return {"op": operation.name, "attrs": attrs}


def main() -> None:
    versions = {"tensorflow": tf.__version__, "tensorflow_text": tensorflow_text.__version__}
    if versions != VERSIONS:
        raise SystemExit(f"these are {versions}; install {VERSIONS}")
    registered = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    lines = [versions, *(described(operation) for operation in sorted(registered.op, key=lambda each: each.name))]
    TO.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")
    print(f"Wrote {len(lines) - 1} operations to {TO}")


if __name__ == "__main__":
    main()

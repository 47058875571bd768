"""Why TensorFlow Serving 2.20 would refuse a SavedModel, or read it otherwise, told from its operations alone.

Legend: the writer is the TensorFlow that wrote the SavedModel, the reader TensorFlow Serving 2.20. What that one takes
stands in tests/models/saving/tf_serving_ops.jsonl, which scripts/tf_serving_ops.py writes.

A SavedModel leaves out each attribute that has the writer's default. So a new attribute at its default is not there and
does no harm. At any other value it is there and is refused. Where a default changed between the two, the reader would
take its own in silence. The writer is taken to be the TensorFlow that runs here.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

LIST = Path(__file__).resolve().parents[1] / "models" / "saving" / "tf_serving_ops.jsonl"
INTERNAL = "_"  # how the names of attributes begin that any operation may have


@functools.cache
def known_operations() -> dict[str, dict[str, Any]]:
    """Returns name -> attribute -> what the reader says of it."""
    _, *lines = LIST.read_text(encoding="utf-8").splitlines()
    return {line["op"]: line["attrs"] for line in map(json.loads, lines)}


def refusals(folder: Path) -> list[str]:
    """Returns one sentence for each operation or attribute of a SavedModel that the reader has not as it is."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    return refusals_of(graph.graph_def, op_def_registry.get)


def refusals_of(graph_def: Any, written_by: Callable[[str], Any]) -> list[str]:
    """Returns the same of a GraphDef, its function library included; `written_by` gives the writer's OpDef by name."""
    functions = {function.signature.name for function in graph_def.library.function}
    nodes = [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]
    found: set[str] = set()
    for node in nodes:
        if node.op in known_operations():
            found.update(_of_node(node, known_operations()[node.op], written_by(node.op)))
        elif node.op not in functions:
            found.add(f"{node.op} is none of its operations")
    return sorted(found)


def _of_node(node: Any, known: Mapping[str, Any], writer: Any) -> Iterator[str]:
    for name, value in node.attr.items():
        if name.startswith(INTERNAL):
            continue
        if name not in known:
            yield f"{node.op} has an attribute {name} there"
        elif known[name]["type"] == "type" and "allowed" in known[name] and value.WhichOneof("value") == "type":
            kind = json_format.MessageToDict(value)["type"]
            if kind not in known[name]["allowed"]["list"]["type"]:
                yield f"{node.op} takes no {kind} as {name} there"
    defaults = {attr.name: attr.default_value for attr in writer.attr if attr.HasField("default_value")}
    for name, described in known.items():
        if name in node.attr:
            continue
        if "default" not in described:
            yield f"{node.op} lacks the attribute {name}"
        elif name in defaults and json_format.MessageToDict(defaults[name]) != described["default"]:
            yield f"{node.op} has another default of {name} there"

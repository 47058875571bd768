"""SignatureDefs by their shapes alone, as the tests of batching write them down."""

from __future__ import annotations

from tensorflow.core.protobuf import meta_graph_pb2


def signature_def(inputs: dict[str, list[int] | None], outputs: dict[str, list[int] | None]):
    """Returns a SignatureDef; a size of -1 is free, and None in the place of sizes is an unknown rank."""
    made = meta_graph_pb2.SignatureDef()
    for infos, shapes in ((made.inputs, inputs), (made.outputs, outputs)):
        for name, sizes in shapes.items():
            shape = infos[name].tensor_shape
            shape.SetInParent()
            shape.unknown_rank = sizes is None
            for size in sizes or ():
                shape.dim.add(size=size)
    return made

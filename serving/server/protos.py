"""Message classes of .proto files that no wheel brings, made while the program runs.

The wheels of both stacks differ in protobuf (3.20 and 6), and generated code fits one of them. A description fits both.
Each file has a descriptor pool of its own, so that another library in the process may define the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto


def add_field(
    message: Any, name: str, number: int, kind: str, *, repeated: bool = False, oneof: int | None = None
) -> None:
    """Add a field to a DescriptorProto.

    Args:
      message: the DescriptorProto.
      name, number: as in the .proto.
      kind: a scalar type as a .proto names it ("int64"), or a message's full name (".inference.InferParameter").
      repeated: whether it is repeated.
      oneof: index of the oneof that it belongs to.
    """
    field = message.field.add(
        name=name, number=number, label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    )
    if kind.startswith("."):
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, kind
    else:
        field.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")
    if oneof is not None:
        field.oneof_index = oneof


def add_map(message: Any, scope: str, name: str, number: int, value: str) -> None:
    """Add a field of the type map<string, `value`> to the DescriptorProto whose full name is `scope`."""
    entry_name = "".join(part.capitalize() for part in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    add_field(entry, "key", 1, "string")
    add_field(entry, "value", 2, value)
    add_field(message, name, number, f"{scope}.{entry_name}", repeated=True)


def classes(file: Any) -> tuple[descriptor_pool.DescriptorPool, Mapping[str, Any]]:
    """Returns a descriptor pool that holds a FileDescriptorProto, and message name -> class for its messages."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    descriptors = pool.FindFileByName(file.name).message_types_by_name
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and newer
        return pool, {name: message_factory.GetMessageClass(found) for name, found in descriptors.items()}
    factory = message_factory.MessageFactory(pool)
    return pool, {name: factory.GetPrototype(found) for name, found in descriptors.items()}


def new_file(name: str, package: str) -> Any:
    """Returns an empty FileDescriptorProto of a proto3 file."""
    return descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")


def add_message(file: Any, name: str, fields: Sequence[tuple[str, int, str]] = ()) -> Any:
    """Add a message with (name, number, kind) of its plain fields to a FileDescriptorProto; returns its description."""
    message = file.message_type.add(name=name)
    for field in fields:
        add_field(message, *field)
    return message

"""Protobuf messages as TensorFlow Serving's REST shows them: C++'s MessageToJsonString with white space.

One space of indentation, fields by number, those without presence always there, 64-bit numbers as strings. Python's own
MessageToJson puts fields that are not set last, and its option for them has another name in each protobuf.
"""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

_STRINGS_OF = {
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT64,
}
_WRAPPERS = "google.protobuf"


def to_json(message: Any, *, keep_field_names: bool) -> str:
    """Returns a message as JSON text, without an end of line.

    Args:
      message: of scalars, enums, messages, maps, lists and wrappers of those; no Any, no bytes.
      keep_field_names: whether fields have the names of the .proto, not its json_names.
    """
    return json.dumps(_message(message, keep_field_names), indent=1, ensure_ascii=False)


def _message(message: Any, keep: bool) -> Any:
    shown: dict[str, Any] = {}
    for field in sorted(message.DESCRIPTOR.fields, key=lambda field: field.number):
        value = getattr(message, field.name)
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        name = field.name if keep else field.json_name
        if is_map:
            of_value = field.message_type.fields_by_name["value"]
            shown[name] = {str(key): _value(value[key], of_value, keep) for key in sorted(value)}
        elif _is_repeated(field):
            shown[name] = [_value(item, field, keep) for item in value]
        elif field.message_type is not None or field.containing_oneof is not None:
            if message.HasField(field.name):
                shown[name] = _value(value, field, keep)
        else:
            shown[name] = _value(value, field, keep)
    return shown


def _value(value: Any, field: Any, keep: bool) -> Any:
    if field.message_type is not None:
        if field.message_type.file.package == _WRAPPERS and "value" in field.message_type.fields_by_name:
            return _value(value.value, field.message_type.fields_by_name["value"], keep)
        return _message(value, keep)
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return named.name if named else value
    return str(value) if field.cpp_type in _STRINGS_OF else value


def _is_repeated(field: Any) -> bool:
    is_repeated = getattr(field, "is_repeated", None)  # protobuf 6.31 and newer; `label` is on its way out there
    return field.label == FieldDescriptor.LABEL_REPEATED if is_repeated is None else bool(is_repeated)

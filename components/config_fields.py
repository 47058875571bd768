"""Turns plain values, as YAML and JSON give them, into a tree of dataclasses; a value that does not fit is named."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
_WANTED = {
    int: "a whole number",
    float: "a finite number",
    str: "text",
    bool: "true or false",
    type(None): "null",
    tuple: "a list",
}
_UNIONS = (typing.Union, types.UnionType)
NO_VALUE = ("", "None", "none")  # texts that stand for null elsewhere, and here for nothing
_INT_LIMIT = 2**63
_KEY_FIELD = "name"  # of a dataclass that stands in a mapping: there its key is its name


def build_fields(root: type[T], values: Any, section: str = "") -> T:
    """Build a dataclass from nested mappings.

    Args:
      root: the class; its fields may be dataclasses, mappings of them, tuples, literals, scalars, and any of these or
        None.
      values: its fields by name.
      section: where messages say that they stand; "" for nowhere.

    Raises:
      ValueError: in one sentence, which names the field by all sections that it is in.
    """
    return _Builder(root).build(root, values, prefix=f"{section}." if section else "")


def refuse_other_choices(config: Any, before: str = "", behind: str = "") -> None:
    """Raise ValueError where a field of a dataclass holds what its annotation, a Literal or None, does not list.

    Args:
      config: the object.
      before, behind: what a message puts around the field's name.
    """
    for name, hint in typing.get_type_hints(type(config)).items():
        options = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)
        choices = [choice for option in options for choice in typing.get_args(option) or (None,)]
        is_choice = any(typing.get_origin(option) is typing.Literal for option in options)
        if is_choice and getattr(config, name) not in choices:
            raise ValueError(f"{before}{name}{behind} is {getattr(config, name)!r}; it must be {_wanted(hint)}")


def refuse_unless(config: Any, section: str, fits: Callable[[Any], bool], must: str, *names: str) -> None:
    """Raise ValueError where a field of a dataclass holds what does not fit; None is never asked about.

    Args:
      config: the object.
      section: where messages say that its fields stand.
      fits: value -> whether it may stand there.
      must: how messages go on after "it must be".
      names: of the fields.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not fits(value):
            raise ValueError(f"{section}.{name} is {value}; it must be {must}")


class _Builder:
    """Builds what stands below one root, whose other fields a wrong name is compared with."""

    def __init__(self, root: type) -> None:
        self._root = root

    def build(self, cls: type, values: Any, prefix: str) -> Any:
        if not isinstance(values, Mapping):
            raise ValueError(f"{prefix.rstrip('.')} is {kind(values)}; it must be {_wanted(cls)}")
        hints = typing.get_type_hints(cls)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for key in values:
            if key not in fields:
                raise ValueError(f"{prefix}{key} is not a field{self._closest(str(key), prefix, list(fields))}")
        converted = {key: self._convert(value, hints[key], f"{prefix}{key}") for key, value in values.items()}
        missing = [name for name, field in fields.items() if name not in values and _is_required(field)]
        if missing:
            raise ValueError(f"{prefix.rstrip('.')} lacks {' and '.join(missing)}; set {prefix}{missing[0]}")
        try:
            return cls(**converted)
        except ValueError as error:
            # A class that several fields hold knows its own fields alone, a section also its name.
            is_whole = prefix.count(".") < 2 or str(error).startswith(prefix.partition(".")[0])
            raise ValueError(str(error) if is_whole else f"{prefix}{error}") from error

    def _convert(self, value: Any, hint: Any, name: str) -> Any:
        """Returns `value` as the annotated type, or raises ValueError naming the field."""
        if dataclasses.is_dataclass(hint):
            return self.build(typing.cast(type, hint), value, prefix=f"{name}.")
        origin = typing.get_origin(hint)
        if origin in _UNIONS:
            return self._convert_to_one(value, hint, name)
        if origin is typing.Literal:
            if not any(value is choice or (value == choice and type(value) is str) for choice in typing.get_args(hint)):
                raise ValueError(f"{name} is {kind(value)}; it must be {_wanted(hint)}")
            return value
        if origin is tuple and isinstance(value, list):
            inner = typing.get_args(hint)[0]
            return tuple(self._convert(item, inner, f"{name}[{i}]") for i, item in enumerate(value))
        if origin is tuple:
            raise ValueError(f"{name} is {kind(value)}; it must be a list, such as [{value}]")
        if origin is not None and issubclass(origin, Mapping):
            if not isinstance(value, Mapping):
                raise ValueError(f"{name} is {kind(value)}; it must be a mapping")
            inner = typing.get_args(hint)[1]
            return {str(key): self._convert_item(str(key), item, inner, name) for key, item in value.items()}
        return _scalar(value, hint, name)

    def _convert_to_one(self, value: Any, hint: Any, name: str) -> Any:
        """Returns `value` as the first type of a union that takes it; where that may be null, NO_VALUE is refused."""
        options = typing.get_args(hint)
        if value in NO_VALUE and type(None) in options:
            raise ValueError(f"{name} is {value!r}; set it to null, or leave it out")
        for option in options:
            if _may_hold(option, value):
                return self._convert(value, option, name)  # what is wrong inside of it is said of the field there
            try:
                return self._convert(value, option, name)
            except ValueError:
                continue
        raise ValueError(f"{name} is {kind(value)}; it must be {_wanted(hint)}")

    def _convert_item(self, key: str, item: Any, hint: Any, name: str) -> Any:
        """Returns a mapping's item; a dataclass with a name takes its key for it."""
        named = dataclasses.is_dataclass(hint) and _KEY_FIELD in {field.name for field in dataclasses.fields(hint)}
        if named and isinstance(item, Mapping):
            if item.get(_KEY_FIELD, key) != key:
                raise ValueError(
                    f"{name}.{key}.{_KEY_FIELD} is {kind(item[_KEY_FIELD])}, but its key is its name; leave it out"
                )
            item = {**item, _KEY_FIELD: key}
        return self._convert(item, hint, f"{name}.{key}")

    def _closest(self, key: str, prefix: str, known: list[str]) -> str:
        """Returns '; did you mean X?': the same name elsewhere, else the closest name in this section."""
        namesakes = [name for name in _field_names(self._root) if name.rpartition(".")[2] == key and "." in name]
        close = namesakes or [f"{prefix}{name}" for name in difflib.get_close_matches(key, known, n=1, cutoff=0.5)]
        return f"; did you mean {close[0]}?" if close else f"; the fields are {', '.join(known)}"


def kind(value: Any) -> str:
    """Returns how messages show a value: with its type."""
    return f"{value!r} ({type(value).__name__})"


def _may_hold(hint: Any, value: Any) -> bool:
    """Says whether a value of several parts can only be meant for this type."""
    origin = typing.get_origin(hint)
    if isinstance(value, Mapping):
        return dataclasses.is_dataclass(hint) or (isinstance(origin, type) and issubclass(origin, Mapping))
    return isinstance(value, list) and origin is tuple


def _field_names(cls: type, prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every field below a dataclass; those of a mapping's items have no name of their own."""
    for name, hint in typing.get_type_hints(cls).items():
        yield f"{prefix}{name}"
        for option in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(option) and typing.get_origin(hint) in (None, *_UNIONS):
                yield from _field_names(typing.cast(type, option), f"{prefix}{name}.")


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _scalar(value: Any, hint: Any, name: str) -> Any:
    if hint is float and type(value) is int:
        value = float(str(value))  # by way of text, since a whole number too great for a float is then infinite
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        raise ValueError(f"{name} is {kind(value)}; it must be {_wanted(hint)}")
    if hint is int and not -_INT_LIMIT <= value < _INT_LIMIT:
        raise ValueError(f"{name} is {value}; it must be a whole number of 64 bits")
    return value


def _wanted(hint: Any) -> str:
    """Returns what a field takes, in words."""
    origin = typing.get_origin(hint)
    if origin in _UNIONS:
        return " or ".join(_wanted(option) for option in typing.get_args(hint))
    if origin is typing.Literal:
        choices = [choice if isinstance(choice, str) else str(choice).lower() for choice in typing.get_args(hint)]
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if dataclasses.is_dataclass(hint):
        return "a mapping of its fields"
    return _WANTED.get(origin or hint, "a mapping")

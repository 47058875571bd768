"""Prints what the site takes from the code: `reference.py fields`, every field of a config; `reference.py commands`.

A field's row comes from its dataclass: the type and the default from the annotation, the rest from the docstring's
Attributes. There a number ends in its unit and where its default comes from, as in `[px; ALIGN section 3]`.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import typer
import yaml

from tfx_pipeline.cli import app
from tfx_pipeline.settings.config import Config

WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null"}
_ENTRY = re.compile(r"^  (\w+(?:, \w+)*): (.*(?:\n {4,}.*)*)", re.MULTILINE)
_UNIT_AND_SOURCE = re.compile(r"\s*\[([^\];]+); ([^\]]+)\]$")


class Field(NamedTuple):
    """What the reference says of a field; unit and source are empty where its class states none."""

    name: str
    hint: Any
    default: Any
    meaning: str
    unit: str
    source: str


def attributes(cls: type) -> dict[str, tuple[str, str, str]]:
    """Returns field -> meaning, unit and source, from the Attributes of a class and of those that it extends."""
    found: dict[str, tuple[str, str, str]] = {}
    for of in reversed(cls.__mro__):
        for names, text in _ENTRY.findall(_parts(of.__dict__.get("__doc__"))[1]):
            meaning = " ".join(text.split())
            marked = _UNIT_AND_SOURCE.search(meaning)
            unit, source = marked.groups() if marked else ("", "")
            for name in names.split(", "):
                found[name] = (_UNIT_AND_SOURCE.sub("", meaning), unit, source)
    return found


def fields(cls: type) -> list[Field]:
    """Returns a dataclass's fields in their order."""
    hints, said = typing.get_type_hints(cls), attributes(cls)
    return [
        Field(field.name, hints[field.name], _default(field), *said.get(field.name, ("", "", "")))
        for field in dataclasses.fields(cls)
    ]


def sections() -> Iterator[tuple[str, type]]:
    """Yield (dotted name, class) of the config and of each class below it; "*" stands for any key."""
    yield "", Config
    yield from _below("", Config)


def is_number(hint: Any) -> bool:
    """Says whether a field's value may be a number."""
    return any(option in (int, float) for option in (hint, *typing.get_args(hint)))


def config_reference() -> str:
    """Returns the tables of all fields as Markdown, a heading a section."""
    parts = []
    for section, cls in sections():
        parts += [f"## `{section}`" if section else "## The top of a file", _first_lines(cls)]
        values = [field for field in fields(cls) if not dataclasses.is_dataclass(field.hint)]  # a section has its own
        parts.append(_table(("field", "type and unit", "default and its source", "meaning"), map(_row, values)))
    return "\n\n".join(parts)


def all_commands(commands: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (name, command) by name, those of a group behind it, such as `index build`."""
    for name, command in sorted(commands.items()):
        yield f"{before}{name}", command
        yield from all_commands(getattr(command, "commands", {}), f"{before}{name} ")


def command_reference() -> str:
    """Returns each subcommand of `align` with its arguments and options as Markdown."""
    parts = []
    for name, command in all_commands(typer.main.get_command(app).commands):
        parts += [f"## `align {name}`", _words(command.help)]
        if command.params:
            parts.append(_table(("", "default", "meaning"), map(_parameter, command.params)))
    return "\n\n".join(parts)


def _below(prefix: str, cls: type) -> Iterator[tuple[str, type]]:
    for name, hint in typing.get_type_hints(cls).items():
        mapped = isinstance(hint, types.GenericAlias) or typing.get_origin(hint) is not None
        for option in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(option):
                is_keyed = mapped and _is_mapping(hint)
                section = f"{prefix}{name}{'.*' if is_keyed else ''}"
                yield section, typing.cast(type, option)
                yield from _below(f"{section}.", typing.cast(type, option))


def _is_mapping(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _row(field: Field) -> tuple[str, ...]:
    unit = "" if field.unit in ("", "-") else f", {field.unit}"
    default = _yaml(field.default) + (f" ({field.source})" if field.source else "")
    return f"`{field.name}`", f"{_type(field.hint)}{unit}", default, field.meaning


def _type(hint: Any) -> str:
    """Returns a type in a reader's words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(option) for option in arguments))
    if origin is typing.Literal:
        return " or ".join(_yaml(choice) for choice in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if _is_mapping(hint):
        return f"mapping to {_type(arguments[1])}"
    return WORDS.get(hint, "section" if dataclasses.is_dataclass(hint) else "text")


def _yaml(value: Any) -> str:
    if value is dataclasses.MISSING:
        return "required"
    if dataclasses.is_dataclass(value):
        return ""
    if isinstance(value, float):
        return f"`{value:g}`"
    plain = dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
    return f"`{yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix('...' + chr(10)).strip()}`"


def _parameter(parameter: Any) -> tuple[str, ...]:
    """Returns the row of an argument or option, as Typer keeps it."""
    is_option = parameter.opts[0].startswith("-")
    names = ", ".join(f"`{name if is_option else name.upper()}`" for name in parameter.opts)
    given = parameter.default not in (None, False, [], ())
    default = "required" if parameter.required else f"`{parameter.default}`" if given else ""
    return names, default, _words(parameter.help or "")


def _first_lines(cls: type) -> str:
    """Returns what a class's docstring says before and after its Attributes."""
    above, _, after = _parts(cls.__doc__)
    file = "/".join(cls.__module__.split(".")) + ".py"
    return "\n\n".join(filter(None, [above, after, f"Class `{cls.__name__}` in `{file}`."]))


def _parts(docstring: str | None) -> tuple[str, str, str]:
    """Returns what stands before a docstring's Attributes, they themselves, and what follows but for the examples."""
    above, _, below = inspect.cleandoc(docstring or "").partition("\nAttributes:\n")
    entries, *after = re.split(r"\n(?=\S)", below)
    return above.strip(), entries, "\n".join(part for part in after if not part.startswith("Examples:")).strip()


def _words(text: str) -> str:
    return " ".join(text.split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    print({"fields": config_reference, "commands": command_reference}[sys.argv[1]]())

"""Reads and writes YAML that means the same to every reader: what versions of YAML read differently is refused.

YAML 1.1 takes `no` for false, `01300` for 704, `5:00` for 300 and a bare date for a date; YAML 1.2 does not. Here such
a scalar must be quoted, or written plainly. A key that comes twice, which YAML forbids and PyYAML passes over, is
refused. Keys are texts: a whole number is taken as it is written, any other key that is no text must be quoted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

_YAML = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _TEXT, _MERGE = (_YAML + name for name in ["null", "bool", "int", "float", "str", "merge"])
_PLAIN = {  # tag -> how every version of YAML writes a value of it
    _NULL: r"~|null|Null|NULL|",
    _BOOL: r"true|True|TRUE|false|False|FALSE",
    _INT: r"[-+]?(?:0|[1-9][0-9]*)",
    # PyYAML and YAML 1.1 want a point in a float and a sign in its exponent: 1e-3 is a number all the same.
    _FLOAT: r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    _MERGE: r"<<",
}
_OF_YAML_1_2 = r"0o[0-7]+|[-+]?0[0-9]+"  # numbers that are text to YAML 1.1, or octal
_LINE_BREAK = "[\n\r\x85\u2028\u2029]"
_AMBIGUOUS = "!ambiguous"
_NO_TEXT = {_NULL: "is null", _BOOL: "is a truth value", _FLOAT: "is a number"}  # tag of a key that must be quoted


class _Loader(yaml.SafeLoader):
    """Marks each plain scalar with the tag that all versions of YAML give it, or as ambiguous."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - PyYAML's own form

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        if re.fullmatch(_OF_YAML_1_2, value):
            return _AMBIGUOUS
        plain = next((tag for tag, written in _PLAIN.items() if re.fullmatch(written, value)), _TEXT)
        return _AMBIGUOUS if plain == _TEXT and _of_yaml_1_1(value) != _TEXT else plain


class _Dumper(yaml.SafeDumper):
    """Quotes each text that is not plainly one."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        **yaml.SafeDumper.yaml_implicit_resolvers,
        None: [(_AMBIGUOUS, re.compile(rf"^(?:{'|'.join(_PLAIN.values())}|{_OF_YAML_1_2})$"))],
    }


class _LineDumper(_Dumper):
    """Escapes line breaks, where other quotes would write them."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        return super().represent_scalar(tag, value, '"' if re.search(_LINE_BREAK, value) else style)


def read_yaml(content: str | bytes, where: str, name: str = "the document") -> Any:
    """Returns the mappings, lists and scalars of one YAML document; None where it is empty.

    No two places of the answer share an object, also where the document has aliases.

    Args:
      content: the document; bytes may be UTF-8 or UTF-16, with or without a mark.
      where: where it comes from, as messages have it: a file's path, or an option.
      name: what messages call the whole of it.

    Raises:
      ValueError: in one sentence that names the line and the field.
    """
    try:
        node = yaml.compose(content, Loader=_Loader)
        return None if node is None else _Builder(where, name).value(node, ())
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}," if error.problem_mark else ""
        said = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        raise ValueError(f"{where}{line} is not YAML: {said}; mend that line") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{where} is not YAML: {' '.join(str(error).split())}; save it as UTF-8") from error
    except RecursionError as error:
        raise ValueError(f"{where} is not usable YAML: it is nested too deep; write it flatter") from error


def write_yaml(value: Any) -> str:
    """Returns YAML that `read_yaml` and every other reader take for the same value; keys keep their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False)


def write_yaml_line(value: Any) -> str:
    """Returns a value as one line of YAML."""
    text = yaml.dump(value, Dumper=_LineDumper, default_flow_style=True, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...").strip()


class _Builder:
    """Makes values of a document's nodes.

    `path` names the place of a node: the keys that lead to it.
    """

    def __init__(self, where: str, name: str) -> None:
        self._where = where
        self._name = name
        self._open: set[int] = set()  # ids of the nodes that the present one stands in

    def value(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise self._error(node, path, "is an alias of what it stands in; write it out")
        if node.tag not in (f"{_YAML}map", f"{_YAML}seq"):
            raise self._error(node, path, f"has the tag {node.tag}, which has no meaning here; leave it out")
        self._open.add(id(node))
        built = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._list(node, path)
        self._open.discard(id(node))
        return built

    def _list(self, node: yaml.Node, path: tuple[str, ...]) -> list[Any]:
        above, name = path[:-1], "".join(path[-1:])
        return [self.value(item, (*above, f"{name}[{index}]")) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, item in node.value:
            key = self._key(key_node, path)
            if key in lines:
                raise self._error(key_node, (*path, key), f"stands in line {lines[key]} too; leave one of them out")
            lines[key] = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                for mapping in self._to_merge(item, path):
                    merged = {**mapping, **merged}
            else:
                own[key] = self.value(item, (*path, key))
        return {**merged, **own}

    def _to_merge(self, node: yaml.Node, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(each, yaml.MappingNode):
                raise self._error(each, (*path, "<<"), "merges what is no mapping; give the alias of one")
            yield self.value(each, path)

    def _key(self, node: yaml.Node, path: tuple[str, ...]) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, path, "has a mapping or a list for a key; a key is a text")
        why = _readings(node.value) if node.tag == _AMBIGUOUS else _NO_TEXT.get(node.tag)
        if why:
            raise self._error(node, path, f"has the key {node.value}, which {why}; quote it: '{node.value}'")
        return node.value

    def _scalar(self, node: yaml.ScalarNode, path: tuple[str, ...]) -> Any:
        text = node.value
        if node.tag in (_AMBIGUOUS, _MERGE):
            raise self._error(node, path, f"is {text}, which {_readings(text)}; {_remedy(text)}")
        if node.tag not in (*_PLAIN, _TEXT) or not re.fullmatch(_PLAIN.get(node.tag, r"(?s:.*)"), text):
            raise self._error(node, path, f"has the tag {node.tag} for {text!r}; leave the tag out")
        try:
            if node.tag == _INT:
                return int(text)
        except ValueError:  # Python converts no more than some thousand digits
            raise self._error(node, path, f"is a number of {len(text)} digits; give a smaller one") from None
        if node.tag == _FLOAT:
            return float(re.sub(r"\.(inf|nan)", r"\1", text.lower()))
        return {_NULL: None, _BOOL: text.lower() == "true"}.get(node.tag, text)

    def _error(self, node: yaml.Node, path: tuple[str, ...], said: str) -> ValueError:
        line = node.start_mark.line + 1
        return ValueError(f"{self._where}, line {line}: {'.'.join(path) or self._name} {said}")


def _of_yaml_1_1(text: str) -> str:
    """Returns the tag that PyYAML gives a plain scalar."""
    return yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, (True, False))


def _readings(text: str) -> str:
    if _of_yaml_1_1(text) == _TEXT:
        return f"YAML 1.2 reads as {int(text, 8) if 'o' in text else int(text)} and YAML 1.1 as text"
    try:
        return f"YAML 1.1 reads as {yaml.safe_load(text)} and YAML 1.2 does not"
    except (yaml.YAMLError, ValueError):  # a date that no calendar has, or `=`
        return "YAML 1.1 reads as no text"


def _remedy(text: str) -> str:
    if text.lower() in ("yes", "on", "no", "off"):
        return f"write {'true' if text.lower() in ('yes', 'on') else 'false'}, or quote it: '{text}'"
    is_number = _of_yaml_1_1(text) in (_INT, _FLOAT) or re.fullmatch(_OF_YAML_1_2, text)
    return f"quote it: '{text}'" + (", or write it as a plain decimal number" if is_number else "")

"""Reads which modules a source file imports, also inside its functions, and whether files do so in a circle."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

HIDDEN = "?"  # the name of a module that is made up at run time


def imported(path: str, tree: ast.Module) -> list[tuple[int, str]]:
    """Returns (line, dotted name) of each import anywhere in `tree`; `from a import b` counts as a.b."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = PurePosixPath(path).parts[: -node.level] if node.level else ()
            module = ".".join((*above, *([node.module] if node.module else [])))
            found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if called in {"import_module", "__import__"}:
                named = node.args[0].value if isinstance(node.args[0], ast.Constant) else HIDDEN
                found.append((node.lineno, str(named)))
    return found


def circle(sources: Mapping[str, str]) -> list[str]:
    """Returns the files of a circle in which `sources` import one another, also inside functions; [] where none is."""
    module_of = {path.removesuffix(".py").replace("/", "."): path for path in sources}
    needs = {
        path: {
            module_of[module]
            for _, name in imported(path, ast.parse(source))
            for module in (name, name.rpartition(".")[0])
            if module in module_of
        }
        for path, source in sources.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []

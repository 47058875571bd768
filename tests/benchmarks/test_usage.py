"""Every measurement starts by the command that its Usage line says, and takes the flags named there."""

from __future__ import annotations

import ast
import re
import runpy
import sys

import pytest

from benchmarks.shared.checkout import ROOT

USAGE = re.compile(r"^Usage: (.+(?:\n {7}.+)*)", re.MULTILINE)
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "benchmarks").glob("*/*.py"))
}
DOCSTRINGS = {module: ast.get_docstring(ast.parse(source)) or "" for module, source in SOURCES.items()}
USAGES = {module: found[1] for module, docstring in DOCSTRINGS.items() if (found := USAGE.search(docstring))}


def test_whatever_can_be_started_says_how():
    started = {module for module, source in SOURCES.items() if 'if __name__ == "__main__":' in source}
    by_others = {module for module, docstring in DOCSTRINGS.items() if "\nStarted by " in docstring}
    assert started == {*USAGES, *by_others}
    assert len(USAGES) > 20


def test_what_they_start_is_there():
    named = {name for source in SOURCES.values() for name in re.findall(r'"(benchmarks\.[\w.]+)"', source)}
    assert named <= set(SOURCES)
    assert {module for module, docstring in DOCSTRINGS.items() if "\nStarted by " in docstring} <= named


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")  # imported by another test before
@pytest.mark.parametrize("module", USAGES)
def test_it_starts_as_its_usage_says(module, monkeypatch, capsys):
    words = USAGES[module].split()
    assert words[:3] == [".venv/bin/python", "-m", module]
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    told = capsys.readouterr().out
    assert not ended.value.code
    named = set(re.findall(r"--[\w-]+", USAGES[module]))
    assert named <= set(re.findall(r"--[\w-]+", told.partition("\n\n")[0])), "argparse's own first paragraph"

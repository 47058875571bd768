"""What the documents name is there: links and anchors, files, modules, fields; and every config in them loads."""

from __future__ import annotations

import ast
import dataclasses
import posixpath
import re
import typing

import pytest
import yaml

from components.beam.options import check_beam_options
from components.evaluator.suites.suite import load_suite
from pages import PAGES, ROOT, Block, blocks, links, read, slugs, spans
from tfx_pipeline.judging.pair_sets import pair_entry
from tfx_pipeline.settings.config import Config, load

PACKAGES = ("tfx_pipeline", "components", "models", "serving")
FOLDERS = (*PACKAGES, "benchmarks", "demo", "deploy", "docs", "scripts", "tests")
NAMES = {
    path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.*") if "__pycache__" not in path.parts
} | {path.name for path in ROOT.iterdir()}
NAMES |= {"utils.py", "worker.py"}  # what the house has none of, and what a reader writes
SECTIONS = tuple(typing.get_type_hints(Config))
YAML = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
SUITES = [block for block in YAML if block.text.startswith("# A suite: ")]
CONFIGS = [block for block in YAML if block not in SUITES]


def missing_path(span: str) -> bool:
    """Says whether a code span names a file or folder of the checkout, or several by glob, that is not there."""
    path = span.rstrip("/")
    if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})(?:/[\w.*-]+)+", path):
        return not any(ROOT.glob(path))
    return bool(re.fullmatch(r"\w+\.(?:py|md|toml|lock|yml)|Dockerfile|Makefile", path)) and path not in NAMES


def missing_module(span: str) -> bool:
    """Says whether a code span names a module of ours, or what it defines, that is not there."""
    if not re.fullmatch(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+", span):
        return False
    path = ROOT.joinpath(*span.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return False
    return not defines(f"{path.parent.relative_to(ROOT)}.py", path.name)


def defines(file: str, name: str) -> bool:
    """Says whether a file has a class, a function or a constant of that name at its top."""
    if not (ROOT / file).is_file():
        return False
    for node in ast.parse(read(file)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if name in (getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)):
            return True
    return False


def missing_field(span: str) -> bool:
    """Says whether a code span is a dotted field of a config, with or without a value, that no section has."""
    dotted = re.match(rf"((?:{'|'.join(SECTIONS)})(?:\.\w+)+)(?:: |=|$)", span)
    if not dotted or dotted[1].endswith(".json"):
        return False
    hint: typing.Any = Config
    for name in dotted[1].split("."):
        classes = [option for option in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(option)]
        if not classes:
            return False  # a mapping's own keys
        hints = typing.get_type_hints(classes[0])
        if name not in hints:
            return True
        hint = hints[name]
    return False


@pytest.mark.parametrize("page", PAGES)
def test_paths_modules_and_fields_are_there(page):
    found = spans(page)
    wrong = [span for span in found if missing_path(span) or missing_module(span) or missing_field(span)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in links(page):
        path, _, anchor = target.partition("#")
        to = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        assert (ROOT / to).exists(), target
        assert not anchor or anchor in slugs(to), target


@pytest.mark.parametrize("page", PAGES)
def test_a_name_said_to_be_in_a_file_is_there(page):
    text = " ".join(read(page).split())
    named = re.findall(r"`(\w+)` in `([\w/]+\.py)`", text)
    assert [pair for pair in named if not defines(pair[1], pair[0])] == []
    assert named or page != "docs/map.md"


def test_the_citation_is_of_this_version():
    version = re.search('^version = "(.+)"$', read("pyproject.toml"), re.MULTILINE)
    assert version
    assert yaml.safe_load(read("CITATION.cff"))["version"] == version[1]


def test_every_extra_is_one_of_the_project():
    extras = read("pyproject.toml").partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    named = {extra for page in PAGES for pair in re.findall(r"extra `(\w+)`|\.\[(\w+)\]", read(page)) for extra in pair}
    assert {"s3", "hdfs", "onnx"} <= named - {""} <= set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))


@pytest.mark.parametrize("block", CONFIGS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_config_loads(block: Block, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(block.text, encoding="utf-8")
    config = load(str(path))
    check_beam_options(config.beam.options, config.beam.runner)


def test_every_suite_loads(tmp_path):
    assert SUITES
    for block in SUITES:
        path = tmp_path / "mine.yaml"
        path.write_text(block.text, encoding="utf-8")
        suite = load_suite(str(path))
        assert suite.entries()
        assert [pair_entry(name, fields, tmp_path).name for name, fields in suite.pairs.items()] == [*suite.pairs]


def test_the_configs_of_flink_and_dataflow_are_among_them():
    runners = [yaml.safe_load(block.text).get("beam", {}).get("runner") for block in CONFIGS]
    assert {"flink", "dataflow"} <= set(runners)
    assert len(CONFIGS) > 10


def test_python_of_the_documents_compiles_and_imports_what_is_there():
    found = [block for page in PAGES for block in blocks(page) if block.language == "python"]
    assert len(found) > 3
    for block in found:
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGES):
                for alias in node.names:
                    assert not missing_module(f"{node.module}.{alias.name}"), f"{block.page}:{block.line}"


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_docs_ask_one_question_and_show_something_first(page):
    if not page.startswith("docs/"):
        return
    lines = read(page).splitlines()
    assert re.fullmatch(r"# .+\?", lines[0]), "the title is the question that the page answers"
    assert sum(len(line.split()) for line in lines) < 1800


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("models/towers/none.py", missing_path),
        ("components/*/none.py", missing_path),
        ("NONE.md", missing_path),
        ("models.towers.none", missing_module),
        ("models.trainer.run", missing_module),
        ("training.step", missing_field),
        ("filter.unsafe.model.pth", missing_field),
    ],
)
def test_what_is_not_there_is_caught(said, wrong):
    assert wrong(said)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("models/towers/cpu/", missing_path),
        ("components/*/executor.py", missing_path),
        ("models.trainer.run_fn", missing_module),
        ("serving.normal_form", missing_module),
        ("training.steps=500", missing_field),
        ("filter.unsafe.model.path", missing_field),
        ("beam.options.s3_endpoint_url", missing_field),
    ],
)
def test_what_is_there_passes(said, wrong):
    assert not wrong(said)

"""The house rules that a machine can hold: who may import whom and from where, what a file is called and begins with.

Arrows between our packages (also for imports inside functions and for importlib), by the lists of
tests/support/house_lists.py:
  tfx_pipeline    -> itself, components, the files of serving in DOORS_OF_SERVING, the files of models in PLAIN_MODELS,
                     which import no framework, and inside a function those in DOORS_OF_MODELS (the trainer by dotted
                     name, run_fn, as TFX has it)
  components/X    -> itself, what is shared, the files of serving in CONTRACTS, and serving.pictures, by which ingest
                     and the filter show a picture as a client does
  what is shared  -> what is shared: the files directly in components/ and its folders of SHARED_FOLDERS
  models          -> itself, the files of components in FOR_MODELS, the files of serving in CONTRACTS
  serving         -> itself
Frameworks (a row of FRAMEWORKS each): in components/ only PLUMBING may import TFX, Beam or TensorFlow, the folders that
move data and the files by which TFX knows a component. Every other file there holds rules or metrics that a test calls
on plain values.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pytest
from house_imports import HIDDEN, circle, imported

from house_lists import (
    CONTRACTS,
    DOORS_OF_COMPONENTS,
    DOORS_OF_MODELS,
    DOORS_OF_SERVING,
    FOR_MODELS,
    FRAMEWORKS,
    MAX_LINES,
    PLAIN_MODELS,
    PLUMBING,
    SHARED,
    SHARED_FOLDERS,
)

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tfx_pipeline", "components", "models", "serving")
PYTHON_FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (*PACKAGES, "benchmarks", "demo", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
OURS = [path for path in PYTHON_FILES if path.startswith(PACKAGES)]


def beneath(name: str, module: str) -> bool:
    """Says whether the dotted `name` is `module` or lies inside it."""
    return name == module or name.startswith(module + ".")


def arrows(path: str) -> frozenset[str]:
    """Returns the modules of ours that the file at `path` may import from."""
    room, *inside = PurePosixPath(path).parts
    if room == "tfx_pipeline":
        return frozenset({"tfx_pipeline", "components"}) | PLAIN_MODELS | DOORS_OF_SERVING | DOORS_OF_MODELS
    if room == "models":
        return frozenset({"models"}) | FOR_MODELS | CONTRACTS
    if room == "serving":
        return frozenset({"serving"})
    if len(inside) == 1 or f"{room}/{inside[0]}" in SHARED_FOLDERS:
        return SHARED
    doors = DOORS_OF_COMPONENTS.get(inside[0], frozenset())
    return SHARED | CONTRACTS | doors | {f"components.{inside[0]}", "serving.pictures"}


def broken_arrows(path: str, source: str) -> list[str]:
    """Returns one sentence for each import in `source` that the file at `path` may not make."""
    broken, lines = [], source.splitlines()
    for line, name in imported(path, ast.parse(source)):
        at_once = not lines[line - 1].startswith(" ")
        if name == HIDDEN:
            broken.append(f"{path}:{line} imports what no reader sees; write the name down")
        if at_once and path.startswith("tfx_pipeline/") and any(beneath(name, door) for door in DOORS_OF_MODELS):
            broken.append(f"{path}:{line} imports {name} at once, and a framework with it; import it in the function")
        if name.partition(".")[0] in PACKAGES and not any(beneath(name, module) for module in arrows(path)):
            broken.append(f"{path}:{line} imports {name}; it may import {', '.join(sorted(arrows(path)))}")
        for framework, files in FRAMEWORKS.items():
            if beneath(name, framework) and not any(fnmatchcase(path, pattern) for pattern in files):
                broken.append(f"{path}:{line} imports {name}; {framework} is imported by {', '.join(files)} alone")
    return broken


def broken_form(path: str, source: str) -> list[str]:
    """Returns one sentence for each rule on a file's form that `source` breaks."""
    if path.endswith("/__init__.py"):
        return [f"{path}:1 is not empty; what ls shows is what an import says"] if source else []
    lines = source.splitlines()
    first = ast.parse(source).body[:1]
    broken = []
    if PurePosixPath(path).stem in {"util", "utils"}:
        broken.append(f"{path}:1 is called after no idea; name the file after what it is for")
    if len(lines) > MAX_LINES:
        broken.append(f"{path}:{MAX_LINES + 1} is past {MAX_LINES} lines (it has {len(lines)}); one idea a file")
    is_docstring = bool(first) and isinstance(first[0], ast.Expr) and isinstance(first[0].value, ast.Constant)
    begins = 2 if lines and lines[0].startswith("#!") else 1
    if not is_docstring or first[0].lineno != begins or not str(first[0].value.value).splitlines()[0].strip():
        broken.append(f"{path}:{begins} does not begin with a docstring that says what the file is for")
    return broken


def second_names(sources: Mapping[str, str]) -> list[str]:
    """Returns one sentence for each name that a file imports from another of `sources` which only imports it too."""
    module_of = {path.removesuffix(".py").replace("/", "."): path for path in sources}
    trees = {path: ast.parse(source) for path, source in sources.items()}
    borrowed = {path: {name.rpartition(".")[2] for _, name in imported(path, tree)} for path, tree in trees.items()}
    broken = []
    for path, tree in trees.items():
        for line, name in imported(path, tree):
            module, _, last = name.rpartition(".")
            if last in borrowed.get(module_of.get(module, ""), ()):
                broken.append(
                    f"{path}:{line} imports {name}, which {module} imports itself; import it from its own file"
                )
    return broken


def read(paths: Iterable[str]) -> dict[str, str]:
    """Returns path -> source."""
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in paths}


def test_every_import_follows_the_arrows():
    assert len(OURS) > 30, "the checker found too few files to mean anything"
    broken = [line for path, source in read(OURS).items() for line in broken_arrows(path, source)]
    assert not broken, "\n".join(broken)


def test_every_door_is_used():
    used = {name for path, source in read(OURS).items() for _, name in imported(path, ast.parse(source))}
    doors = DOORS_OF_SERVING | DOORS_OF_MODELS | frozenset().union(*DOORS_OF_COMPONENTS.values())
    assert {door for door in doors if not any(beneath(name, door) for name in used)} == set()


def test_everything_is_imported_from_its_own_file():
    assert not second_names(read(PYTHON_FILES)), "\n".join(second_names(read(PYTHON_FILES)))


def test_no_imports_run_in_a_circle():
    assert circle(read(OURS)) == []


def test_a_circle_is_found_inside_functions_too():
    sources = {
        "serving/a.py": "from serving.b import f",
        "serving/b.py": "def f():\n    import serving.c",
        "serving/c.py": "from serving import a",
        "serving/d.py": "import serving.a",
    }
    assert set(circle(sources)) == {"serving/a.py", "serving/b.py", "serving/c.py"}


def test_every_file_is_short_and_says_what_it_is_for():
    broken = [line for path, source in read(PYTHON_FILES).items() for line in broken_form(path, source)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("pattern", PLUMBING)
def test_plumbing_names_files_that_exist(pattern):
    assert any(fnmatchcase(path, pattern) for path in PYTHON_FILES)


@pytest.mark.parametrize(
    ("path", "source", "named"),
    [
        ("tfx_pipeline/pipeline.py", "from models.towers.dual_encoder import DualEncoder", "models.towers"),
        ("tfx_pipeline/pipeline.py", "import models", "imports models;"),
        ("tfx_pipeline/commands/search/query.py", "from serving.tensors import to_proto", "serving.tensors"),
        ("tfx_pipeline/pipeline.py", "import apache_beam as beam", "apache_beam"),
        ("tfx_pipeline/pipeline.py", "from kfp import compiler", "kfp"),
        ("tfx_pipeline/report/page.py", "from google.cloud import storage", "google.cloud"),
        ("components/trainer/executor.py", "from components.vocabulary import words", "components.vocabulary"),
        (
            "components/trainer/executor.py",
            "def f():\n    from models.trainer import run_fn",
            ":2 imports models.trainer",
        ),
        ("components/evaluator/executor.py", "from models.texts.tokenizer import Tokenizer", "models.texts.tokenizer"),
        ("components/pusher/executor.py", "from serving.server.process import ServerProcess", "serving.server.process"),
        (
            "components/serving_validator/executor.py",
            "from serving.server.server import ModelServer",
            "serving.server.server",
        ),
        ("components/schema.py", "import components.trainer.config", "components.trainer"),
        ("components/schema.py", "import tensorflow as tf", "tensorflow"),
        ("components/pair_filter/judging/rules.py", "import apache_beam", "apache_beam"),
        ("components/pair_filter/judging/rules.py", "import os, tensorflow.compat", "tensorflow.compat"),
        ("components/pair_filter/judging/rules.py", "from tfx import types", "tfx.types"),
        (
            "components/evaluator/metrics/classes/zero_shot.py",
            "import importlib\nimportlib.import_module('keras')",
            ":2",
        ),
        ("tfx_pipeline/cli.py", "import importlib\nimportlib.import_module(NAME)", ":2 imports what no reader sees"),
        ("tfx_pipeline/cli.py", "from models.hugging_face.export import export_hf", ":1 imports models.hugging_face."),
        ("components/evaluator/metrics/retrieval.py", "from ...trainer import config", "components.trainer"),
        ("models/saving/export.py", "from tfx import types", "tfx.types"),
        ("tfx_pipeline/pipeline.py", "from tfx import v1 as tfx", "tfx.v1"),
        ("models/saving/export.py", "from components import artifacts", "components.artifacts"),
        ("models/saving/export.py", "from serving.server.server import Server", "serving.server.server"),
        ("serving/search/terms.py", "import models.texts.tokenizer", "models.texts.tokenizer"),
        ("serving/search/terms.py", "from components import schema", "components.schema"),
        ("serving/search/terms.py", "class A:\n    def f(self):\n        import tfx", ":3 imports tfx"),
    ],
)
def test_a_forbidden_import_is_caught(path, source, named):
    assert len(broken_arrows(path, source)) == 1
    assert broken_arrows(path, source)[0].startswith(path + ":")
    assert named in broken_arrows(path, source)[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tfx_pipeline/pipeline.py", "from tfx import components\nfrom models.config import ModelConfig"),
        ("tfx_pipeline/pipeline.py", "RUN_FN = 'models.trainer.run_fn'"),
        ("tfx_pipeline/cli.py", "def f():\n    from models.hugging_face.export import export_hf"),
        ("tfx_pipeline/kubeflow_runner.py", "from kfp import compiler"),
        ("components/trainer/component.py", "from . import config\nfrom components import artifacts, schema"),
        ("components/evaluator/executor.py", "import apache_beam\nfrom serving.signatures import EVALUATE"),
        ("components/evaluator/metrics/retrieval.py", "import numpy as np\nimport tensorflowish"),
        ("models/trainer.py", "from tfx import types\nfrom serving import signatures"),
        ("serving/search/terms.py", "from serving.versions import newest"),
    ],
)
def test_an_allowed_import_passes(path, source):
    assert broken_arrows(path, source) == []


def test_a_second_name_is_caught():
    sources = {
        "models/a.py": "class Tower: ...",
        "models/b.py": "from models.a import Tower",
        "models/c.py": "import models.a, models.b\nfrom models.a import Tower\nfrom models import b",
        "models/d.py": "def f():\n    from models.b import Tower",
    }
    assert [line.partition(" imports")[0] for line in second_names(sources)] == ["models/d.py:2"]


@pytest.mark.parametrize(
    ("path", "source", "named"),
    [
        ("models/a.py", "import os\n", "docstring"),
        ("models/a.py", "# A comment.\n'''Late.'''\n", "docstring"),
        ("models/a.py", "", "docstring"),
        ("models/a.py", "'''Long.'''\n" + "x = 1\n" * MAX_LINES, f"past {MAX_LINES} lines"),
        ("models/utils.py", "'''This and that.'''\n", "called after no idea"),
        ("models/__init__.py", "from models.a import x\n", "not empty"),
    ],
)
def test_a_broken_form_is_caught(path, source, named):
    assert [named in line for line in broken_form(path, source)] == [True]


def test_the_installed_command_answers_help_without_the_frameworks():
    align = Path(sys.executable).with_name("align")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", align, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "tfx_pipeline.cli" in modules
    assert not {name for name in modules for framework in FRAMEWORKS if beneath(name, framework)}

"""The house rules that a machine can hold: who may import whom, what a file begins with, how long it may be.

Arrows between our packages (also for imports inside functions and for importlib):
  tfx_pipeline   -> tfx_pipeline, components, serving, models.config   (the rest of models by dotted name, as run_fn)
  components/X   -> components/X, files directly in components/, serving.signatures, pure parts of models
  components/*.py-> files directly in components/
  models         -> models, components.schema, serving.signatures
  serving        -> serving
Frameworks (a row of FRAMEWORKS each): in components/ only PLUMBING, that is every component.py and executor.py and
the files named there, may import TFX, Beam or TensorFlow. Every other file of components/ holds rules or metrics that a
test calls on plain values: a file is pure until it is named.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tfx_pipeline", "components", "models", "serving")
PYTHON_FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (*PACKAGES, "benchmarks", "demo", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
SHARED = frozenset(f"components.{path.stem}" for path in (ROOT / "components").glob("*.py")) - {"components.__init__"}
PURE_MODELS = frozenset({"models.tokenizer", "models.metrics"})

PLUMBING = (
    "components/*/component.py",  # a component's interface
    "components/*/executor.py",  # moves data
    "components/artifacts.py",  # types known to ML Metadata
    "components/beam_options.py",  # Beam's own list of its options
    "components/example_files.py",  # Examples artifacts in and out of Beam
    "components/pair_filter/first_pass.py",  # moves data, as the executor does
    "components/pair_example_gen/shards.py",  # lists shards on any file system that Beam reads
    "components/evaluator/baseline.py",  # asks ML Metadata for the last blessed model
    "components/evaluator/extractors.py",  # changes Examples between TFMA's reading and predicting
    "components/evaluator/results.py",  # reads what TFMA wrote
    "components/evaluator/tfma_metrics.py",  # the NumPy metrics as TFMA asks for them
)
RUNNERS = ("tfx_pipeline/*runner*.py",)
ANYWHERE_BUT_COMPONENTS = ("tfx_pipeline/*", "models/*", "serving/*")
FRAMEWORKS = {  # a module and all beneath it -> the files that may import it
    "tfx": ("tfx_pipeline/*", *PLUMBING, "models/trainer.py"),
    "ml_metadata": ("tfx_pipeline/*", *PLUMBING),
    "apache_beam": PLUMBING,
    "tensorflow": (*ANYWHERE_BUT_COMPONENTS, *PLUMBING),
    "tensorflow_text": (*ANYWHERE_BUT_COMPONENTS, *PLUMBING),
    "keras": (*ANYWHERE_BUT_COMPONENTS, *PLUMBING),
    "keras_hub": ("models/*",),
    "tensorflow_model_analysis": ("tfx_pipeline/*", *PLUMBING),
    "tensorflow_data_validation": ("tfx_pipeline/*", *PLUMBING),
    "tensorflow_transform": PLUMBING,
    "tfx_bsl": PLUMBING,
    "kfp": RUNNERS,
    "kubernetes": RUNNERS,
    "google.cloud": RUNNERS,
    "googleapiclient": RUNNERS,
}


def beneath(name: str, module: str) -> bool:
    """Says whether the dotted `name` is `module` or lies inside it."""
    return name == module or name.startswith(module + ".")


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
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                found.append((node.lineno, node.args[0].value))
    return found


def arrows(path: str) -> frozenset[str]:
    """Returns the modules of ours that the file at `path` may import from."""
    room, *inside = PurePosixPath(path).parts
    if room == "tfx_pipeline":
        return frozenset({"tfx_pipeline", "components", "serving", "models.config"})
    if room == "models":
        return frozenset({"models", "components.schema", "serving.signatures"})
    if room == "serving":
        return frozenset({"serving"})
    if len(inside) == 1:
        return SHARED
    return SHARED | PURE_MODELS | {f"components.{inside[0]}", "serving.signatures"}


def broken_arrows(path: str, source: str) -> list[str]:
    """Returns one sentence for each import in `source` that the file at `path` may not make."""
    broken = []
    for line, name in imported(path, ast.parse(source)):
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
    if len(lines) > 400:
        broken.append(f"{path}:401 is past 400 lines (it has {len(lines)}); one idea a file")
    is_docstring = bool(first) and isinstance(first[0], ast.Expr) and isinstance(first[0].value, ast.Constant)
    begins = 2 if lines and lines[0].startswith("#!") else 1
    if not is_docstring or first[0].lineno != begins or not str(first[0].value.value).splitlines()[0].strip():
        broken.append(f"{path}:{begins} does not begin with a docstring that says what the file is for")
    return broken


def test_every_import_follows_the_arrows():
    ours = [path for path in PYTHON_FILES if path.startswith(PACKAGES)]
    assert len(ours) > 30, "the checker found too few files to mean anything"
    broken = [line for path in ours for line in broken_arrows(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert not broken, "\n".join(broken)


def test_every_file_is_short_and_says_what_it_is_for():
    broken = [line for path in PYTHON_FILES for line in broken_form(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("pattern", PLUMBING)
def test_plumbing_names_files_that_exist(pattern):
    assert any(fnmatchcase(path, pattern) for path in PYTHON_FILES)


@pytest.mark.parametrize(
    ("path", "source", "named"),
    [
        ("tfx_pipeline/pipeline.py", "from models.dual_encoder import DualEncoder", "models.dual_encoder"),
        ("tfx_pipeline/pipeline.py", "import models", "imports models;"),
        ("tfx_pipeline/pipeline.py", "import apache_beam as beam", "apache_beam"),
        ("tfx_pipeline/pipeline.py", "from kfp import compiler", "kfp"),
        ("tfx_pipeline/report/page.py", "from google.cloud import storage", "google.cloud"),
        ("components/trainer/executor.py", "from components.vocabulary import words", "components.vocabulary"),
        (
            "components/trainer/executor.py",
            "def f():\n    from models.trainer import run_fn",
            ":2 imports models.trainer",
        ),
        ("components/schema.py", "import components.trainer.config", "components.trainer"),
        ("components/schema.py", "import tensorflow as tf", "tensorflow"),
        ("components/pair_filter/rules.py", "import apache_beam", "apache_beam"),
        ("components/pair_filter/rules.py", "import os, tensorflow.compat", "tensorflow.compat"),
        ("components/pair_filter/rules.py", "from tfx import v1", "tfx.v1"),
        ("components/evaluator/retrieval.py", "import importlib\nimportlib.import_module('keras')", ":2 imports keras"),
        ("components/evaluator/retrieval.py", "from ..trainer import config", "components.trainer"),
        ("models/export.py", "from tfx import v1", "tfx.v1"),
        ("models/export.py", "from components import artifacts", "components.artifacts"),
        ("models/export.py", "from serving.server import Server", "serving.server"),
        ("serving/search.py", "import models.tokenizer", "models.tokenizer"),
        ("serving/search.py", "from components import schema", "components.schema"),
        ("serving/search.py", "class A:\n    def f(self):\n        import tfx", ":3 imports tfx"),
    ],
)
def test_a_forbidden_import_is_caught(path, source, named):
    assert len(broken_arrows(path, source)) == 1
    assert broken_arrows(path, source)[0].startswith(path + ":")
    assert named in broken_arrows(path, source)[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tfx_pipeline/pipeline.py", "from tfx import v1 as tfx\nfrom models.config import ModelConfig"),
        ("tfx_pipeline/pipeline.py", "RUN_FN = 'models.trainer.run_fn'"),
        ("tfx_pipeline/kubeflow_runner.py", "from kfp import compiler"),
        ("components/trainer/component.py", "from . import config\nfrom components import artifacts, schema"),
        ("components/evaluator/executor.py", "import apache_beam\nfrom models.tokenizer import build"),
        ("components/evaluator/retrieval.py", "import numpy as np\nimport tensorflowish"),
        ("models/trainer.py", "from tfx import v1\nfrom serving import signatures"),
        ("serving/search.py", "from serving.versions import newest"),
    ],
)
def test_an_allowed_import_passes(path, source):
    assert broken_arrows(path, source) == []


@pytest.mark.parametrize(
    ("path", "source", "named"),
    [
        ("models/a.py", "import os\n", "docstring"),
        ("models/a.py", "# A comment.\n'''Late.'''\n", "docstring"),
        ("models/a.py", "", "docstring"),
        ("models/a.py", "'''Long.'''\n" + "x = 1\n" * 400, "past 400 lines"),
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

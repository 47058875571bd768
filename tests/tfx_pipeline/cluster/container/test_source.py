"""The fingerprint of a checkout is that of what is installed from it, and of nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import pytest

from tfx_pipeline.cluster.container.source import ROOT, source_fingerprint

PACKED = ("pyproject.toml", "README.md", "LICENSE", "components", "models", "serving", "tfx_pipeline")


@pytest.fixture
def checkout(tmp_path):
    """Returns a small tree with a file of each kind."""
    for name in ("components/rules.py", "models/a/b.py", "serving/page.py", "tfx_pipeline/presets/x.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path


def test_a_wheel_built_from_this_checkout_has_its_fingerprint(tmp_path):
    copy = tmp_path / "copy"
    for name in PACKED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.mkdir(exist_ok=True)
            shutil.copy(source, copy / name)
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
    built = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, text=True, check=True)
    wheel = copy / "dist" / built.stdout.split()[-1]
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "site")
    assert source_fingerprint(tmp_path / "site") == source_fingerprint(copy) == source_fingerprint()


@pytest.mark.parametrize("name", ["components/rules.py", "models/a/b.py", "tfx_pipeline/presets/x.yaml"])
def test_a_changed_file_changes_it(checkout, name):
    before = source_fingerprint(checkout)
    (checkout / name).write_text("other", encoding="utf-8")
    assert source_fingerprint(checkout) != before


def test_a_file_that_moved_changes_it(checkout):
    before = source_fingerprint(checkout)
    (checkout / "models/a/b.py").rename(checkout / "models/b.py")
    assert source_fingerprint(checkout) != before


def test_a_new_file_changes_it_and_what_is_not_packed_does_not(checkout):
    before = source_fingerprint(checkout)
    for name in ("README.md", "tests/test_x.py", "models/__pycache__/b.pyc", "models/.#b.py", "build/lib/models/b.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("x", encoding="utf-8")
    assert source_fingerprint(checkout) == before
    (checkout / "models/c.py").write_text("x", encoding="utf-8")
    assert source_fingerprint(checkout) != before

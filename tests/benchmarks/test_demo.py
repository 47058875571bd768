"""The benchmark's folder: made anew where an earlier measurement made it, refused where anything else is there."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "demo.py"


@pytest.fixture(scope="module")
def make_anew():
    return runpy.run_path(str(SCRIPT))["make_anew"]


def test_a_folder_of_ones_own_is_refused_and_left_alone(tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("dear", encoding="utf-8")
    for taken in (tmp_path, letter):
        done = subprocess.run(
            [sys.executable, SCRIPT, "--output", taken], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(
            f"--output is {taken}, which no measurement made; name a new folder"
        )
        assert letter.read_text(encoding="utf-8") == "dear"


@pytest.mark.parametrize("there", [None, "empty"])
def test_a_new_or_an_empty_folder_is_taken_and_made_anew_the_next_time(make_anew, tmp_path, there):
    folder = tmp_path / "deep" / "output"
    if there:
        folder.mkdir(parents=True)
    make_anew(folder)
    (folder / "align-demo").mkdir()
    (folder / "align-demo" / "run").touch()
    make_anew(folder)
    assert len(list(folder.iterdir())) == 1, "only the marker is left"

"""The benchmark's folder: made anew where an earlier measurement made it, refused where anything else is there."""

import subprocess
import sys

import pytest

from benchmarks.demo.quality import make_anew
from benchmarks.shared.checkout import ROOT


def test_a_folder_of_ones_own_is_refused_and_left_alone(tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("dear", encoding="utf-8")
    for taken in (tmp_path, letter):
        command = [sys.executable, "-m", "benchmarks.demo.quality", "--output", taken]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(
            f"--output is {taken}, which no measurement made; name a new folder"
        )
        assert letter.read_text(encoding="utf-8") == "dear"


@pytest.mark.parametrize("there", [None, "empty"])
def test_a_new_or_an_empty_folder_is_taken_and_made_anew_the_next_time(tmp_path, there):
    folder = tmp_path / "deep" / "output"
    if there:
        folder.mkdir(parents=True)
    make_anew(folder)
    (folder / "align-demo").mkdir()
    (folder / "align-demo" / "run").touch()
    make_anew(folder)
    assert len(list(folder.iterdir())) == 1, "only the marker is left"

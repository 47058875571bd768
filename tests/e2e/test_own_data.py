"""The README's way to one's own data: its five lines and its command, on photo-like shards made here."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pipeline_here import pipelines_here
from typer.testing import CliRunner

from components.artifact_files import FILTER_REPORT_FILE
from tfx_pipeline.cli import app
from tfx_pipeline.runs.run_record import RunRecord, latest_run_dir, read_record

README = Path(__file__).resolve().parents[2] / "README.md"
PAIRS, SHARDS = 240, 2
TOO_SMALL = 10  # of the pairs: no wider than the filter's 200 px
WORDS = ("a", "red", "boat", "on", "the", "quiet", "lake", "under", "old", "trees")


def jpeg(seed: int, width: int) -> bytes:
    """Returns a JPEG of soft blotches, no two alike."""
    blotches = np.random.default_rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blotches).resize((width, 208), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def record(number: int) -> dict[str, bytes]:
    """Returns the members of a pair as img2dataset names them: jpg, txt, json."""
    caption = " ".join([*(WORDS[(number + place) % len(WORDS)] for place in range(2 + number % 18)), f"no{number}"])
    return {
        "jpg": jpeg(number, width=150 if number < TOO_SMALL else 240),
        "txt": caption.encode(),
        "json": json.dumps({"caption": caption, "status": "success", "key": f"{number:09d}"}).encode(),
    }


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for shard in range(SHARDS):
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as archive:
            for number in range(shard, PAIRS, SHARDS):
                for extension, content in record(number).items():
                    member = tarfile.TarInfo(f"{number:09d}.{extension}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder


def five_lines() -> str:
    """Returns the YAML under the README's heading on one's own data."""
    section = README.read_text(encoding="utf-8").partition("## Your own data, in five lines\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return block


def align(home: Path, *arguments: str) -> str:
    """Run the command in a folder of its own; returns what it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        done = CliRunner().invoke(app, arguments)
    logs = [log.read_text(errors="replace")[-4000:] for log in home.glob("output/mine/runs/*/log.txt")]
    assert done.exit_code == 0, "\n".join([done.output, *logs])
    return done.output


@pytest.fixture(scope="module")
def home(shards, tmp_path_factory) -> Path:
    """A folder with mine.yaml, after `align run` with fewer steps."""
    home = tmp_path_factory.mktemp("home")
    written = five_lines()
    assert written.count("/data/my-shards") == 1
    (home / "mine.yaml").write_text(written.replace("/data/my-shards", str(shards)), encoding="utf-8")
    with pipelines_here():  # in a process of its own, test_demo_run.py runs it
        align(home, "run", "--config", "mine.yaml", "--set", "training.steps=4", "--set", "training.warmup_steps=1")
    return home


@pytest.fixture(scope="module")
def run(home) -> RunRecord:
    return read_record(latest_run_dir(home / "output" / "mine"))


def test_the_five_lines_are_five():
    assert len(five_lines().splitlines()) == 5


def test_they_run_to_a_pushed_model(home, run):
    assert {component.state for component in run.components} == {"complete"}
    for component in run.components:
        executions = list((home / "output" / "mine" / "artifacts" / component.id).glob("[!.]*/*"))  # .system is TFX's
        outputs = {path.parent.name for path in executions}
        assert len(executions) == len(outputs), f"{component.id} ran more than once: {executions}"
    (version,) = (home / "output" / "mine" / "serving_models" / "align").iterdir()
    assert (version / "saved_model.pb").is_file()


def test_the_pile_is_divided_and_filtered_with_the_papers_thresholds(run):
    report = json.loads((run.output("PairFilter", "report") / FILTER_REPORT_FILE).read_text(encoding="utf-8"))
    splits = {split: tallies["images"] for split, tallies in report["splits"].items()}
    assert set(splits) == {"train", "validation"}
    assert sum(tally["read"] for tally in splits.values()) == PAIRS
    train = splits["train"]
    assert 0 < train["dropped"]["shorter_side"] <= TOO_SMALL
    assert train["kept"] == train["read"] - train["dropped"]["shorter_side"]


def test_a_query_finds_images_of_the_run(home):
    said = align(home, "query", "a red boat", "--config", "mine.yaml", "-k", "3", "--out", "hits.html")
    assert "a red boat" in said
    assert (home / "hits.html").read_text(encoding="utf-8").startswith("<!doctype html>")

"""`align versions`, `rollback` and `label` as a user types them, on folders laid out as the Pusher lays them out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.version_labels import CONFIG_FILE, read_labels
from serving.versions import complete_versions
from tfx_pipeline.cli import app
from tfx_pipeline.settings.config import ConfigError

FILES = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")


def write_model(folder: Path, content: str) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} of {content}")
    return folder


class Align:
    """The command over one output folder; `base` is its pushed folder."""

    def __init__(self, output: Path) -> None:
        self.root = output / "align-demo"
        self.base = self.root / "serving_models" / "align"
        self._set = ["--set", f"output={output}"]

    def push(self, number: int, minutes: int = 0) -> Path:
        folder = write_model(self.base / str(number), str(number))
        for path in folder.rglob("*"):
            os.utime(path, (minutes * 60, minutes * 60))
        return folder

    def record(self, run: str, number: int, metrics: dict, least: dict) -> None:
        """Leave a run that pushed a version."""
        run_dir = self.root / "runs" / run
        run_dir.mkdir(parents=True)
        archive = write_model(self.root / "artifacts" / "Pusher" / "pushed_model" / run, str(number))
        event = {"event": "component_finished", "component": "Pusher", "time": 1.0, "state": "complete"}
        (run_dir / "events.jsonl").write_text(json.dumps({**event, "outputs": {"pushed_model": str(archive)}}) + "\n")
        (run_dir / "evaluation.json").write_text(json.dumps({"metrics": metrics}))
        (run_dir / "config.yaml").write_text(json.dumps({"evaluation": {"min_metrics": least}}))

    def __call__(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, *self._set], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    def refused(self, *arguments: str) -> str:
        with pytest.raises(ConfigError) as caught:
            self(*arguments)
        return str(caught.value)


@pytest.fixture
def align(tmp_path, monkeypatch) -> Align:
    monkeypatch.setenv("TZ", "UTC")
    return Align(tmp_path / "output")


def test_versions_say_when_by_what_and_of_which_run(align):
    align.push(7, minutes=0)
    align.push(12, minutes=90)
    align.record("r2", 12, {"seen": {"t2i_recall_at_10": 0.66}}, {"seen/t2i_recall_at_10": 0.58})
    align.record("r3", 12, {"seen": {}}, {})  # took it from the cache
    lines = align("versions").splitlines()
    assert lines[0].startswith("12  newest, pushed 1970-01-01 01:30, 0.0 MB, run r2")
    assert lines[1] == "    seen/t2i_recall_at_10 0.660, at least 0.58"
    assert lines[2] == " 7  older, pushed 1970-01-01 00:00, 0.0 MB, by no run of this folder"
    assert len(lines) == 3


def test_what_came_from_elsewhere_is_told_by_its_card(align):
    metrics = {"seen": {"t2i_recall_at_10": {"value": 0.5, "low": 0.4}, "zero_shot_top_1": {"value": 0.9}}}
    (align.push(7) / "model_card.json").write_text(json.dumps({"evaluation": {"metrics": metrics}}))
    assert align("versions").splitlines()[1:] == ["   seen/t2i_recall_at_10 0.500"]
    (align.base / "7" / "model_card.json").write_text('{"evaluation": null}')
    assert len(align("versions").splitlines()) == 1


def test_what_is_half_there_or_damaged_is_said_or_passed_by(align):
    align.push(7)
    (align.push(9) / "saved_model.pb").unlink()
    align.record("r1", 7, {}, {"seen/t2i_recall_at_10": 0.58})
    (align.root / "runs" / "r0").mkdir()
    (align.root / "runs" / "r0" / "events.jsonl").write_text("{\n{}\n")
    assert [line.split(",")[0].split("  ", 1)[1] for line in align("versions").splitlines()] == [
        "not whole: files are missing",
        "newest",
    ]


def test_a_version_goes_back_and_comes_again(align):
    for number in (7, 9, 12):
        align.push(number)
    said = align("rollback")
    assert "Version 9 is now the newest that servers see." in said
    assert "Taken back: 12." in said
    assert "`align rollback --to 12` undoes this." in said
    assert list(complete_versions(align.base)) == [7, 9]
    assert "12  taken back, pushed" in align("versions")
    assert align("rollback", "--to", "9") == "Version 9 is the newest already.\n"
    assert "Brought back: 12." in align("rollback", "--to", "12")
    assert list(complete_versions(align.base)) == [7, 9, 12]


def test_another_folder_is_named(align, tmp_path):
    for number in (1, 2):
        write_model(tmp_path / "mounted" / str(number), str(number))
    align("rollback", "--model", str(tmp_path / "mounted"))
    assert list(complete_versions(tmp_path / "mounted")) == [1]


def test_labels_are_written_moved_and_removed(align):
    for number in (7, 9):
        align.push(number)
    said = align("label", "stable=7", "canary=9", "--base-path", "/models/align")
    path = align.base.parent / CONFIG_FILE
    assert said.splitlines()[:2] == ["canary is version 9.", "stable is version 7."]
    assert str(path) in said
    assert 'base_path: "/models/align"' in path.read_text()
    assert [line.split(",")[0] for line in align("versions").splitlines()[:2]] == ["9  canary", "7  stable"]
    align("label", "stable=9", "canary=")
    assert read_labels(path) == {"stable": 9}
    assert "7  loaded for the way back" in align("versions")
    align("label", "stable=9")
    assert "7  not loaded" in align("versions")
    assert 'base_path: "/models/align"' in path.read_text()
    assert "Without a label the newest version is served." in align("label", "stable=")
    assert "9  newest" in align("versions")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("label", "stable"), "'stable' is no LABEL=VERSION; write such as stable=3"),
        (("label", "stable=x"), "'stable=x' is no LABEL=VERSION"),
        (("label", "stable=8"), "stable=8 names a version that"),
        (("label", "stable="), "stable= removes a label that"),
        (("label", "2=7"), "'2' is no label"),
        (("label", "stable=7", "--base-path", "align"), "--base-path is 'align'"),
        (("rollback", "--to", "8"), "holds no complete version 8; it holds 7"),
        (("rollback",), "holds no version before 7 that servers see"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(align, command, told):
    align.push(7)
    before = sorted(align.base.parent.rglob("*"))
    assert told in align.refused(*command)
    assert sorted(align.base.parent.rglob("*")) == before


def test_a_label_does_not_move_to_where_servers_cannot_follow(align):
    for number in (7, 9):
        align.push(number)
    align("label", "stable=7")
    assert "give that version a label of its own, such as canary=9" in align.refused("label", "stable=9")


def test_labels_stand_in_the_way_of_a_rollback(align):
    for number in (7, 9):
        align.push(number)
    align("label", "stable=9")
    assert "(stable=9); move a label in the place of the folders, such as `align label stable=7`" in align.refused(
        "rollback", "--to", "7"
    )


@pytest.mark.parametrize("command", ["versions", "rollback"])
def test_a_folder_without_a_version_is_said(align, command):
    assert str(align.base) in align.refused(command)


def test_what_cannot_be_renamed_is_said(align):
    for number in (7, 9):
        align.push(number)
    (align.base / "taken-back-9" / "held").mkdir(parents=True)
    assert "cannot be changed (Directory not empty)" in align.refused("rollback")

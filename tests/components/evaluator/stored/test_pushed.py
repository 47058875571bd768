"""Which pushed version a candidate is compared with, on folders laid out as the Pusher lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.evaluator.stored.pushed import last_before, versions


def save(folder: Path, weights: str) -> str:
    """Write what tells one SavedModel from another; all models here have one graph."""
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph")
    (folder / "variables/variables.index").write_text(weights)
    return str(folder)


@pytest.fixture
def pushed(tmp_path) -> Path:
    """Versions 9, 10 and 11 of models a, b and a again."""
    for version, weights in (("9", "a"), ("10", "b"), ("11", "a")):
        save(tmp_path / "pushed" / version, weights)
    return tmp_path / "pushed"


@pytest.mark.parametrize(("weights", "expected"), [("new", "11"), ("b", "9"), ("a", "")])
def test_the_last_version_before_the_candidates_own_first_push(pushed, tmp_path, weights, expected):
    candidate = save(tmp_path / "candidate", weights)
    assert last_before(candidate, str(pushed)) == (str(pushed / expected) if expected else "")


def test_what_is_no_whole_version_counts_for_nothing(pushed, tmp_path):
    candidate = save(tmp_path / "candidate", "new")
    save(pushed / "12.tmp", "c")
    save(pushed / "latest", "c")
    Path(save(pushed / "13", "c"), "saved_model.pb").unlink()  # the Pusher writes it last
    (pushed / "notes.txt").write_text("mine")
    assert last_before(candidate, str(pushed)) == str(pushed / "11")
    assert versions(str(pushed)) == [str(pushed / name) for name in ("9", "10", "11")]


def test_before_the_first_push_there_is_none(tmp_path):
    assert last_before(str(tmp_path / "not looked at"), str(tmp_path / "pushed")) == ""
    (tmp_path / "pushed").mkdir()
    assert last_before(str(tmp_path / "not looked at"), str(tmp_path / "pushed")) == ""

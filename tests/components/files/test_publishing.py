"""What a job wrote is in no split before it is published, and all of it after; what was left aside is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.beam import whole_files
from components.files import example_files
from components.files.publishing import ASIDE, aside_folder, draft_folder, publish

SPLITS = ("train", "test")


@pytest.fixture
def examples(tmp_path):
    """Returns the folder of an Examples artifact."""
    return str(tmp_path / "examples")


def write(examples, split: str, *names: str) -> None:
    for name in names:
        path = f"{draft_folder(examples, split)}/{name}"
        with example_files.writing(path, aside_folder(examples)) as write_one:
            write_one(f"{split} {name}".encode())


def files(examples) -> list[str]:
    root = Path(examples)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_draft_is_in_no_split_until_it_is_published(examples):
    write(examples, "train", "a", "b")
    write(examples, "test", "a")
    assert {name.partition("/")[0] for name in files(examples)} == {ASIDE}
    publish(examples, SPLITS)
    assert files(examples) == ["Split-test/a", "Split-train/a", "Split-train/b"]
    (read,) = example_files.read_payloads(f"{examples}/Split-train/b")
    assert read == b"train b"


def test_what_an_attempt_left_unfinished_is_not_published(examples):
    with (
        pytest.raises(RuntimeError),
        example_files.writing(f"{draft_folder(examples, 'train')}/a", aside_folder(examples)),
    ):
        raise RuntimeError("the worker died")
    assert len(files(examples)) == 1
    publish(examples, SPLITS)
    assert files(examples) == []


def test_a_copy_that_broke_off_is_not_published(examples, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"whole")
    draft = f"{draft_folder(examples, 'train')}/a"
    whole_files.copy(str(source), draft, aside_folder(examples))
    with pytest.raises(OSError, match="none"):
        whole_files.copy(str(tmp_path / "none"), draft, aside_folder(examples))
    whole = f"{ASIDE}/whole/Split-train/a"
    assert [name for name in files(examples) if "Split-train" in name] == [whole]
    (Path(examples) / ASIDE / "half a copy").write_bytes(b"wh")
    publish(examples, SPLITS)
    assert files(examples) == ["Split-train/a"]


def test_a_split_without_files_is_there_and_empty(examples):
    write(examples, "train", "a")
    assert example_files.list_split(examples, "test") == []
    publish(examples, SPLITS)
    assert (Path(examples) / "Split-test").is_dir()
    assert example_files.list_split(examples, "test") == []


def test_publishing_again_changes_nothing(examples):
    write(examples, "train", "a")
    publish(examples, SPLITS)
    publish(examples, SPLITS)
    assert files(examples) == ["Split-train/a"]


def test_an_artifact_without_a_draft_only_loses_what_is_aside(examples, tmp_path):
    (tmp_path / "examples" / ASIDE).mkdir(parents=True)
    publish(examples, SPLITS)
    assert files(examples) == []

"""Versions go out of the servers' sight and come back, and whoever looks in between finds one newest or the other."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from serving.taking_back import Moved, make_newest, taken_back_versions
from serving.versions import complete_versions, is_same_model, numbered_folders


def pushed(base: Path, *names: str) -> Path:
    """Returns a folder of versions that are whole, each with content of its own."""
    for name in names:
        (base / name / "variables").mkdir(parents=True)
        for file in ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"):
            (base / name / file).write_text(f"{file} of {name}")
    return base


def files(base: Path) -> dict[str, str]:
    return {path.relative_to(base).as_posix(): path.read_text() for path in base.rglob("*") if path.is_file()}


def test_the_newest_is_taken_back_and_comes_again(tmp_path):
    base = pushed(tmp_path, "1", "2", "3")
    before = files(base)
    assert make_newest(base) == Moved(2, taken_back=(3,), brought_back=())
    assert list(complete_versions(base)) == [1, 2]
    assert taken_back_versions(base) == {3: base / "taken-back-3"}
    assert make_newest(base) == Moved(1, (2,), ())
    assert make_newest(base, 1) == Moved(1, (), ())
    assert make_newest(base, 3) == Moved(3, (), (2, 3))
    assert files(base) == before


def test_leading_zeros_and_what_is_half_there_go_too(tmp_path):
    base = pushed(tmp_path, "1", "0002")
    (base / "3" / "variables").mkdir(parents=True)
    (base / "latest").mkdir()
    assert make_newest(base, 1).taken_back == (2, 3), "TensorFlow Serving would take 3 up"
    assert sorted(path.name for path in base.iterdir()) == ["1", "latest", "taken-back-0002", "taken-back-3"]
    assert make_newest(base, 2) == Moved(2, (), (2,))
    assert (base / "0002").is_dir()


@pytest.mark.parametrize("to", range(1, 5))
@pytest.mark.parametrize("hidden", range(16))
def test_the_newest_in_sight_changes_once(tmp_path, monkeypatch, to, hidden):
    names = [f"{'taken-back-' if hidden >> number & 1 else ''}{number + 1}" for number in range(4)]
    base = pushed(tmp_path, *names)
    newest, rename = [max(numbered_folders(base), default=None)], Path.rename

    def watched(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        newest.append(max(numbered_folders(base), default=None))
        return moved

    monkeypatch.setattr(Path, "rename", watched)
    make_newest(base, to)
    assert newest[-1] == to
    assert set(newest) <= {newest[0], to}
    assert list(complete_versions(base)) == list(range(1, to + 1))


@pytest.mark.parametrize(
    ("names", "to", "told"),
    [
        ([], None, "holds no complete version; push one first"),
        (["7"], None, "holds no version before 7 that servers see; name one by --to"),
        (["7", "9"], 8, "holds no complete version 8; it holds 7, 9"),
        ([], 1, "holds no complete version 1; it holds none"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(tmp_path, names, to, told):
    base = pushed(tmp_path, *names)
    with pytest.raises(ValueError, match=told):
        make_newest(base, to)
    assert {path.name for path in base.iterdir()} == set(names)


def test_a_version_that_is_half_there_is_none_to_go_to(tmp_path):
    base = pushed(tmp_path, "1", "2")
    (base / "1" / "saved_model.pb").unlink()
    with pytest.raises(ValueError, match="holds no complete version 1; it holds 2"):
        make_newest(base, 1)


def test_one_model_is_known_by_its_graph_and_its_variables(tmp_path):
    base = pushed(tmp_path, "1", "2", "3")
    assert is_same_model(base / "1", base / "1")
    assert not is_same_model(base / "1", base / "2")
    (base / "3" / "saved_model.pb").write_text("saved_model.pb of 1")
    assert not is_same_model(base / "1", base / "3"), "the same graph with other weights"
    (base / "3" / "variables" / "variables.index").unlink()
    assert not is_same_model(base / "1", base / "3")


def test_a_running_server_follows_there_and_back_and_refuses_nobody(colour_model, tmp_path):
    from serving.client import AlignClient
    from serving.server.server import ModelServer

    for number in ("1", "2"):
        shutil.copytree(colour_model, tmp_path / number)

    with ModelServer(tmp_path, port=0) as server, AlignClient(server.address) as client:

        def wait_for(version: int) -> None:
            deadline = time.monotonic() + 60
            while server.available() != {"align": [version]}:
                assert time.monotonic() < deadline, server.available()
                assert client.encode_text(["red"]).shape == (1, 4)

        wait_for(2)
        make_newest(tmp_path)
        wait_for(1)
        make_newest(tmp_path, 2)
        wait_for(2)

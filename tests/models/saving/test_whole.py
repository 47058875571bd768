"""What is written aside takes the place of an older one at the end alone."""

from __future__ import annotations

import posixpath

import pytest
import tensorflow as tf

from models.saving.whole import whole_folder, write_whole


@pytest.fixture
def base(tmp_path) -> str:
    return str(tmp_path)


def write(path: str, text: str) -> None:
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def below(base: str) -> dict[str, str]:
    """Returns path below a folder -> content, of all files in its folders."""
    paths = sorted(tf.io.gfile.glob(posixpath.join(base, "*", "*")))
    return {path.removeprefix(f"{base}/"): tf.io.gfile.GFile(path).read() for path in paths}


def test_a_folder_takes_an_older_ones_place_at_the_end(base):
    for text in ("old", "new"):
        with whole_folder(f"{base}/to/") as aside:
            write(posixpath.join(aside, text), text)
            assert f"to/{text}" not in below(base)
    assert below(base) == {"to/new": "new"}


def test_an_error_leaves_the_older_one_alone(base):
    with whole_folder(f"{base}/to") as aside:
        write(posixpath.join(aside, "old"), "old")

    def stop_half_way() -> None:
        with whole_folder(f"{base}/to") as aside:
            write(posixpath.join(aside, "half"), "half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert below(base) == {"to/old": "old"}


def test_what_killed_writers_left_is_taken_over(base):
    for left in ("to.partial", "to.old", "to"):
        tf.io.gfile.makedirs(f"{base}/{left}")
        write(f"{base}/{left}/left", left)
    with whole_folder(f"{base}/to") as aside:
        write(posixpath.join(aside, "new"), "new")
    assert below(base) == {"to/new": "new"}


def test_a_file_takes_an_older_ones_place(base):
    tf.io.gfile.makedirs(f"{base}/in")
    for text in ("old", "new"):
        write_whole(f"{base}/in/to", text)
        assert below(base) == {"in/to": text}

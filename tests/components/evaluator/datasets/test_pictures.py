"""Where images lie: a missing one is named."""

import pytest

from components.evaluator.datasets.kinds import DataSetError, PictureMissing
from components.evaluator.datasets.pictures import FilePicture, refuse_missing


def test_a_file_is_read_when_it_is_asked_for(tmp_path):
    path = tmp_path / "a.jpg"
    picture, part = FilePicture(path), FilePicture(path, offset=2, size=3)
    with pytest.raises(PictureMissing, match=r"a\.jpg cannot be read: No such file"):
        picture()
    path.write_bytes(b"0123456")
    assert (picture(), part()) == (b"0123456", b"234")


def test_missing_images_are_counted_and_the_first_is_named(tmp_path):
    (tmp_path / "b").write_bytes(b"")
    refuse_missing([tmp_path / "b"], tmp_path / "list.json", "get them")
    with pytest.raises(
        DataSetError, match=r"2 of the 3 images that .*list\.json names are missing, the first .*/a; get"
    ):
        refuse_missing([tmp_path / name for name in "abc"], tmp_path / "list.json", "get them")

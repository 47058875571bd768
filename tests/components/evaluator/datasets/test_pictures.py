"""Where images lie: a missing one is named, and a cache notices one that was replaced."""

import os

import pytest

from components.evaluator.datasets.kinds import DataSetError, PictureMissing
from components.evaluator.datasets.pictures import (
    FilePicture,
    HeldPicture,
    images_fingerprint,
    refuse_missing,
    texts_fingerprint,
)


def test_a_file_is_read_when_it_is_asked_for(tmp_path):
    path = tmp_path / "a.jpg"
    picture, part = FilePicture(path), FilePicture(path, offset=2, size=3)
    with pytest.raises(PictureMissing, match=r"a\.jpg cannot be read: No such file"):
        picture()
    path.write_bytes(b"0123456")
    assert (picture(), part()) == (b"0123456", b"234")


def test_the_fingerprint_of_images_changes_with_any_of_them(tmp_path):
    paths = [tmp_path / name for name in ("a.jpg", "b.jpg")]
    for path in paths:
        path.write_bytes(b"same")
    images = [FilePicture(path) for path in paths]
    seen = {images_fingerprint(images), images_fingerprint(images[::-1]), images_fingerprint(images[:1])}
    assert len(seen) == 3
    assert images_fingerprint([FilePicture(path) for path in paths]) in seen
    os.utime(paths[0], ns=(1, 1))
    paths[1].write_bytes(b"other")
    seen.add(images_fingerprint(images))
    paths[1].unlink()
    seen.add(images_fingerprint(images))
    assert len(seen) == 5


def test_a_folder_that_moved_keeps_its_fingerprint(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/a.jpg").write_bytes(b"0")
    before = images_fingerprint([FilePicture(tmp_path / "one/a.jpg")])
    (tmp_path / "one").rename(tmp_path / "two")
    assert images_fingerprint([FilePicture(tmp_path / "two/a.jpg")]) == before


def test_parts_of_one_file_have_fingerprints_of_their_own(tmp_path):
    path = tmp_path / "records"
    path.write_bytes(b"0123")
    assert images_fingerprint([FilePicture(path, 0, 2)]) != images_fingerprint([FilePicture(path, 2, 2)])


def test_what_no_file_holds_is_known_by_its_bytes():
    held = images_fingerprint([HeldPicture(b"a"), HeldPicture(b"b")])
    assert held == images_fingerprint([lambda: b"a", lambda: b"b"])
    assert held != images_fingerprint([HeldPicture(b"a"), HeldPicture(b"c")])


def test_the_fingerprint_of_texts_tells_where_one_ends():
    assert texts_fingerprint(["ab", "c"]) != texts_fingerprint(["a", "bc"])
    assert texts_fingerprint(["ab", "c"]) == texts_fingerprint(("ab", "c"))


def test_missing_images_are_counted_and_the_first_is_named(tmp_path):
    (tmp_path / "b").write_bytes(b"")
    refuse_missing([tmp_path / "b"], tmp_path / "list.json", "get them")
    with pytest.raises(
        DataSetError, match=r"2 of the 3 images that .*list\.json names are missing, the first .*/a; get"
    ):
        refuse_missing([tmp_path / name for name in "abc"], tmp_path / "list.json", "get them")

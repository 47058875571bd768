"""A picture is read again from each kind of file by the number of its record, and from no other file."""

from __future__ import annotations

import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colour_encoder import picture

from components.files.streams import read_up_to
from components.pair_example_gen.readers import tar_reader
from tfx_pipeline.indexing.folder import Made, Origin
from tfx_pipeline.indexing.originals import Originals

PICTURES = [picture(10 * number, 255 - number, number) for number in range(7)]


def write_tar(path):
    """A caption before each picture, a record without one in between."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for number, image in enumerate(PICTURES):
            for suffix, content in (("txt", b"a caption"), ("png", image)):
                if number == 3 and suffix == "png":
                    continue
                member = tarfile.TarInfo(f"{number:04}.{suffix}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def write_parquet(path):
    """In groups of two rows."""
    pq.write_table(pa.table({"image": PICTURES, "caption": ["a"] * 7}), path, row_group_size=2)


@pytest.mark.parametrize(
    ("name", "write", "config"),
    [
        ("0.tar", write_tar, {}),
        ("0.tar.gz", write_tar, {}),
        ("0.parquet", write_parquet, {"format": "parquet", "captions": {"caption": "en"}, "image_field": "image"}),
    ],
)
def test_a_record_is_found_by_its_number(tmp_path, name, write, config):
    path = tmp_path / name
    write(path)
    made = Made("m", "f", 4, "2026-01-01", [Origin("ingest", str(tmp_path), {"shards": str(tmp_path), **config})])
    read = Originals(made)
    for number, image in enumerate(PICTURES):
        if number == 3 and name != "0.parquet":
            with pytest.raises(ValueError, match="its record 3 has no image any more"):
                read(str(path), number)
        else:
            assert read(str(path), number) == image
    with pytest.raises(ValueError, match="it holds no record 7 any more"):
        read(str(path), 7)


def test_a_picture_of_a_tar_is_read_without_those_before_it(tmp_path, monkeypatch):
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as tar:
        for number in range(40):  # each name twice, longer than a header holds, and a second picture beside it
            for suffix in ("txt", "png", "webp"):
                member = tarfile.TarInfo(f"{'folder/' * 20}{number // 2:04}.{suffix}")
                member.size = len(PICTURES[number % 7])
                tar.addfile(member, io.BytesIO(PICTURES[number % 7]))
    read = Originals(Made("m", "f", 4, "2026-01-01", [Origin("ingest", str(tmp_path), {"shards": str(tmp_path)})]))
    assert read(str(path), 0) == PICTURES[0]
    passed = []

    def watched(stream, size):
        passed.append(size)
        return read_up_to(stream, size)

    monkeypatch.setattr(tar_reader, "read_up_to", watched)
    for row in (78, 0, 2, 40, 42):
        assert read(str(path), row) == PICTURES[row // 2 % 7]
        with pytest.raises(ValueError, match=f"its record {row + 1} has no image any more"):
            read(str(path), row + 1)
    assert sum(passed) < path.stat().st_size
    with pytest.raises(ValueError, match="it holds no record 80 any more"):
        read(str(path), 80)


def test_a_picture_of_its_own_file_is_read_whole_and_nothing_outside_of_the_origin(tmp_path):
    (tmp_path / "in").mkdir()
    for place in ("in/a.png", "b.png"):
        (tmp_path / place).write_bytes(PICTURES[0])
    read = Originals(Made("m", "f", 4, "2026-01-01", [Origin("images", str(tmp_path / "in"))]))
    assert read(str(tmp_path / "in" / "a.png"), None) == PICTURES[0]
    for outside in (tmp_path / "b.png", tmp_path / "in" / ".." / "b.png", tmp_path / "inside" / "b.png"):
        with pytest.raises(ValueError, match="does not say how its pictures are read"):
            read(str(outside), None)
    with pytest.raises(OSError, match="gone"):
        read(str(tmp_path / "in" / "gone.png"), None)

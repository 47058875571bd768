"""Compressed files come out as they went in, up to where they are damaged, in little memory."""

import bz2
import gzip
import io
import lzma
import tracemalloc

import pytest
import zstandard

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.readers.decompression import DamagedCompression, decompressed, is_compressed
from components.pair_example_gen.storage.sources import read_source
from components.pair_example_gen.tasks import Source

CONTENT = bytes(range(256)) * 4000 + b"end"
COMPRESS = {
    "a.gz": gzip.compress,
    "a.GZ": gzip.compress,
    "a.tgz": gzip.compress,
    "a.bz2": bz2.compress,
    "a.xz": lzma.compress,
    "a.lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "a.zst": zstandard.ZstdCompressor().compress,
}


def read_up_to_damage(content: bytes, name: str) -> tuple[bytes, bool]:
    """Returns what a file holds, and whether it ended by damage."""
    stream, found = decompressed(io.BytesIO(content), name), []
    try:
        while chunk := stream.read(1000):
            assert len(chunk) <= 1000
            found.append(chunk)
    except DamagedCompression:
        return b"".join(found), True
    return b"".join(found), False


@pytest.mark.parametrize("name", COMPRESS)
def test_what_was_compressed_comes_out_files_in_a_row_too(name):
    assert is_compressed(name)
    assert not is_compressed(f"{name}.tar")
    assert read_up_to_damage(COMPRESS[name](CONTENT), name) == (CONTENT, False)
    assert read_up_to_damage(COMPRESS[name](b"one") + COMPRESS[name](b"two"), name) == (b"onetwo", False)


@pytest.mark.parametrize("name", [name for name in COMPRESS if name != "a.zst"])
def test_what_stands_before_the_cut_comes_out(name):
    whole = COMPRESS[name](CONTENT)
    found, is_damaged = read_up_to_damage(whole[: len(whole) * 3 // 4], name)
    assert is_damaged
    assert CONTENT.startswith(found)
    assert found or name != "a.gz"  # the others have one block here


@pytest.mark.parametrize("name", COMPRESS)
def test_what_is_not_compressed_is_damage(name):
    assert read_up_to_damage(b"no such thing at all", name) == (b"", True)


@pytest.mark.parametrize("format_", ["tar", "csv", "jsonl", "tfrecord", "parquet"])
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_file_whose_name_hides_its_compression_is_told_its_name(tmp_path, format_, suffix):
    path = tmp_path / f"a.{format_}"
    path.write_bytes(COMPRESS[f"a{suffix}"](CONTENT))
    config = IngestConfig(shards=str(tmp_path), format=format_, splits={"train": path.name, "seen": "none"})
    first, *_ = read_source(Source(str(path), path.stat().st_size), config)
    assert first.flaw
    assert first.detail == f"the file is compressed, which its name does not say; call it a.{format_}{suffix}"


def test_a_compressed_parquet_file_is_to_be_unpacked(tmp_path):
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1"))
    config = IngestConfig(shards=str(tmp_path), format="parquet", splits={"train": path.name, "seen": "none"})
    (only,) = read_source(Source(str(path), path.stat().st_size), config)
    assert (only.flaw, only.detail.rpartition("; ")[2]) == ("corrupt_file", "unpack it")


def test_an_error_of_the_file_system_is_not_taken_for_damage():
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError("connection lost")

        def readinto(self, _):
            raise OSError("connection lost")

    for name in COMPRESS:
        with pytest.raises(OSError, match="connection lost"):
            decompressed(Broken(b"x"), name).read(10)


@pytest.mark.parametrize("name", ["a.gz", "a.bz2", "a.xz", "a.zst"])
def test_a_bomb_is_read_in_little_memory(name):
    bomb = COMPRESS[name](bytes(60_000_000))
    tracemalloc.start()
    try:
        assert decompressed(io.BytesIO(bomb), name).read(1000) == bytes(1000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()

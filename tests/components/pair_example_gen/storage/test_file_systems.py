"""Addresses whose packages or options are missing, and files that fail while they are read; no server is needed."""

import io
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystems import FileSystems

from components.beam.file_system_options import use_options
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.passes.metadata import rows_beside
from components.pair_example_gen.raw_record import Part, RawRecord
from components.pair_example_gen.readers.parquet_reader import read_parquet
from components.pair_example_gen.storage import file_systems as storage
from components.pair_example_gen.storage.errors import explain, innermost, is_missing, one_line
from components.pair_example_gen.storage.shards import check_shards
from components.pair_example_gen.storage.sources import load_image


@pytest.fixture(autouse=True)
def no_options(monkeypatch):
    """Beam keeps the options of file systems for the whole process."""
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)


@pytest.mark.parametrize(("scheme", "package"), [("s3", "boto3"), ("hdfs", "hdfs")])
def test_a_package_that_is_not_installed_is_named_with_its_extra(scheme, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # as Python has it: not to be imported
    with pytest.raises(ValueError, match=rf"^ingest\.shards is '{scheme}://b', but {package}, .* -e '\.\[{scheme}\]'"):
        check_shards(IngestConfig(shards=f"{scheme}://b"))


def test_options_that_hdfs_needs_are_named():
    use_options(["--hdfs_host=localhost"])
    with pytest.raises(ValueError, match=r"'hdfs://x', but beam\.options lacks hdfs_port, hdfs_user; set them to"):
        check_shards(IngestConfig(shards="hdfs://x"))


def test_no_arguments_leave_the_options_as_they_are():
    use_options(["--hdfs_host=here"])
    use_options([])
    with pytest.raises(ValueError, match="lacks hdfs_port, hdfs_user;"):
        storage.refuse_unreachable("hdfs://x", "ingest.shards is 'hdfs://x'")


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png", "\udcff.png", "é" * 513])
def test_a_name_that_no_server_has_is_not_asked_for(name):
    with pytest.raises(ValueError, match=r".") as refused:
        storage.read_start(f"nowhere://b/{name}", 1)
    assert "filesystem" not in str(refused.value)  # Beam's words, had it been asked


class Torn(io.BytesIO):
    """A file whose second half fails."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() < len(self.getvalue()) // 2:
            raise ConnectionError("gone")
        return super().read(size)


def test_a_reader_that_takes_a_failure_for_damage_is_contradicted():
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": [b"a" * 9000], "caption": ["a"]}), buffer)
    config = IngestConfig(format="parquet")
    whole, torn = storage.Watched(buffer, "p"), storage.Watched(Torn(buffer.getvalue()), "p")
    assert [record.flaw for record in read_parquet(whole, Part(), config)] == [""]  # type: ignore[arg-type]
    whole.refuse_failure()
    assert [record.flaw for record in read_parquet(torn, Part(), config)] == ["corrupt_file"]  # type: ignore[arg-type]
    with pytest.raises(storage.StorageFailure, match=r"^p cannot be read \(gone\)$"):
        torn.refuse_failure()


class Answered(Exception):
    """An error as Google's and Beam's S3 have it."""

    def __init__(self, said: str, code: int | None) -> None:
        super().__init__(said, code)
        self.code = code


@pytest.mark.parametrize(
    ("error", "missing", "said"),
    [
        (Answered("none", 404), True, "whose bucket 'b' does not exist; check its name"),
        (Answered("no", 403), False, "which the credentials that were found may not list (no); run gcloud auth"),
        (Answered("expired", 400), False, "which cannot be listed (expired); check its address"),
        (Answered("busy", 503), False, "which cannot be listed (busy); check the network, and STORAGE_"),
        (ValueError("Invalid endpoint"), False, "which cannot be listed (Invalid endpoint); check the network, and"),
        (TimeoutError("late\nvery"), False, "where no server answers (late very); check the network, and STORAGE_"),
        (FileNotFoundError(2, "none"), True, "which cannot be listed (none); check its address"),
    ],
)
def test_errors_are_told_apart(error, missing, said):
    assert is_missing(error) == missing
    assert explain(error, "gs://b/x").startswith(said)


def test_credentials_that_have_expired_are_no_missing_file():
    said = explain(Answered("Bad Request", 400), "s3://b/x")
    assert said.startswith("which S3 refuses (Bad Request); renew the credentials, or set AWS_DEFAULT_REGION")


def failing(*_, **__):
    raise ValueError("Invalid endpoint: here:9000")


def test_a_server_that_cannot_be_asked_makes_no_image_missing_and_no_table_damaged(monkeypatch):
    monkeypatch.setattr(FileSystems, "open", failing)
    monkeypatch.setattr(FileSystems, "exists", lambda path: True)
    monkeypatch.setattr(storage, "_open_small", failing)
    record = RawRecord(name="a", path="a.png")
    with pytest.raises(storage.StorageFailure, match=r"^gs://b/a\.png cannot be read \(Invalid endpoint: here:9000\)$"):
        load_image(record, "gs://b")
    with pytest.raises(storage.StorageFailure, match=r"^gs://b/0\.parquet cannot be read"):
        rows_beside("gs://b/0.tar", IngestConfig(format="coyo"))


def test_what_beam_wrapped_is_what_is_told():
    from apache_beam.io.filesystem import BeamIOError

    cause = Answered("no", 403)
    assert innermost(BeamIOError("Match failed", {"p": BeamIOError("List failed", {"p": cause})})) is cause
    assert one_line(ValueError()) == "ValueError"

"""Beam's file systems as ingest needs them: given their options, asked whether they answer, their errors told apart.

Beam leaves to its callers what differs between them. It retries S3 for nine minutes where credentials or the server are
missing, so these are asked for here first. A file that is not there is an OSError on S3 and none elsewhere, a folder
that is not there an error on HDFS and no error on S3.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import apache_beam as beam
from apache_beam.io.aws.clients.s3 import boto3_client
from apache_beam.io.aws.s3io import S3IO
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import HadoopFileSystemOptions, PipelineOptions
from apache_beam.options.value_provider import RuntimeValueProvider

from components.beam.arguments import NO_PRISM, spell
from components.pair_example_gen.storage.errors import explain, innermost, is_missing, one_line

MAX_NAME_BYTES = 1024  # of an object on S3 and Google Cloud Storage
PACKAGES = {"s3": "boto3", "hdfs": "hdfs"}  # scheme -> the package by which Beam reads it, and the extra's name is it
_per_thread = threading.local()  # Beam's S3 client holds a stream and is not for several threads


class StorageFailure(RuntimeError):
    """A file that could not be read for a reason that is none of the file's, such as a server that is gone."""


def local_pipeline(arguments: Sequence[str]) -> beam.Pipeline:
    """Returns a pipeline for this process alone; unlike TFX's own, it packs nothing up for remote workers."""
    return beam.Pipeline(argv=[*arguments, *spell(NO_PRISM, True)])


def refuse_unreachable(address: str, said: str) -> None:
    """Refuse an address whose file system cannot be asked for anything.

    Args:
      address: of a folder.
      said: how the message begins: the field and its value.

    Raises:
      ValueError: where a package, an option, credentials, the server or the bucket is missing.
    """
    scheme = FileSystems.get_scheme(address)
    if scheme not in PACKAGES:
        return
    package = PACKAGES[scheme]
    if importlib.util.find_spec(package) is None:
        raise ValueError(
            f"{said}, but {package}, by which Beam reads {scheme}://, is not installed; install this project with its "
            f"extra, as pip install -e '.[{scheme}]' does in the checkout"
        )
    if scheme == "hdfs":
        options = current_options().view_as(HadoopFileSystemOptions)
        missing = [name for name in ("hdfs_host", "hdfs_port", "hdfs_user") if getattr(options, name) is None]
        if missing:
            raise ValueError(f"{said}, but beam.options lacks {', '.join(missing)}; set them to reach WebHDFS")
    try:
        if scheme == "s3":
            bucket = address.removeprefix("s3://").partition("/")[0]
            boto3_client.Client(current_options()).client.head_bucket(Bucket=bucket)
        else:
            FileSystems.exists(address)
    except Exception as error:  # each of Beam's file systems has errors of its own
        raise ValueError(f"{said}, {explain(error, address)}") from error


def read_start(address: str, size: int) -> bytes:
    """Returns at most the first `size` bytes of a file.

    Raises:
      OSError: where it is not there; of a local file, for any reason.
      ValueError: where no file can have that name.
      StorageFailure: where it cannot be read for another reason.
    """
    scheme = FileSystems.get_scheme(address)
    if scheme is None:
        with FileSystems.open(address, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            return file.read(size)
    if is_no_name(address):
        raise ValueError("a name that no file has there")
    try:
        with _open_small(scheme, address) as file:
            return file.read(size)
    except Exception as error:
        if is_missing(error):
            raise FileNotFoundError(one_line(error)) from error
        raise StorageFailure(f"{address} cannot be read ({one_line(error)})") from error


def is_no_name(address: str) -> bool:
    """Says whether no file on a server has that name: Beam would ask S3 for it for minutes, HDFS for its first line."""
    try:
        name = address.encode()
    except UnicodeEncodeError:
        return True
    return bool(set(name) & set(b"\0\r\n")) or len(name) > MAX_NAME_BYTES


def open_stream(path: str) -> BinaryIO:
    """Open a file, compressed or not, as it is stored.

    Raises:
      OSError: where a local file cannot be opened.
      StorageFailure: where one on a server cannot.
    """
    try:
        return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    except Exception as error:  # each of Beam's file systems has errors of its own
        if FileSystems.get_scheme(path) is None:
            raise
        raise StorageFailure(f"{path} cannot be read ({one_line(innermost(error))})") from error


def _open_small(scheme: str, address: str) -> BinaryIO:
    """Open one of many small files: what Beam makes anew for each file on S3, a client, takes 0.1 s."""
    if scheme != "s3":
        return FileSystems.open(address, compression_type=CompressionTypes.UNCOMPRESSED)
    options = current_options()
    if getattr(_per_thread, "options", None) is not options:
        _per_thread.options, _per_thread.s3 = options, S3IO(options=options)
    return _per_thread.s3.open(address, "rb")


def current_options() -> PipelineOptions:
    """Returns the options of this process's file systems, which Beam keeps to itself, and sees to it that there are."""
    options = FileSystems._pipeline_options or RuntimeValueProvider.runtime_options
    if options is None:
        options = PipelineOptions([])
        FileSystems.set_options(options)
    return options


class Watched:
    """A file that remembers that reading it failed: readers take what they cannot read for a damaged file."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream = stream
        self._path = path
        self._failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """Returns at most `size` bytes, as any file does."""
        try:
            return self._stream.read(size)
        except Exception as error:  # each of Beam's file systems has errors of its own
            self._failure = error
            raise

    def refuse_failure(self) -> None:
        """Raise StorageFailure where reading failed, whatever became of the error."""
        if self._failure is not None:
            raise StorageFailure(f"{self._path} cannot be read ({one_line(self._failure)})") from self._failure

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

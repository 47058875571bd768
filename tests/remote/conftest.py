"""One small corpus in every layout, the servers that it is put on, and an executor run with their Beam options."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import storage_servers
from storage_servers import Storage

IMAGES, SHARDS = 24, 3
SERVERS = ("s3", "gs", "hdfs")


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Returns a function: "s3", "gs" or "hdfs" -> the running server, started at its first use and ended at last."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Storage] = {}

        def start(name: str) -> Storage:
            if name not in started:
                server = getattr(storage_servers, name)
                started[name] = stack.enter_context(server(tmp_path_factory.mktemp(name)))
            return started[name]

        yield start


@pytest.fixture(params=SERVERS)
def storage(request, servers, monkeypatch) -> Storage:
    """Each server in turn, reached as a user's environment would have it."""
    found = servers(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def s3(servers, monkeypatch) -> Storage:
    """The S3 server, reached as a user's environment would have it."""
    found = servers("s3")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """A folder with the folders tar, coyo, parquet, paths and csv, each of the same pairs and some that are bad."""
    root = tmp_path_factory.mktemp("corpus")
    for name in ("tar", "coyo", "parquet", "paths", "csv"):
        (root / name).mkdir()
    images = [picture(number) for number in range(IMAGES)]
    captions = [f"a cat, no. {number}" for number in range(IMAGES)]
    names = [f"images/{number}.png" for number in range(IMAGES - 2)] + ["images/é ü #1%.png", "images/deep/er.png"]
    for shard in range(SHARDS):
        keys = range(shard, IMAGES, SHARDS)
        pictures = [(f"{key:05d}.png", images[key]) for key in keys]
        texts = [(f"{key:05d}.txt", captions[key].encode()) for key in keys]
        bad = [(f"bad{shard}.png", b"no image"), (f"bad{shard}.txt", b"a cat")]
        write_tar(root / "tar" / f"{shard}.tar", sorted([*pictures, *texts, *bad]))
        write_tar(root / "coyo" / f"{shard}.tar", pictures)
        rows = [{"key": f"{key:05d}", "caption": captions[key], "url": f"http://x/{key}"} for key in keys]
        pq.write_table(pa.Table.from_pylist(rows), root / "coyo" / f"{shard}.parquet")
    whole = pa.table({"image": [*images, b"no image"], "caption": [*captions, "a cat"]})
    pq.write_table(whole, root / "parquet" / "0.parquet", row_group_size=10)
    for folder in ("paths", "csv"):
        for name, image in zip(names, images, strict=True):
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (root / folder / name).write_bytes(image)
    wrong = ["images/gone.png", "../tar/0.tar", "images/" + "q" * 1100, "images/\n.png", ""]
    table = {"image": [*names, *wrong], "caption": [*captions, *("a cat" for _ in wrong)]}
    pq.write_table(pa.table(table), root / "paths" / "0.parquet")
    text = io.StringIO()
    csv.writer(text).writerows([["image", "caption"], *zip(*table.values(), strict=True)])
    (root / "csv" / "0.csv").write_bytes(text.getvalue().encode() + b"images/\xff.png,a cat\n")
    return root


def picture(number: int) -> bytes:
    """Returns a PNG that no other number has."""
    buffer = io.BytesIO()
    Image.new("RGB", (210, 205), (number * 9 % 256, number, 100)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def read_report(path: Path) -> dict[str, Any]:
    """Returns a report without images' addresses and the classes of errors, each file system's own."""
    report = json.loads(path.read_text(encoding="utf-8"))
    for samples in report["samples"].values():
        for sample in samples:
            own = r"^.* cannot be read: \w+Error$|(?<= the image folder ).*"
            sample["detail"] = re.sub(own, "", sample["detail"], flags=re.DOTALL)
        samples.sort(key=lambda sample: sample["record"])  # in the order of a hash that the class goes into
    return report


@pytest.fixture(scope="session")
def ingest(tmp_path_factory):
    """Returns a function: Beam's arguments, fields of IngestConfig -> all that PairExampleGen wrote, by name.

    Records as they were written, and not the gzip files' bytes, which hold the time of writing.
    """
    from tfx.types import standard_artifacts

    from components.artifacts import IngestReport
    from components.files import example_files
    from components.pair_example_gen.executor import Executor

    def run(beam_arguments: list[str], **config: Any) -> dict[str, Any]:
        root = tmp_path_factory.mktemp("ingested")
        made = {"examples": standard_artifacts.Examples(), "report": IngestReport()}
        for name, artifact in made.items():
            artifact.uri = str(root / name)
        Executor(Executor.Context(beam_pipeline_args=beam_arguments)).Do(
            {}, {name: [artifact] for name, artifact in made.items()}, {"ingest": json.dumps(config)}
        )
        found: dict[str, Any] = {}
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            name = path.relative_to(root).as_posix()
            found[name] = list(example_files.read_payloads(str(path))) if path.suffix == ".gz" else read_report(path)
        report = made["report"]
        found["totals"] = {name: report.get_custom_property(name) for name in report.mlmd_artifact.custom_properties}
        return found

    return run

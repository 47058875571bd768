"""A Flink cluster, 5 000 pairs with every fault that they may have, and executors run as TFX runs them."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[2]
STATE = CHECKOUT / ".flink"
SHARDS, PAIRS_A_SHARD = 20, 250
WORDS = [
    "a",
    "small",
    "grey",
    "cat",
    "sits",
    "under",
    "the",
    "old",
    "wooden",
    "table",
    "beside",
    "two",
    "red",
    "boots",
    "and",
    "one",
    "yellow",
    "ball",
]


@dataclass(frozen=True)
class Cluster:
    """The cluster that `make flink` brought up.

    Attributes:
      master: HOST:PORT of Flink's REST interface.
      job_endpoint: HOST:PORT of Beam's job server.
      beam_arguments: Beam's arguments, as the `beam` section of a config spells them.
    """

    master: str
    job_endpoint: str
    beam_arguments: tuple[str, ...]

    def ask(self, path: str, method: str = "GET") -> Any:
        """Returns what Flink's REST interface answers."""
        request = urllib.request.Request(f"http://{self.master}/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def running_jobs(self) -> list[str]:
        """Returns the ids of the jobs that run."""
        return [job["id"] for job in self.ask("jobs")["jobs"] if job["status"] == "RUNNING"]

    def process(self, name: str) -> int:
        """Returns the process id of the jobmanager, a taskmanager or the jobserver."""
        return int((STATE / "pids" / name).read_text(encoding="utf-8").split()[0])


def control(command: str) -> None:
    subprocess.run([sys.executable, CHECKOUT / "scripts" / "flink" / "cluster.py", command], check=True, timeout=300)


@pytest.fixture(scope="session")
def bring_up():
    """Returns the function behind `make flink`, which also brings back a TaskManager that was killed."""
    return lambda: control("up")


@pytest.fixture(scope="session")
def cluster(bring_up):
    """The cluster, up; it is ended after the tests unless it was up before them."""
    from tfx_pipeline.settings.beam_config import BeamConfig

    was_up = (STATE / "cluster.json").exists()
    bring_up()
    address = json.loads((STATE / "cluster.json").read_text(encoding="utf-8"))
    config = BeamConfig(runner="flink", options={"flink_master": address["flink_master"], **address["beam_options"]})
    yield Cluster(address["flink_master"], address["beam_options"]["job_endpoint"], tuple(config.pipeline_args()))
    if not was_up:
        control("down")


@pytest.fixture(scope="session")
def shards(tmp_path_factory) -> Path:
    """A folder of tar shards whose pairs are good, bad, repeated and copied, all by a seed."""
    folder = tmp_path_factory.mktemp("shards")
    chance = random.Random(5)
    seen: list[bytes] = [_image(chance)]
    for number in range(SHARDS):
        with tarfile.open(folder / f"{number:05d}.tar", "w") as tar:
            for key in range(number * PAIRS_A_SHARD, (number + 1) * PAIRS_A_SHARD):
                image, caption = _pair(chance, seen)
                for suffix, content in (("jpg", image), ("txt", caption)):
                    info = tarfile.TarInfo(f"{key:09d}.{suffix}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    return folder


def _pair(chance: random.Random, seen: list[bytes]) -> tuple[bytes, bytes]:
    """Returns an image and a caption: of a hundred pairs about 76 have no fault, the others one each."""
    caption = " ".join(chance.choices(WORDS, k=chance.randint(3, 20)))
    fault = chance.randrange(100)
    if fault < 6:
        return chance.choice(seen), caption.encode()  # the very image again
    if fault < 8:
        return _copy(chance.choice(seen)), caption.encode()  # its pixels in other bytes, so perhaps in another split
    if fault < 10:
        return seen[0], caption.encode()  # one image with a hundred captions
    if fault < 13:
        return _image(chance), b"photo of the day"  # more than ten images with one caption
    if fault < 15:
        return _image(chance)[:300], caption.encode()  # truncated
    if fault < 16:
        return b"not an image", caption.encode()
    if fault < 17:
        return _image(chance), b"caf\xe9 \xff"  # not UTF-8
    if fault < 18:
        return _image(chance), b"  "
    if fault < 20:
        return _image(chance), b"boots"  # too few words
    if fault < 22:
        return _image(chance), " ".join(chance.choices(WORDS, k=25)).encode()  # too many
    if fault < 23:
        return _image(chance, 190, 300), caption.encode()  # too small
    if fault < 24:
        return _image(chance, 210, 840), caption.encode()  # too long
    seen.append(_image(chance, 208 + chance.randrange(64), 208 + chance.randrange(64)))
    return seen[-1], caption.encode()


def _image(chance: random.Random, width: int = 224, height: int = 224) -> bytes:
    buffer = io.BytesIO()
    coarse = Image.frombytes("RGB", (16, 16), chance.randbytes(16 * 16 * 3))
    coarse.resize((width, height), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _copy(jpeg: bytes) -> bytes:
    """Returns a JPEG of the same pixels in other bytes: with a comment behind its first marker."""
    comment = b"copied"
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


@pytest.fixture(scope="session")
def run_executor(tmp_path_factory):
    """Returns a function that runs a component's executor with Beam arguments as TFX does; none mean DirectRunner."""

    def run(component: type, inputs: dict, properties: dict, beam_arguments=(), root: Path | None = None) -> dict:
        root = root or tmp_path_factory.mktemp("outputs")
        made = {}
        for key, parameter in component.SPEC_CLASS.OUTPUTS.items():
            made[key] = parameter.type()
            made[key].uri = str(root / key)
            (root / key).mkdir(parents=True)
        executor = component.EXECUTOR_SPEC.executor_class
        executor(executor.Context(beam_pipeline_args=list(beam_arguments))).Do(
            {key: [artifact] for key, artifact in inputs.items()},
            {key: [artifact] for key, artifact in made.items()},
            {key: json.dumps(value) for key, value in properties.items()},
        )
        return made

    return run


@pytest.fixture(scope="session")
def content():
    """Returns a function: output artifacts -> all that they hold, by artifact and file, records as they were written.

    Records and not the gzip files' bytes, which hold the time of writing.
    """
    from components.files import example_files

    def read(artifacts: dict) -> dict:
        found: dict[tuple[str, str], Any] = {}
        for key, artifact in artifacts.items():
            root = Path(artifact.uri)
            for path in sorted(file for file in root.rglob("*") if file.is_file()):
                name = path.relative_to(root).as_posix()
                is_records = path.suffix == ".gz"
                found[key, name] = list(example_files.read_payloads(str(path))) if is_records else path.read_bytes()
            found[key, "properties"] = {
                name: artifact.get_custom_property(name) for name in artifact.mlmd_artifact.custom_properties
            }
        return found

    return read

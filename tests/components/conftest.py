"""Small real shards and Examples for the tests of the data components."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def make_image():
    """Returns a function: size, seed, format, mode -> an encoded image whose pixels depend on the seed."""

    def image(width: int = 8, height: int = 6, seed: int = 0, kind: str = "PNG", mode: str = "RGB") -> bytes:
        picture = Image.new("RGB", (width, height), (seed % 256, seed // 256 % 256, 100))
        picture.putpixel((0, 0), (255, 255, 255))
        buffer = io.BytesIO()
        picture.convert(mode).save(buffer, kind)
        return buffer.getvalue()

    return image


@pytest.fixture(scope="session")
def make_tar():
    """Returns a function: (name, content) pairs -> the bytes of a tar file."""

    def tar(members: Iterable[tuple[str, bytes]], **options) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    return tar


@pytest.fixture(scope="session")
def run_executor(tmp_path_factory):
    """Returns a function that runs a data component's executor as TFX does, under Beam's DirectRunner.

    Without Beam arguments: given any, TFX packs a source distribution of itself at each run, which takes seconds.
    """

    def run(executor: type, inputs: dict, outputs: dict[str, type], properties: dict):
        root = tmp_path_factory.mktemp("executor")
        made = {}
        for key, artifact_type in outputs.items():
            made[key] = artifact_type()
            made[key].uri = str(root / key)
            (root / key).mkdir()
        executor(executor.Context()).Do(
            {key: [artifact] for key, artifact in inputs.items()},
            {key: [artifact] for key, artifact in made.items()},
            {key: json.dumps(value) for key, value in properties.items()},
        )
        return made

    return run


@pytest.fixture(scope="session")
def read_examples():
    """Returns a function: an Examples artifact and a split -> its Examples as dicts, texts decoded."""
    import tensorflow as tf

    from components import schema
    from components.files import example_files

    def value(feature, kept_as_bytes: bool):
        found = feature.bytes_list.value or feature.int64_list.value
        return [one if kept_as_bytes or isinstance(one, int) else one.decode() for one in found]

    def read(examples, split: str) -> list[dict[str, list]]:
        found = []
        for path in example_files.list_split(examples.uri, split):
            for payload in example_files.read_payloads(path):
                features = tf.train.Example.FromString(payload).features.feature
                found.append({name: value(features[name], name == schema.IMAGE_ENCODED) for name in features})
        return found

    return read


@pytest.fixture
def load_json():
    """Returns a function: an artifact and a file name -> the JSON content."""

    def load(artifact, name: str):
        return json.loads((Path(artifact.uri) / name).read_text(encoding="utf-8"))

    return load

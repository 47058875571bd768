"""Evaluation sets as TFX runs them: each is ingested by itself, and none of its images stays in the train split."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os

import numpy as np
import pytest
from PIL import Image
from tfx import v1 as tfx
from tfx.types import standard_artifacts

from components.artifact_files import FILTER_REPORT_FILE
from components.artifacts import IngestReport
from components.pair_example_gen.component import read_pairs
from components.pair_example_gen.config import EvaluationSetConfig, IngestConfig
from components.pair_example_gen.executor import Executor
from components.pair_example_gen.storage.shards import check_shards
from components.pair_filter.component import PairFilter
from components.pair_filter.config import FilterConfig

IDS = ["PairExampleGen", "EvaluationSet-coco", "EvaluationSet-flickr30k", "EvaluationSet-my-own", "PairFilter"]


def noise(seed: int, kind: str = "PNG") -> bytes:
    """Returns an image that resembles no other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory, make_tar):
    """A folder of data sets: images 0 to 7; of these 2 and one more as coco; 5, as BMP, as flickr30k; 7 as my-own."""
    folder = tmp_path_factory.mktemp("sets")
    for name, images in {
        "ours": [noise(seed) for seed in range(8)],
        "coco": [noise(2), noise(100)],
        "flickr30k": [noise(5, "BMP")],
        "my-own": [noise(7)],
    }.items():
        (folder / name).mkdir()
        members = [
            member
            for number, image in enumerate(images)
            for member in ((f"{number}.{'bmp' if image[:2] == b'BM' else 'png'}", image), (f"{number}.txt", b"a b c"))
        ]
        (folder / name / "0.tar").write_bytes(make_tar(members))
    return folder


def run(root, names: list[str]) -> list[str]:
    """Run the chain with these evaluation sets; returns what ran anew."""

    def executions() -> dict[str, int]:
        return {node: len(list((root / "artifacts" / node / "report").glob("*"))) for node in IDS}

    before = executions()
    files, pairs = read_pairs(IngestConfig(shards=str(root / "ours"), hash_split={"train": 1}))
    sets = {name: read_pairs(EvaluationSetConfig(name=name, shards=str(root / name))) for name in names}
    rules = FilterConfig(shorter_side_above_px=1)
    kept = PairFilter(
        rules,
        examples=pairs.outputs["examples"],
        evaluation_examples={name: images.outputs["examples"] for name, (_, images) in sets.items()},
    )
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(os.path.join(root, "metadata.sqlite"))
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="sets",
        pipeline_root=str(root / "artifacts"),
        components=[files, pairs, *itertools.chain(*sets.values()), kept],
        enable_cache=True,
        metadata_connection_config=metadata,
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return [node for node in IDS if executions()[node] != before[node]]


def test_no_training_image_is_in_an_evaluation_set_and_nothing_runs_twice(root):
    assert run(root, ["coco", "flickr30k", "my-own"]) == IDS
    assert run(root, ["my-own", "flickr30k", "coco"]) == []  # in whatever order
    (found,) = (root / "artifacts" / "PairFilter" / "report").glob(f"*/{FILTER_REPORT_FILE}")
    report = json.loads(found.read_text(encoding="utf-8"))
    assert list(report["splits"]) == ["train"]
    assert report["splits"]["train"]["images"] == {"read": 8, "kept": 5, "dropped": {"evaluation_image": 3}}
    samples = {sample["record"]: sample["detail"] for sample in report["samples"]["evaluation_image"]}
    found_in = {"0.tar#2": "coco", "0.tar#5": "flickr30k", "0.tar#7": "my-own"}
    assert samples == {record: f"a copy of an image of {name!r}" for record, name in found_in.items()}
    assert run(root, ["coco"]) == ["PairFilter"]
    newest = max((root / "artifacts" / "PairFilter" / "report").glob("*"), key=lambda path: int(path.name))
    report = json.loads((newest / FILTER_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["splits"]["train"]["images"] == {"read": 8, "kept": 7, "dropped": {"evaluation_image": 1}}


def test_a_set_that_is_missing_is_one_sentence_that_names_its_field(tmp_path):
    with pytest.raises(
        ValueError, match=r"^evaluation_sets\.coco\.shards is '.*/none', which does not exist; set it to"
    ):
        check_shards(EvaluationSetConfig(name="coco", shards=str(tmp_path / "none")))
    with pytest.raises(ValueError, match=r"where no file matches evaluation_sets\.coco\.splits\['all'\] = '\*\.tar'"):
        check_shards(EvaluationSetConfig(name="coco", shards=str(tmp_path)))


def test_a_set_of_which_nothing_could_be_read_is_refused(tmp_path, make_tar, run_executor):
    (tmp_path / "0.tar").write_bytes(make_tar([("0.png", b"no image"), ("0.txt", b"a b c")]))
    config = EvaluationSetConfig(name="coco", shards=str(tmp_path), hash_split={"test": 1, "val": 1})
    outputs = {"examples": standard_artifacts.Examples, "report": IngestReport}
    with pytest.raises(
        ValueError, match=r"^evaluation_sets\.coco\.shards is .* reached the split 'test' or 'val': 1 read"
    ):
        run_executor(Executor, {}, outputs, {"ingest": dataclasses.asdict(config)})

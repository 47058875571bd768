"""The three data components as TFX runs them: Beam arguments reach them, and the cache knows what changed."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.dsl.compiler import compiler
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

from components.pair_example_gen.component import read_pairs
from components.pair_example_gen.config import IngestConfig
from components.pair_filter.component import PairFilter
from components.pair_filter.config import FilterConfig
from components.vocabulary.component import VocabularyLearner
from components.vocabulary.config import VocabularyConfig

IDS = ["PairFiles", "PairExampleGen", "PairFilter", "Vocabulary"]
LENIENT = FilterConfig(shorter_side_above_px=1, min_words=1)


def build(
    root: str, ingest: IngestConfig, *, rules=LENIENT, size: int = 200, beam_args: Sequence[str] = ()
) -> tfx.dsl.Pipeline:
    files, pairs = read_pairs(ingest)
    kept = PairFilter(rules, examples=pairs.outputs["examples"])
    vocabulary = VocabularyLearner(VocabularyConfig(size=size), captions=kept.outputs["captions"])
    return tfx.dsl.Pipeline(
        pipeline_name="data",
        pipeline_root=os.path.join(root, "artifacts"),
        components=[files, pairs, kept, vocabulary],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            os.path.join(root, "metadata.sqlite")
        ),
        beam_pipeline_args=list(beam_args),
    )


def test_beam_arguments_of_the_pipeline_reach_every_executor(tmp_path):
    args = ["--runner=DirectRunner", "--direct_num_workers=2"]
    compiled = compiler.Compiler().compile(build(str(tmp_path), IngestConfig(shards="s"), beam_args=args))
    deployment = pipeline_pb2.IntermediateDeploymentConfig()
    assert compiled.deployment_config.Unpack(deployment)
    reached = {}
    for node, packed in deployment.executor_specs.items():
        spec = executable_spec_pb2.BeamExecutableSpec()
        assert packed.Unpack(spec), f"{node} runs without Beam arguments"
        reached[node] = list(spec.beam_pipeline_args)
    assert reached == dict.fromkeys(IDS, args)


@pytest.fixture(scope="module")
def chain(tmp_path_factory, make_tar, make_image):
    """Returns the folder of two shards, and a function that runs the chain on them and says what ran anew."""
    root = tmp_path_factory.mktemp("chain")
    shards = root / "shards"
    shards.mkdir()
    for shard in range(2):
        members = [
            (f"{shard}{i}.{ext}", make_image(seed=10 * shard + i) if ext == "png" else b"a small cat")
            for i in range(4)
            for ext in ("png", "txt")
        ]
        (shards / f"{shard}.tar").write_bytes(make_tar(members))
        os.utime(shards / f"{shard}.tar", (0, 1_000_000))
    ingest = IngestConfig(shards=str(shards), hash_split={"train": 1})

    def run(**changed) -> list[str]:
        before = executions(root)
        tfx.orchestration.LocalDagRunner().run(build(str(root), ingest, **changed))
        return [node for node in IDS if executions(root)[node] != before[node]]

    return shards, run


def executions(root: Path) -> dict[str, int]:
    """Returns how often each component has truly run: the folders that its outputs left."""
    outputs = dict(zip(IDS, ["fingerprint", "report", "report", "vocabulary"], strict=True))
    return {node: len(list((root / "artifacts" / node / key).glob("*"))) for node, key in outputs.items()}


def test_only_what_a_change_concerns_runs_again(chain):
    shards, run = chain
    assert run() == IDS
    assert run() == []
    assert run(size=150) == ["Vocabulary"]
    assert run(rules=dataclasses.replace(LENIENT, max_words=19)) == ["PairFilter", "Vocabulary"]
    os.utime(shards / "1.tar", (0, 2_000_000))
    assert run() == IDS

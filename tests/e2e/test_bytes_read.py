"""How many bytes each step reads of a corpus: nothing is read to learn what an earlier step knew.

Counted by the system, for all threads of this process and in whatever language they read (/proc/self/io, rchar). The
images are noise, so that they are nearly all of the corpus. Each step runs once on a few bytes before it is counted, so
that what it imports has been read.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tfx.types import standard_artifacts

from components.artifact_files import RECORD_COUNTS_FILE
from components.artifacts import Captions, FilterReport, IngestReport, RecordCounts, Vocabulary
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.executor import Executor as Ingest
from components.pair_filter.config import FilterConfig
from components.pair_filter.executor import Executor as Filter
from components.vocabulary.executor import Executor as Learn
from models.config import ModelConfig
from models.records.input_pipeline import training_batches
from models.records.record_files import find_files, read_counts
from models.texts.tokenizer import Tokenizer
from models.training_config import TrainingConfig
from tfx_pipeline.commands.search.query import answer
from tfx_pipeline.report.rebuild import rebuild

IMAGES, SHARDS = 60, 3
NOISE = 0.08  # of the corpus: messages, small tables, a tiny model read for its digest, what Python still imports
Measured = dict[str, float]


def write_shards(folder: Path, images: int, shards: int) -> int:
    """Write pairs as tar files; returns their bytes."""
    folder.mkdir(parents=True)
    for shard in range(shards):
        with tarfile.open(folder / f"{shard}.tar", "w") as archive:
            for number in range(shard, images, shards):
                pixels = np.random.default_rng(number).integers(0, 256, (320, 400, 3), np.uint8)
                Image.fromarray(pixels).save(buffer := io.BytesIO(), "JPEG", quality=97)
                for ending, content in (("jpg", buffer.getvalue()), ("txt", b"a red picture of noise %d" % number)):
                    member = tarfile.TarInfo(f"{number}.{ending}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return sum(path.stat().st_size for path in folder.iterdir())


@contextmanager
def counted(found: Measured, step: str, corpus: int) -> Iterator[None]:
    """Note which multiple of the corpus the block reads."""

    def read() -> int:
        lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
        return int(dict(line.split(": ") for line in lines)["rchar"])

    before = read()
    yield
    found[step] = (read() - before) / corpus


def run_steps(root: Path, images: int, shards: int, colour_model: Path) -> Measured:
    """Run each step on a corpus; returns which multiple of its bytes each read."""
    corpus = write_shards(root / "shards", images, shards)
    found: Measured = {}

    def execute(step: str, executor: type, inputs: dict, outputs: dict[str, type], properties: dict) -> dict:
        made = {key: [of()] for key, of in outputs.items()}
        for key, (artifact,) in made.items():
            artifact.uri = str(root / step / key / "5")
            Path(artifact.uri).mkdir(parents=True)
        with counted(found, step, corpus):
            executor(executor.Context()).Do(inputs, made, properties)
        return made

    ingest = IngestConfig(shards=str(root / "shards"), hash_split={"train": 1})
    pairs = execute(
        "ingest",
        Ingest,
        {},
        {"examples": standard_artifacts.Examples, "report": IngestReport},
        {"ingest": ingest.to_json()},
    )
    kept = execute(
        "filter",
        Filter,
        {"unfiltered_examples": pairs["examples"]},
        {
            **dict.fromkeys(("examples", "rejects"), standard_artifacts.Examples),
            "captions": Captions,
            "counts": RecordCounts,
            "report": FilterReport,
        },
        {"filter": FilterConfig().to_json()},
    )
    config = json.dumps({"size": 60})
    execute(
        "vocabulary",
        Learn,
        {"captions": kept["captions"]},
        {"vocabulary": Vocabulary},
        {"vocabulary_config": config},
    )
    examples = Path(kept["examples"][0].uri)
    train = str(examples / "Split-train" / "*")
    counts_file = f"{kept['counts'][0].uri}/Split-train/{RECORD_COUNTS_FILE}"
    settings = TrainingConfig(steps=1, warmup_steps=0, batch=images, kept_images_gib=0)
    model = ModelConfig(image_resize_px=6, image_crop_px=4, text_max_pieces=4)
    tokenizer = Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"], 4)
    with counted(found, "training start", corpus):
        counts = read_counts(counts_file, find_files([train]))
        batches = training_batches([train], model, settings, tokenizer, counts=counts)
    assert len(list(batches.take(1))) == 1
    write_run(root, examples, colour_model)
    with counted(found, "report", corpus):
        rebuild(root / "align" / "runs" / "r1")

    def ask() -> None:
        answer(root / "align", text="red", k=1, out=root / "hits.html", console=Console(file=io.StringIO()))

    with counted(found, "first query", corpus):
        ask()
    with counted(found, "query", corpus):
        ask()
    return found


def write_run(root: Path, examples: Path, colour_model: Path) -> None:
    """Write what `align report` and `align query` find of a run."""
    run_dir = root / "align" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    shutil.copytree(colour_model, root / "align" / "serving_models" / "align" / "1")
    outputs = {"PairFilter": {"examples": str(examples)}, "Trainer": {"model": str(root / "model")}}
    events = [{"event": "pipeline_started", "name": "align", "components": list(outputs)}] + [
        {"event": "component_finished", "component": component, "state": "complete", "outputs": of}
        for component, of in outputs.items()
    ]
    (run_dir / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    (run_dir / "answers.json").write_text(json.dumps({"asked": {}, "answers": []}), encoding="utf-8")


@pytest.fixture(scope="module")
def found(tmp_path_factory, colour_model) -> Measured:
    run_steps(tmp_path_factory.mktemp("warm"), SHARDS, SHARDS, colour_model)
    return run_steps(tmp_path_factory.mktemp("bytes"), IMAGES, SHARDS, colour_model)


@pytest.mark.parametrize(
    ("step", "is_right"),
    [
        ("ingest", lambda times: 0.9 < times < 1 + NOISE),
        ("filter", lambda times: 1.8 < times < 2 + NOISE),
        ("vocabulary", lambda times: times < NOISE),
        ("training start", lambda times: times < NOISE),
        ("first query", lambda times: 0.9 < times < 1 + 3 * NOISE),  # with the next row, and what Beam reads of itself
        ("report", lambda times: times < NOISE),
        ("query", lambda times: times < 1 / IMAGES + NOISE),
    ],
)
def test_what_each_step_reads_of_the_corpus(found: Measured, step: str, is_right: Callable[[float], bool]):
    assert is_right(found[step]), f"{step} reads {found[step]:.2f} times the corpus; all: {found}"

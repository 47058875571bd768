"""Measures the whole data half, from shards to vocabulary, against a plain script on the same tars, start included.

Usage: .venv/bin/python -m benchmarks.data.whole [--pairs 10000] [--times 1] [--output benchmarks/output-data-half]

Ours are the executors of PairExampleGen, PairFilter and Vocabulary as TFX calls them, in a process of its own with two
Beam workers. The script is filter/peer.py on the tars, whose kept captions are then counted and learnt from by
`tokenizers`. Both are timed from the start of their process to its end. Prints Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.filter.exactness import config_for
from benchmarks.filter.peer import PeerJob, read_tar
from benchmarks.filter.run import MODES
from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from benchmarks.shared.checkout import OUTPUT, ROOT
from benchmarks.shared.machine import describe_machine
from components.beam.lean_import import without_clients
from components.pair_example_gen.config import IngestConfig
from components.pair_filter.config import FilterConfig
from components.vocabulary.config import VocabularyConfig
from tfx_pipeline.quick import quick_imports

ASKED = 2.0  # times the pairs a second of the plain script
VOCABULARY = VocabularyConfig(size=8000)


def ours(pairs: Path, output: Path, rules: FilterConfig) -> None:
    """Run the three executors in this process."""
    with quick_imports(), without_clients():  # as a run of the pipeline has it
        from tfx.types import standard_artifacts

        from components import artifacts
        from components.beam.forked_workers import fork_workers
        from components.pair_example_gen.executor import Executor as Ingest
        from components.pair_filter.executor import Executor as Filter
        from components.pair_filter.inputs import PAIRS
        from components.vocabulary.executor import Executor as Vocabulary

    fork_workers()  # likewise

    def run(executor, inputs: dict, outputs: dict, properties: dict) -> dict:
        made = {name: of() for name, of in outputs.items()}
        for name, artifact in made.items():
            artifact.uri = str(output / executor.__module__ / name)
            Path(artifact.uri).mkdir(parents=True)
        context = executor.Context(beam_pipeline_args=list(MODES["multi_processing"]))
        given, wanted = ({name: [one] for name, one in of.items()} for of in (inputs, made))
        executor(context).Do(given, wanted, properties)
        return made

    ingest = IngestConfig(
        shards=str(pairs), splits={"train": "train/*.tar", "seen": "seen/*.tar"}, captions={"captions": "und"}
    )
    examples, report = standard_artifacts.Examples, artifacts.IngestReport
    read = run(Ingest, {}, {"examples": examples, "report": report}, {"ingest": ingest.to_json()})
    kept = {
        **{"examples": examples, "rejects": examples, "captions": artifacts.Captions},
        **{"counts": artifacts.RecordCounts, "report": artifacts.FilterReport},
    }
    filtered = run(Filter, {PAIRS: read["examples"]}, kept, {"filter": rules.to_json()})
    properties = {"vocabulary_config": json.dumps(dataclasses.asdict(VOCABULARY))}
    run(Vocabulary, {"captions": filtered["captions"]}, {"vocabulary": artifacts.Vocabulary}, properties)


def script(pairs: Path, output: Path, rules: FilterConfig) -> None:
    """Filter the tars by the plain script, then count and learn from what it kept."""
    from tokenizers import BertWordPieceTokenizer

    job = output / "job.json"
    job.write_text(json.dumps(dataclasses.asdict(PeerJob("tars", str(pairs), str(output), dataclasses.asdict(rules)))))
    subprocess.run(
        [sys.executable, "-m", "benchmarks.filter.peer", job], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
    )
    captions = (
        text for tar in sorted((output / "train").glob("*.tar")) for one in read_tar(tar) for text in one.captions
    )
    tokenizer = BertWordPieceTokenizer()
    tokenizer.train_from_iterator(captions, VOCABULARY.size, VOCABULARY.min_word_count, show_progress=False)
    tokenizer.save_model(str(output))


SIDES = {"ours": ours, "plain script": script}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=1, help="runs of each")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-data-half")
    parser.add_argument("--side", choices=SIDES, help="run this alone, unmeasured")
    arguments = parser.parse_args()
    pairs, scratch = arguments.output.resolve() / f"tars-{arguments.pairs}", arguments.output.resolve() / "run"
    if arguments.side:
        SIDES[arguments.side](pairs, scratch, config_for(arguments.pairs))
        return
    make(pairs, Corpus(pairs=arguments.pairs), "tars", "photos")
    print(f"{describe_machine()}\n\n{arguments.pairs} pairs\n", flush=True)
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(arguments.times):
        for side, found in seconds.items():
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            command = [sys.executable, "-m", "benchmarks.data.whole", "--side", side, "--pairs", str(arguments.pairs)]
            start = time.perf_counter()
            with (arguments.output / "log.txt").open("w", encoding="utf-8") as log:
                subprocess.run([*command, "--output", arguments.output], cwd=ROOT, stdout=log, stderr=log, check=True)
            found.append(time.perf_counter() - start)
    shutil.rmtree(scratch)
    print("| | seconds, each run | pairs/s, median |\n|---|---:|---:|")
    for side, found in seconds.items():
        each = ", ".join(f"{one:.1f}" for one in found)
        print(f"| {side} | {each} | {arguments.pairs / statistics.median(found):.0f} |")
    ratio = statistics.median(seconds["plain script"]) / statistics.median(seconds["ours"])
    print(f"\nOurs to the script: {ratio:.2f} times; asked {ASKED:.1f}.")


if __name__ == "__main__":
    main()

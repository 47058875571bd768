"""Runs PairFilter's executor as TFX does, in a process of its own, and says what it took and what it left.

Usage: .venv/bin/python -m benchmarks.filter.run JOB

JOB is a file that holds a `FilterJob` as JSON. The commands beside it start it so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.filter.oracle import Outcome
from benchmarks.shared.checkout import ROOT
from benchmarks.shared.processes import Peaks, watch
from tfx_pipeline.settings.beam_config import BeamConfig

RESULT_FILE = "result.json"
SPLITS = ("train", "seen")
MODES = {  # name -> Beam's arguments, as a run of the pipeline has them
    mode: tuple(BeamConfig(options={"direct_running_mode": mode, "direct_num_workers": workers}).pipeline_args())
    for mode, workers in {"in_memory": 1, "multi_processing": 2}.items()
}


@dataclass(frozen=True)
class FilterJob:
    """One run.

    Attributes:
      examples: folder of the Examples artifact.
      output: folder to write to.
      config: a FilterConfig as JSON.
      beam: Beam's arguments.
    """

    examples: str
    output: str
    config: str
    beam: tuple[str, ...]


@dataclass(frozen=True)
class FilterRun:
    """What a run took.

    Attributes:
      import_s: seconds until the libraries were loaded.
      run_s: seconds of the filter, Beam's workers' own start included.
      cpu_s: CPU time of the process meanwhile, without its children's.
      peaks: memory and CPU time of its processes.
    """

    import_s: float
    run_s: float
    cpu_s: float
    peaks: Peaks


def run_filter(job: FilterJob) -> FilterRun:
    """Run a job in a process of its own, watching it and its children."""
    folder = Path(job.output)
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as said:
        command = [sys.executable, "-m", "benchmarks.filter.run", folder / "job.json"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        peaks = watch(process)
    if process.returncode:
        raise SystemExit(f"the filter failed with exit status {process.returncode}; see {log}")
    return FilterRun(**json.loads((folder / RESULT_FILE).read_text(encoding="utf-8")), peaks=peaks)


def execute(job: FilterJob) -> dict[str, float]:
    """Run a job in this process; returns the seconds of FilterRun."""
    start = time.perf_counter()
    from tfx.types import standard_artifacts

    from benchmarks.pairs.examples import as_artifact
    from components.artifacts import Captions, FilterReport, RecordCounts
    from components.beam.forked_workers import fork_workers
    from components.pair_filter.executor import Executor

    outputs = {
        "examples": standard_artifacts.Examples,
        "rejects": standard_artifacts.Examples,
        "captions": Captions,
        "counts": RecordCounts,
        "report": FilterReport,
    }
    made = {}
    for name, artifact_type in outputs.items():
        made[name] = artifact_type()
        made[name].uri = str(Path(job.output) / name)
        Path(made[name].uri).mkdir(parents=True)
    fork_workers()  # as a run of the pipeline has it
    executor = Executor(Executor.Context(beam_pipeline_args=list(job.beam)))
    ready, ready_cpu = time.perf_counter(), time.process_time()
    executor.Do(
        {"unfiltered_examples": [as_artifact(Path(job.examples), SPLITS)]},
        {name: [artifact] for name, artifact in made.items()},
        {"filter": job.config},
    )
    return {
        "import_s": ready - start,
        "run_s": time.perf_counter() - ready,
        "cpu_s": time.process_time() - ready_cpu,
    }


def read_outcome(output: Path) -> Outcome:
    """Returns what a finished run kept and counted."""
    import tensorflow as tf

    from components import schema

    outcome = Outcome()
    for split in SPLITS:
        for path in sorted((output / "examples" / f"Split-{split}").glob("*.gz")):
            for payload in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator():
                features = tf.train.Example.FromString(payload).features.feature
                name = features[schema.RECORD_NAME].bytes_list.value[0].decode()
                texts = tuple(text.decode() for text in features[schema.CAPTION_TEXT].bytes_list.value)
                outcome.kept[split].append((name, texts))
    outcome.counts = read_report(output)
    return outcome


def read_report(output: Path) -> Counter[tuple[str, str, str]]:
    """Returns the counts of a finished run's report as `Outcome` has them, without the zeros."""
    report = json.loads((output / "report" / "filter_report.json").read_text(encoding="utf-8"))
    counts: Counter[tuple[str, str, str]] = Counter()
    for split, tallies in report["splits"].items():
        for kind in ("images", "captions"):
            tally = tallies[kind]
            fates = {"read": tally["read"], "kept": tally["kept"], **tally["dropped"]}
            counts.update({(split, kind, fate): number for fate, number in fates.items() if number})
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    job = FilterJob(**json.loads(parser.parse_args().job.read_text(encoding="utf-8")))
    (Path(job.output) / RESULT_FILE).write_text(json.dumps(execute(job)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measures the demo's published figures: quality over several seeds, with its spread, and where the time goes.

Usage: .venv/bin/python -m benchmarks.demo.quality [--seeds 3] [--output benchmarks/output]

Each seed is a whole `align run --config demo` with another `training.seed`, judged by the pipeline's own Evaluator; the
first starts from nothing, so its times are those of `make demo` after set-up. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.shared.checkout import OUTPUT
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.run_record import RunRecord, latest_run_dir, read_record
from tfx_pipeline.settings.config import load

# Metric on each split, what guessing gets (another metric of the Evaluator), and the least that the demo promises.
FIGURES = (
    ("seen", "i2t_recall_at_10", "chance_i2t_recall_at_10", 0.58),
    ("seen", "t2i_recall_at_10", "chance_t2i_recall_at_10", 0.66),
    ("seen", "zero_shot_top_1", "majority_class_share", 0.50),
    ("unseen", "i2t_recall_at_10", "chance_i2t_recall_at_10", 0.30),
    ("unseen", "t2i_recall_at_10", "chance_t2i_recall_at_10", 0.30),
    ("seen", "i2t_recall_at_1", "chance_i2t_recall_at_1", None),
    ("seen", "t2i_recall_at_1", "chance_t2i_recall_at_1", None),
    ("seen", "i2t_recall_at_5", "chance_i2t_recall_at_5", None),
    ("seen", "t2i_recall_at_5", "chance_t2i_recall_at_5", None),
    ("unseen", "zero_shot_top_1", "majority_class_share", None),
)
MARKER = "made-by-benchmarks-demo"  # stands in a folder that the next measurement may remove
MAX_TRAINING_S = 300
MAX_REST_S = 120


def make_anew(folder: Path) -> None:
    """Make an empty folder in the place of an earlier measurement's, and of nothing else."""
    is_ours = folder.is_dir() and ((folder / MARKER).is_file() or not any(folder.iterdir()))
    if folder.exists() and not is_ours:
        raise SystemExit(
            f"--output is {folder}, which no measurement made; name a new folder, or remove that one yourself"
        )
    if is_ours:
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()


def run_demo(output: Path, settings: Sequence[str]) -> RunRecord:
    """Run the demo into a folder under settings such as "training.seed=1", leaving what it shows on the terminal."""
    command = [sys.executable, "-m", "tfx_pipeline.cli", "run", "--config", "demo"]
    flags = [flag for setting in (f"output={output}", *settings) for flag in ("--set", setting)]
    subprocess.run([*command, *flags], check=True)
    return read_record(latest_run_dir(load("demo", {"output": str(output)}).root))


def metrics_of(record: RunRecord) -> dict[str, dict[str, float]]:
    """Returns the Evaluator's metrics of a run: split -> metric -> value."""
    folder = record.output("Evaluator", "evaluation")
    if folder is None:
        raise SystemExit(f"{record.run_dir} has no evaluation; see {record.run_dir / 'log.txt'}")
    with quiet_imports():
        from components.evaluator.stored.results import load_metrics

    return load_metrics(str(folder))


def quality_table(by_seed: Sequence[dict[str, dict[str, float]]]) -> str:
    """Returns a table of mean, spread, chance and promise; one row a figure."""
    lines = [
        f"| Split | Metric | mean of {len(by_seed)} seeds | least to greatest | guessing | asked |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for split, metric, guess, asked in FIGURES:
        values = [metrics[split][metric] for metrics in by_seed]
        lines.append(
            f"| {split} | {metric} | {statistics.mean(values):.1%} | {min(values):.1%} to {max(values):.1%} | "
            f"{by_seed[0][split][guess]:.1%} | {'' if asked is None else f'{asked:.0%}'} |"
        )
    return "\n".join(lines)


def time_table(records: Sequence[RunRecord]) -> str:
    """Returns the first run's seconds by component, and training's of every seed."""
    first = records[0]
    training = [record.component("Trainer").seconds or 0.0 for record in records]
    whole = first.seconds or 0.0
    lines = ["| What | seconds | asked |", "|---|---:|---:|"]
    lines += [f"| {c.id} | {c.seconds:.0f} | |" for c in first.components if c.seconds is not None]
    lines += [
        f"| Training (Trainer), each seed | {', '.join(f'{seconds:.0f}' for seconds in training)} | {MAX_TRAINING_S} |",
        f"| All but Trainer | {whole - training[0]:.0f} | {MAX_REST_S} |",
        f"| First run, whole pipeline | {whole:.0f} | |",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    make_anew(output)
    records = [run_demo(output, [f"training.seed={seed}"]) for seed in range(arguments.seeds)]
    print(f"\n{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    print(quality_table([metrics_of(record) for record in records]))
    print()
    print(time_table(records))


if __name__ == "__main__":
    main()

"""Measures the whole filter against the plain script of peer.py, in turn on one machine, in pairs a second.

Usage: .venv/bin/python -m benchmarks.filter.speed [--pairs 20000] [--times 3] [--output benchmarks/output-filter]

Ours reads Examples and writes Examples and a report, with two workers; perceptual hashes and the n-gram rule are on.
The script runs twice: on the same Examples, and on the same pairs as tars without compression, which it reads and
writes with tarfile. What its start takes is not in its time. In ours the start of Beam's workers is; it is measured
beside, as the time that a few pairs take. Prints Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.filter.exactness import config_for
from benchmarks.filter.peer import RESULT, PeerJob
from benchmarks.filter.run import MODES, FilterJob, FilterRun, read_report, run_filter
from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from benchmarks.shared.checkout import OUTPUT, ROOT
from benchmarks.shared.machine import describe_machine, load_quietly
from components.pair_filter.config import FilterConfig

ASKED = 3.0  # times the pairs a second of the plain script
FEW = 200  # pairs that the time of starting is measured on
MODE = "multi_processing"


@dataclasses.dataclass(frozen=True)
class Measured:
    """Each run: ours, ours on few pairs, the script's (seconds, CPU seconds) by form of its pairs; what was kept."""

    ours: list[FilterRun]
    start: list[FilterRun]
    peers: dict[str, list[tuple[float, float]]]
    kept: dict[str, int]


def run_peer(form: str, pairs: Path, output: Path, config: FilterConfig) -> dict:
    """Run the plain script in a process of its own; returns its seconds and counts."""
    output.mkdir(parents=True)
    job = PeerJob(form, str(pairs), str(output), dataclasses.asdict(config))
    (output / "job.json").write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.filter.peer", output / "job.json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    result = next(line for line in done.stdout.splitlines() if line.startswith(RESULT))
    return json.loads(result.removeprefix(RESULT))


def measure(folders: dict[str, Path], few: Path, scratch: Path, config: FilterConfig, times: int) -> Measured:
    """Run ours and the script in turn, several times.

    Args:
      folders: the pairs, as "examples" and as "tars".
      few: some pairs as Examples, for the time of starting.
      scratch: folder for what is written, which is removed.
      config: of both.
      times: runs of each.
    """

    def ours(pairs: Path) -> FilterRun:
        shutil.rmtree(scratch, ignore_errors=True)
        return run_filter(FilterJob(str(pairs), str(scratch), config.to_json(), MODES[MODE]))

    measured = Measured([], [], {form: [] for form in folders}, {})
    for _ in range(times):
        measured.start.append(ours(few))
        measured.ours.append(ours(folders["examples"]))
        measured.kept["ours"] = read_report(scratch)["train", "captions", "kept"]
        for form, pairs in folders.items():
            shutil.rmtree(scratch)
            result = run_peer(form, pairs, scratch, config)
            measured.peers[form].append((result["run_s"], result["cpu_s"]))
            measured.kept[form] = result["counts"]["captions kept"]
    shutil.rmtree(scratch)
    return measured


def report(measured: Measured, pairs: int) -> str:
    """Returns the table of pairs a second."""
    ours = statistics.median(run.run_s for run in measured.ours)
    start_s = statistics.median(run.run_s for run in measured.start)
    net = ours - start_s
    rest = pairs - FEW
    cpu = statistics.median(run.peaks.cpu_s for run in measured.ours)
    net_cpu = cpu - statistics.median(run.peaks.cpu_s for run in measured.start)
    lines = ["| | seconds, each run | CPU s, median | pairs/s, median | captions kept |", "|---|---:|---:|---:|---:|"]
    each = ", ".join(f"{run.run_s:.1f}" for run in measured.ours)
    lines.append(f"| ours, 2 workers | {each} | {cpu:.1f} | {pairs / ours:.0f} | {measured.kept['ours']} |")
    lines.append(f"| ours without its workers' start | {net:.1f} | {net_cpu:.1f} | {rest / net:.0f} | |")
    ratios = []
    for form, seconds in measured.peers.items():
        peer = statistics.median(run_s for run_s, _ in seconds)
        peer_cpu = statistics.median(cpu_s for _, cpu_s in seconds)
        each = ", ".join(f"{run_s:.1f}" for run_s, _ in seconds)
        lines.append(
            f"| plain script on {form} | {each} | {peer_cpu:.1f} | {pairs / peer:.0f} | {measured.kept[form]} |"
        )
        included, left_out = peer / ours, peer / pairs * rest / net
        ratios.append(f"| ours to the script on {form} | {included:.2f} | {left_out:.2f} | {ASKED:.1f} |")
    first = measured.start[0]
    return "\n".join(
        [
            *lines,
            "",
            "| Ratio of pairs/s | start included | start left out | asked |",
            "|---|---:|---:|---:|",
            *ratios,
            "",
            f"Not in the seconds above: imports of ours, {first.import_s:.1f} s. In them: the start of its workers, "
            f"{start_s:.1f} s (the filter on "
            f"{FEW} pairs). CPU seconds are of all processes, of ours with imports. The script's "
            "near-duplicates are those by imagehash's hash, so it keeps a few captions more or less.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=3, help="runs of each")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-filter")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    folders = {form: output / f"speed-{form}-{arguments.pairs}" for form in ("examples", "tars")}
    few = output / f"speed-examples-{FEW}"
    for form, folder in folders.items():
        make(folder, Corpus(pairs=arguments.pairs), form, "photos")
    make(few, Corpus(pairs=FEW), "examples", "photos")
    config = config_for(arguments.pairs)
    print(f"{describe_machine()}\n\n{arguments.pairs} pairs; {config.to_json()}\n", flush=True)
    measured = measure(folders, few, output / "speed-run", config, arguments.times)
    print(report(measured, arguments.pairs), flush=True)
    load_quietly()  # TensorFlow, which must not be in this process while others are measured
    from benchmarks.filter.parts import parts_table

    print(f"\n{parts_table(folders['examples'], output / 'speed-run')}")
    shutil.rmtree(output / "speed-run")


if __name__ == "__main__":
    main()

"""Measures whether one caption on nearly all images, or one image with nearly all captions, stalls the filter.

Usage: .venv/bin/python -m benchmarks.filter.skew [--pairs 1000000] [--output benchmarks/output-filter]

Filters corpora of as many pairs, whose images are stand-ins: one in which pairs share nothing; one in which all but one
training pair in 98 share a caption; one in which they share an image, one caption in each record; and one in which
that image has as many captions in a few records. Two workers, the paper's limits: 10 images a caption, 1,000 captions
an image. The skewed corpora are dropped nearly whole, so they have less to write: ratios well under 1 are no merit. CPU
seconds are of all processes, and depend less than the others on what else the machine does. Prints Markdown; the exit
status is 1 where the counts are not those that the corpora were made with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.filter.stand_ins import MEBIBYTE, MIN_PLACES, Filtered, filter_stand_ins
from benchmarks.pairs.plan import BLOCK
from benchmarks.pairs.skewed import SkewedCorpus
from benchmarks.shared.checkout import OUTPUT
from benchmarks.shared.machine import describe_machine
from components.pair_filter.config import FilterConfig

CAPTIONS_PER_FILE = 2500
CAPTIONS_A_RECORD = 1000  # where few records hold them all


def corpora(pairs: int, seed: int) -> dict[str, SkewedCorpus]:
    """Returns the corpora by what they are called, the even one first."""
    records = max(BLOCK, pairs // CAPTIONS_A_RECORD)
    return {
        "nothing is shared": SkewedCorpus(seed, pairs),
        "one caption on nearly all images": SkewedCorpus(seed, pairs, shared="caption"),
        "one image in nearly all records": SkewedCorpus(seed, pairs, shared="image"),
        "one image, its captions in few records": SkewedCorpus(seed, records, pairs // records, shared="image"),
    }


def measure(corpus: SkewedCorpus, name: str, output: Path) -> Filtered:
    """Make a corpus and filter it, half as many n-grams taken for frequent as there are captions."""
    captions = corpus.pairs * corpus.max_captions
    config = FilterConfig(frequent_ngrams=max(captions // 2, MIN_PLACES))
    return filter_stand_ins(corpus, max(1, CAPTIONS_PER_FILE // corpus.max_captions), config, name, output)


def expected_counts(manifest: dict) -> dict[tuple[str, str, str], int]:
    """Returns what follows from how a corpus was made: what is read, and dropped before the rules on words."""
    roles = manifest["roles"]
    crowded = roles.get("logo", 0)
    return {
        **{(split, "images", "read"): number for split, number in manifest["pairs"].items()},
        **{(split, "captions", "read"): number for split, number in manifest["captions"].items()},
        ("train", "images", "shorter_side"): 0,
        ("train", "images", "aspect_ratio"): 0,
        ("train", "images", "captions_per_image"): crowded,
        ("train", "captions", "captions_per_image"): crowded * manifest["corpus"]["max_captions"],
        ("train", "images", "evaluation_image"): 0,
        ("train", "captions", "images_per_caption"): roles.get("viral", 0),
    }


def differences(filtered: Filtered) -> list[str]:
    """Returns one sentence for each count that is not as the corpus was made."""
    return [
        f"{' '.join(key)}: {filtered.counts[key]}, made were {number}"
        for key, number in expected_counts(filtered.manifest).items()
        if filtered.counts[key] != number
    ]


COLUMNS = (
    *("corpus", "records", "captions", "kept", "s", "to the even", "without start", "CPU s", "to the even"),
    *("worker MiB", "to the even", "launcher MiB", "counts"),
)
HEADER = f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 2)}---|"


def row(name: str, one: Filtered, even: Filtered, start: Filtered) -> str:
    """Returns the row of a corpus, beside the even one."""
    run, peaks, kept = one.run, one.run.peaks, one.counts["train", "captions", "kept"]
    seconds = run.run_s / even.run.run_s
    net = (run.run_s - start.run.run_s) / (even.run.run_s - start.run.run_s)
    cpu = peaks.cpu_s / even.run.peaks.cpu_s
    memory = peaks.worker_bytes / even.run.peaks.worker_bytes
    return (
        f"| {name} | {one.pairs} | {one.captions} | {kept} | {run.run_s:.1f} | {seconds:.2f} | {net:.2f} | "
        f"{peaks.cpu_s:.0f} | {cpu:.2f} | {peaks.worker_bytes / MEBIBYTE:.0f} | {memory:.2f} | "
        f"{peaks.main_bytes / MEBIBYTE:.0f} | {'DIFFER' if differences(one) else 'as made'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--start", type=int, default=1000, help="pairs that the time of starting is measured on")
    parser.add_argument("--seed", type=int, default=0, help="of the pairs")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-filter")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    print(f"{describe_machine()}\n", flush=True)
    start = measure(SkewedCorpus(arguments.seed, arguments.start), f"skew-start-{arguments.start}", output)
    print(f"The start alone, on {start.pairs} pairs: {start.run.run_s:.1f} s.\n\n{HEADER}", flush=True)
    even, wrong = None, []
    for number, (name, corpus) in enumerate(corpora(arguments.pairs, arguments.seed).items()):
        filtered = measure(corpus, f"skew-{arguments.pairs}-{number}", output)
        even = even or filtered
        print(row(name, filtered, even, start), flush=True)
        wrong += [f"{name}: {line}" for line in differences(filtered)]
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

"""Holds PairFilter to a plain oracle: the kept set and every count, in each of Beam's direct modes, several times each.

Usage: .venv/bin/python -m benchmarks.filter.exactness [--pairs 20000] [--times 5] [--output benchmarks/output-filter]

Thresholds are set so that every rule drops something. Prints Markdown; the exit status is 1 on any difference.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.filter.oracle import Outcome, filter_plainly, read_records
from benchmarks.filter.run import MODES, SPLITS, FilterJob, read_outcome, run_filter
from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from benchmarks.shared.checkout import OUTPUT
from benchmarks.shared.machine import describe_machine, load_quietly
from components.pair_filter.config import FilterConfig
from components.pair_filter.judging.rules import RULES

NEED_MODELS = ("evaluation_neighbour", "unsafe_image")
SHOWN = 5
MAX_CAPTIONS = 2  # of a plain pair


def config_for(pairs: int, frequent_ngrams: int | None = None) -> FilterConfig:
    """Returns thresholds under which every rule that needs no model drops some of a corpus: else the paper's."""
    return FilterConfig(max_captions_per_image=max(8, pairs // 20), frequent_ngrams=frequent_ngrams or pairs)


def silent_rules(outcome: Outcome) -> list[str]:
    """Returns the rules that dropped nothing, so that nothing was shown of them."""
    dropped = {fate for (_, _, fate) in outcome.counts}
    return [rule.name for rule in RULES if rule.name not in dropped and rule.name not in NEED_MODELS]


def differences(found: Outcome, expected: Outcome) -> list[str]:
    """Returns one sentence for each count and each record that two outcomes do not share."""
    lines = [
        f"{' '.join(key)}: {found.counts[key]}, the oracle has {expected.counts[key]}"
        for key in sorted(found.counts.keys() | expected.counts.keys())
        if found.counts[key] != expected.counts[key]
    ]
    for split in sorted(found.kept.keys() | expected.kept.keys()):
        ours, theirs = found.kept[split], expected.kept[split]
        if ours == theirs:
            continue
        more, less = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
        lines += [f"{split}: keeps {name} {texts}, the oracle does not" for name, texts in sorted(more)[:SHOWN]]
        lines += [f"{split}: lacks {name} {texts}, which the oracle keeps" for name, texts in sorted(less)[:SHOWN]]
        if not more and not less:
            lines.append(f"{split}: keeps the same records in another order")
    return lines


def table(expected: Outcome) -> str:
    """Returns what the oracle counts, as Markdown."""
    lines = ["| Split | Fate | images | captions |", "|---|---|---:|---:|"]
    order = ["read", "kept", *(rule.name for rule in RULES), "no_caption_left"]
    for split in SPLITS:
        for fate in order:
            images, captions = (expected.counts[split, kind, fate] for kind in ("images", "captions"))
            if images or captions:
                lines.append(f"| {split} | {fate} | {images} | {captions} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=5, help="runs in each mode")
    parser.add_argument("--seed", type=int, default=0, help="of the pairs")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-filter")
    arguments = parser.parse_args()
    pairs = arguments.output.resolve() / f"photos-{arguments.pairs}-{arguments.seed}"
    make(pairs, Corpus(arguments.seed, arguments.pairs, MAX_CAPTIONS), "examples", "photos")
    config = config_for(arguments.pairs)
    load_quietly()

    start = time.perf_counter()
    expected = filter_plainly(read_records(pairs, SPLITS), config)
    print(f"{describe_machine()}\n\n{arguments.pairs} pairs, seed {arguments.seed}; {config.to_json()}\n")
    print(f"The oracle, {time.perf_counter() - start:.0f} s:\n\n{table(expected)}\n")
    silent = silent_rules(expected)
    failed = bool(silent)
    if silent:
        print(f"nothing was dropped by {', '.join(silent)}, so the run says nothing about it; use more pairs\n")

    print("| Mode | run | seconds | differences |\n|---|---:|---:|---:|")
    for mode, beam in MODES.items():
        for number in range(1, arguments.times + 1):
            output = arguments.output.resolve() / f"run-{mode}-{number}"
            shutil.rmtree(output, ignore_errors=True)
            run = run_filter(FilterJob(str(pairs), str(output), config.to_json(), beam))
            found = differences(read_outcome(output), expected)
            failed = failed or bool(found)
            print(f"| {mode} | {number} | {run.run_s:.0f} | {len(found)} |", flush=True)
            print("\n".join(found), end="\n" if found else "", flush=True)
            shutil.rmtree(output)
    print("\nDIFFERENT" if failed else "\nequal, all of them")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

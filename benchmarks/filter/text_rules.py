"""Measures the CPU time of the filter's rules on texts against a plain loop that does the same, without images.

Usage: .venv/bin/python -m benchmarks.filter.text_rules [--captions 300000] [--times 3]
       [--output benchmarks/output-filter]

Ours is the whole component on Examples whose images do not decode, in one process, with all that Beam's passes and
shuffle cost. It reads each Example twice and writes what it keeps; what that takes a plain loop is measured beside it
and taken off. The plain loop of the rules begins with captions in memory and ends with a verdict on each. Prints
Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.filter.exactness import config_for
from benchmarks.filter.run import FilterJob, FilterRun, read_report, run_filter
from benchmarks.pairs.make import make
from benchmarks.pairs.plan import BLOCK, Corpus
from benchmarks.shared.checkout import OUTPUT
from benchmarks.shared.machine import describe_machine, load_quietly
from components.pair_filter.config import FilterConfig
from components.pair_filter.counting.words import split_words
from components.pair_filter.judging.rules import same_caption

ASKED = 2.0  # times the CPU time of the plain loop
MAX_CAPTIONS = 9  # of a plain pair
CAPTIONS_A_PAIR = 4.1  # of all pairs
FEW = 100  # one in so many captions, for the time of starting
Row = tuple[bytes, list[str]]  # identity of an image that passes by its size, and its captions


def judge_plainly(everything: Sequence[Row], judged: Sequence[Row], config: FilterConfig) -> Counter[str]:
    """Apply the rules on texts; returns how many captions each dropped, and how many are kept.

    Args:
      everything: the train split, which is counted.
      judged: the rows of it whose images pass by their size.
      config: the thresholds.
    """
    images_of, captions_of = defaultdict(set), defaultdict(set)
    ngrams: Counter[str] = Counter()
    words_of = {}
    for image, captions in everything:
        for text in captions:
            words = words_of[text] = split_words(text)
            same = same_caption(text)
            images_of[same].add(image)
            captions_of[image].add(same)
            ngrams.update(words)
            ngrams.update([f"{one} {other}" for one, other in pairwise(words)])
    cut_off = ngrams.most_common(config.frequent_ngrams)[-1][1]
    fates: Counter[str] = Counter()
    for image, captions in judged:
        if len(captions_of[image]) > config.max_captions_per_image:
            fates["captions_per_image"] += len(captions)
            continue
        for text in captions:
            words = words_of[text]
            if len(images_of[same_caption(text)]) > config.max_images_per_caption:
                fates["images_per_caption"] += 1
            elif len(words) < config.min_words:
                fates["too_few_words"] += 1
            elif len(words) > config.max_words:
                fates["too_many_words"] += 1
            elif any(ngrams[word] < cut_off for word in words) or any(
                ngrams[f"{one} {other}"] < cut_off for one, other in pairwise(words)
            ):
                fates["rare_ngram"] += 1
            else:
                fates["kept"] += 1
    return fates


def read_rows(folder: Path, config: FilterConfig) -> tuple[list[Row], list[Row]]:
    """Returns all rows of the train split, and those whose images pass by their size."""
    from benchmarks.filter.oracle import read_records

    everything, judged = [], []
    for record in read_records(folder, ["train"]):
        row = (record.sha256.encode(), list(record.captions))
        everything.append(row)
        shorter, longer = sorted((record.width, record.height))
        if shorter > config.shorter_side_above_px and longer <= config.max_aspect_ratio * shorter:
            judged.append(row)
    return everything, judged


def read_and_write(folder: Path, kept: Path, scratch: Path) -> float:
    """Returns the CPU seconds of reading Examples twice, parsing them once and writing what was kept."""
    import tensorflow as tf

    from components.files import example_files

    start = time.process_time()
    for path in sorted(folder.glob("Split-*/*.gz")):
        for payload in example_files.read_payloads(str(path)):
            tf.train.Example.FromString(payload)
        for _ in example_files.read_payloads(str(path)):
            pass
    read_once = time.process_time() - start
    payloads = [list(example_files.read_payloads(str(path))) for path in sorted(kept.glob("Split-*/*.gz"))]
    start = time.process_time()
    for number, of_file in enumerate(payloads):
        with example_files.writing(str(scratch / str(number)), str(scratch / "aside")) as write:
            for payload in of_file:
                write(payload)
    return read_once + time.process_time() - start


def report(ours: list[FilterRun], start: FilterRun, input_output_s: list[float], plain_s: list[float]) -> str:
    """Returns the CPU seconds and their ratios, as Markdown."""
    whole = statistics.median(run.cpu_s for run in ours)
    moving, plain = statistics.median(input_output_s), statistics.median(plain_s)
    rules = whole - moving
    net = rules - start.cpu_s

    def each(values: list[float]) -> str:
        return ", ".join(f"{value:.2f}" for value in values)

    return "\n".join(
        [
            "| CPU seconds | each run | median |",
            "|---|---:|---:|",
            f"| ours, whole | {each([run.cpu_s for run in ours])} | {whole:.2f} |",
            f"| reading twice, writing once | {each(input_output_s)} | {moving:.2f} |",
            f"| ours, rules alone | | {rules:.2f} |",
            f"| ours, rules alone, without Beam's start ({start.cpu_s:.2f}) | | {net:.2f} |",
            f"| plain loop, rules alone | {each(plain_s)} | {plain:.2f} |",
            "",
            "| Ratio of CPU time | measured | asked at most |",
            "|---|---:|---:|",
            f"| rules alone | {rules / plain:.2f} | {ASKED:.1f} |",
            f"| rules alone, without Beam's start | {net / plain:.2f} | {ASKED:.1f} |",
            f"| rules with reading and writing | {whole / (plain + moving):.2f} | |",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=300_000)
    parser.add_argument("--times", type=int, default=3, help="runs of each")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-filter")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    scratch = output / "text-run"
    folders = []
    for captions in (arguments.captions // FEW, arguments.captions):
        folders.append(output / f"texts-{captions}")
        corpus = Corpus(pairs=max(BLOCK, round(captions / CAPTIONS_A_PAIR)), max_captions=MAX_CAPTIONS)
        make(folders[-1], corpus, "examples", "none")
    config = dataclasses.replace(config_for(corpus.pairs, arguments.captions // 2), drop_evaluation_images=False)
    print(f"{describe_machine()}\n", flush=True)

    def ours(pairs: Path) -> FilterRun:
        shutil.rmtree(scratch, ignore_errors=True)
        return run_filter(FilterJob(str(pairs), str(scratch), config.to_json(), ()))

    load_quietly()
    few, many = folders
    start = ours(few)
    everything, judged = read_rows(many, config)
    print(f"{sum(len(texts) for _, texts in everything)} captions of {len(everything)} images; {config.to_json()}\n")
    runs, plain_s, moving_s = [], [], []
    for number in range(arguments.times):
        runs.append(ours(many))
        moving_s.append(read_and_write(many, scratch / "examples", scratch / f"written-{number}"))
        begin = time.process_time()
        fates = judge_plainly(everything, judged, config)
        plain_s.append(time.process_time() - begin)
        counts = read_report(scratch)
        found = {fate: counts["train", "captions", fate] for fate in fates}
        if found != dict(fates):
            raise SystemExit(f"the plain loop counts {dict(fates)} where the filter counts {found}")
    shutil.rmtree(scratch)
    print(report(runs, start, moving_s, plain_s))


if __name__ == "__main__":
    main()

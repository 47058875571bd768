"""Measures learning a vocabulary from word counts against plain `tokenizers` on the captions that hold those words.

Usage: .venv/bin/python -m benchmarks.data.vocabulary [--words 1000000] [--pieces 100000] [--rounds 2] [--seed 0]

Generates distinct words of several scripts whose counts fall as Zipf's law has it, and a text file that holds each
word as often as it is counted. In turn, each in a process of its own: the peer, which is what its manual says to write,
reads the file's lines with its WordPieceTrainer; ours learns from the counts, which Beam has by then. Prints Markdown,
and ends with 1 where ours takes more than 1.2 times the peer's time, or learns other pieces in another round.
"""

# ruff: noqa: RUF001 (letters of other scripts are what is generated)

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tokenizers
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.trainers import WordPieceTrainer

from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.counting.words import split_words
from components.vocabulary.word_pieces import learn_pieces

MAX_RATIO = 1.2
WORDS_PER_LINE = 10
SYLLABLES = 4  # of a word, at most
# Share of the words, then beginnings and ends of syllables.
SCRIPTS = (
    (
        0.5,
        "b c d f g h j k l m n p r s t v w z br ch cl fr gr pl sch sh st th tr",
        "a e i o u y ai an ar ea el en er or",
    ),
    (0.2, "б в г д ж з к л м н п р с т х ц ш пр ст", "а е и о у ы я ан ер ов ь"),
    (0.1, "β γ δ ζ θ κ λ μ ν π ρ σ τ φ χ", "α ε η ι ο υ ω ας ος"),
    (0.1, "ب ت ج د ر س ع ف ق ك ل م ن", "ا و ي ه ة ان"),
    (0.1, " ".join(map(chr, range(0x4E00, 0x4E00 + 1000))), " ".join(map(chr, range(0xAC00, 0xAC00 + 1000, 28)))),
)


class Result(NamedTuple):
    """What one process measured: learning's seconds and CPU seconds, peak bytes, and the pieces' number and digest."""

    seconds: float
    cpu: float
    peak: int
    pieces: int
    digest: str


def make_words(number: int, chance: np.random.Generator) -> list[str]:
    """Returns distinct words in chance order, each of which BERT's basic tokenizer leaves whole."""
    words: dict[str, None] = {}
    while len(words) < number:
        _, begins, ends = SCRIPTS[chance.choice(len(SCRIPTS), p=[script[0] for script in SCRIPTS])]
        starts, stops = begins.split(), ends.split()
        some = max(1, min(10_000, number // 20))
        firsts = chance.integers(len(starts), size=(some, SYLLABLES))
        lasts = chance.integers(len(stops), size=(some, SYLLABLES))
        lengths = chance.integers(1, SYLLABLES + 1, size=some)
        for first, last, length in zip(firsts.tolist(), lasts.tolist(), lengths.tolist(), strict=True):
            text = "".join(starts[a] + stops[b] for a, b in zip(first[:length], last[:length], strict=True))
            words.update(dict.fromkeys(split_words(text)))
    found = list(words)[:number]
    chance.shuffle(found)
    return found


def zipf_counts(words: list[str]) -> dict[str, int]:
    """Returns the words with their counts: the word of rank r is seen N / r times, the last one once."""
    return {word: round(len(words) / rank) for rank, word in enumerate(words, 1)}


def write_corpus(path: Path, counts: dict[str, int], chance: np.random.Generator) -> None:
    """Write lines of words, each word as often as it is counted, in chance order."""
    words = list(counts)
    order = np.repeat(np.arange(len(words), dtype=np.int32), list(counts.values()))
    chance.shuffle(order)
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(order), WORDS_PER_LINE):
            file.write(" ".join(words[place] for place in order[start : start + WORDS_PER_LINE]) + "\n")


def learn_by_peer(corpus: Path, size: int) -> list[str]:
    """Returns the pieces that `tokenizers` learns from the lines of a file."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()  # the words are cut already: its normalizer would only cost it time
    trainer = WordPieceTrainer(vocab_size=size, special_tokens=list(RESERVED_TOKENS), show_progress=False)
    with corpus.open(encoding="utf-8") as lines:
        tokenizer.train_from_iterator(lines, trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def measure_peer(folder: Path, size: int) -> Result:
    """Measure the peer on the folder's corpus, in this process."""
    return _measure(lambda: learn_by_peer(folder / "corpus.txt", size))


def measure_ours(folder: Path, size: int) -> Result:
    """Measure learning from the folder's counts, in this process."""
    counts = dict(read_counts(folder / "counts.tsv"))
    return _measure(lambda: learn_pieces(counts, VocabularyConfig(size=size)))


def read_counts(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the words and counts of a file of "word<tab>count" lines."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            word, count = line.split("\t")
            yield word, int(count)


def _measure(learn: Callable[[], list[str]]) -> Result:
    start, start_cpu = time.perf_counter(), time.process_time()
    pieces = learn()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Result(seconds, cpu, peak, len(pieces), hashlib.sha256("\n".join(pieces).encode()).hexdigest()[:12])


def in_its_own_process(measure: Callable[[Path, int], Result], folder: Path, size: int) -> Result:
    """Call a measurement in a new process, whose peak of memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (folder, size))


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=1_000_000, help="distinct words")
    parser.add_argument("--pieces", type=int, default=100_000, help="size of the vocabulary")
    parser.add_argument("--rounds", type=int, default=2, help="times that each is measured")
    parser.add_argument("--seed", type=int, default=0, help="of the generated words")
    given = parser.parse_args(arguments)
    chance = np.random.default_rng(given.seed)
    counts = zipf_counts(make_words(given.words, chance))
    results: dict[str, list[Result]] = {"tokenizers": [], "ours": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "corpus.txt", counts, chance)
        lines = "".join(f"{word}\t{count}\n" for word, count in counts.items())
        (folder / "counts.tsv").write_text(lines, encoding="utf-8")
        for _ in range(given.rounds):
            results["tokenizers"].append(in_its_own_process(measure_peer, folder, given.pieces))
            results["ours"].append(in_its_own_process(measure_ours, folder, given.pieces))
    print(
        f"{len(counts):,} distinct words, {sum(counts.values()):,} in all, seed {given.seed}; "
        f"tokenizers {tokenizers.__version__}, Python {platform.python_version()}, {os.cpu_count()} CPUs\n"
    )
    print("| learner | seconds, each round | median | CPU seconds | peak memory | pieces | digest, each round |")
    print("|---|---|---|---|---|---|---|")
    for learner, found in results.items():
        seconds = ", ".join(f"{result.seconds:.1f}" for result in found)
        median = statistics.median(result.seconds for result in found)
        peak = max(result.peak for result in found) / 1e6
        cpu = ", ".join(f"{result.cpu:.1f}" for result in found)
        digests = ", ".join(result.digest for result in found)
        print(f"| {learner} | {seconds} | {median:.1f} | {cpu} | {peak:,.0f} MB | {found[0].pieces:,} | {digests} |")
    medians = [statistics.median(result.seconds for result in found) for found in results.values()]
    ratio = medians[1] / medians[0]
    same = len({result.digest for result in results["ours"]}) == 1
    print(f"\nours / tokenizers: {ratio:.2f} (asked: at most {MAX_RATIO})")
    print("the same pieces each round" if same else "OTHER PIECES IN ANOTHER ROUND")
    return 0 if same and ratio <= MAX_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())

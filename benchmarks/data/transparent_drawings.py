"""Measures what ingest and filter spend on transparent drawings, beside a plain script of Pillow and imagehash.

Usage: .venv/bin/python -m benchmarks.data.transparent_drawings [--drawings 600] [--rounds 3]

The drawings are PNGs of 300 to 900 px a side, 25 translucent discs on a clear page, made here. Ours is the work on
each in this process: preparing it, its Example, describing it for the filter, writing it twice, as the two steps do.
The plain script opens each, lays it on white, takes imagehash's phash and the SHA-256, counts the caption's words and
writes a tar. The two run in turn; CPU time is compared. Prints Markdown, with the CPU time of starting both beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.shared.machine import describe_machine, load_quietly

ASKED = 1.5
STARTS = {
    "ours": "from components.pair_example_gen.executor import Executor; from components.pair_filter import executor",
    "plain script": "import imagehash, PIL.Image",
}


def draw(number: int) -> bytes:
    """Returns a drawing as a PNG."""
    rng = np.random.default_rng(number)
    width, height = (int(side) for side in rng.integers(300, 900, 2))
    page = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    pen = ImageDraw.Draw(page)
    for _ in range(25):
        x, y, radius = (int(value) for value in rng.integers((0, 0, 10), (width, height, 160)))
        colour = (*(int(value) for value in rng.integers(0, 256, 3)), int(rng.integers(80, 256)))
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def ours(drawings: list[bytes], folder: Path) -> None:
    """Take the drawings through what ingest and filter do with each."""
    from components import schema
    from components.files import example_files
    from components.pair_example_gen.judging.images import prepare
    from components.pair_example_gen.judging.records import Caption, Captions
    from components.pair_example_gen.pair_example import to_example
    from components.pair_example_gen.passes.training_decoder import decode_as_training_does
    from components.pair_filter.config import FilterConfig
    from components.pair_filter.passes.describe_pass import DescribeFile
    from components.pair_filter.tasks import FileTask
    from serving.normal_form import MAX_IMAGE_PIXELS

    ingested, kept = str(folder / "ingested.gz"), str(folder / "kept.gz")
    with example_files.writing(ingested, str(folder)) as write:
        for number, encoded in enumerate(drawings):
            captions = Captions(kept=[Caption(f"drawing number {number} of many discs", "en")])
            picture = prepare(encoded, "png", MAX_IMAGE_PIXELS, decode_as_training_does)
            write(to_example(picture, captions, "", str(number), schema.TRAIN_SPLIT))
    task = FileTask(0, schema.TRAIN_SPLIT, ingested, facts=str(folder / "facts"))
    list(DescribeFile(FilterConfig()).process((0, task)))
    with example_files.writing(kept, str(folder)) as write:
        for payload in example_files.read_payloads(ingested):
            write(payload)


def plain_script(drawings: list[bytes], folder: Path) -> None:
    """Do the same with a few lines."""
    import imagehash

    words: Counter[str] = Counter()
    with tarfile.open(folder / "kept.tar", "w") as tar:
        for number, encoded in enumerate(drawings):
            with Image.open(io.BytesIO(encoded)) as image:
                page = Image.new("RGBA", image.size, "white")
                page.alpha_composite(image.convert("RGBA"))
            imagehash.phash(page.convert("RGB"))
            hashlib.sha256(encoded).hexdigest()
            words.update(f"drawing number {number} of many discs".split())
            info = tarfile.TarInfo(f"{number}.png")
            info.size = len(encoded)
            tar.addfile(info, io.BytesIO(encoded))


def cpu_s(work: Callable[[list[bytes], Path], None], drawings: list[bytes]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        work(drawings, Path(folder))
        return time.process_time() - began


def start_s(code: str) -> float:
    """Returns the CPU seconds of a process that only imports."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawings", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n", flush=True)
    load_quietly()
    drawings = [draw(number) for number in range(arguments.drawings)]
    works = {"ours": ours, "plain script": plain_script}
    for work in works.values():
        cpu_s(work, drawings[:5])
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(arguments.rounds):
        for name, work in works.items():
            spent[name].append(cpu_s(work, drawings))
    ratios = [mine / plain for mine, plain in zip(spent["ours"], spent["plain script"], strict=True)]
    print(f"{len(drawings)} drawings, {sum(map(len, drawings)) / len(drawings) / 1e3:.1f} kB each\n")
    print("| | CPU ms a drawing, each round | CPU s of the start |\n|---|---|---:|")
    for name, seconds in spent.items():
        each = ", ".join(f"{1e3 * second / len(drawings):.2f}" for second in seconds)
        print(f"| {name} | {each} | {start_s(STARTS[name]):.1f} |")
    print(
        f"\nours to plain script, each round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; "
        f"median {statistics.median(ratios):.2f}, asked {ASKED}"
    )


if __name__ == "__main__":
    main()

"""Gives the same embeddings to three other harnesses and to ours, and holds every number to theirs.

Usage: .venv/bin/python -m benchmarks.harnesses.compare [--only clip-benchmark|eccv-caption|mteb] [--model FOLDER]

  clip-benchmark  R@1, R@5, R@10 both ways, top-1, top-5 and mean per class of made embeddings
  eccv-caption    its COCO-5K, CxC and ECCV ground truth, on made embeddings of those images and captions: it is given
                  our rankings, and we are given its right answers
  mteb            hit_rate_at_k both ways of the model of `make demo`, which `align serve` serves, on the demo's unseen
                  drawings with their English and German names; mteb rounds to five digits

Equals are ranked by their place in the gallery, as the others rank. clip-benchmark averages in float32, so its numbers
are compared as float32. Ends with 1 where a number differs. The first run makes the peers' environments
(environments.py).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.evaluation import made_embeddings
from benchmarks.harnesses.environments import clip_benchmark_python, mteb_python
from benchmarks.harnesses.served_model import served, write_drawings
from benchmarks.shared.checkout import ROOT
from components.evaluator.metrics.classes.classification import accuracy_values, classify
from components.evaluator.metrics.pairs import Indices
from components.evaluator.metrics.ranked import RECALL_AT
from components.evaluator.metrics.ranking import Floats, compared_by
from components.evaluator.metrics.retrieval import own_pairs, precision_across, rank_across
from serving.encoders.opening import open_encoder

DEMO_MODEL = ROOT / "output" / "align-demo" / "serving_models" / "align"
DIMENSION = 640
CAPTIONS_PER_IMAGE = 5
RANKED = 60  # places that eccv-caption is given; no query of it has more right answers
ROWS_PER_CHUNK = 500
Row = tuple[str, float, float, bool]  # name, our number, theirs, whether they are equal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=HARNESSES)
    parser.add_argument("--model", type=Path, default=DEMO_MODEL, help="folder of numbered versions, for mteb")
    options = parser.parse_args()
    unequal = 0
    for name in [options.only] if options.only else HARNESSES:
        with tempfile.TemporaryDirectory() as folder:
            for what, ours, theirs, equal in HARNESSES[name](Path(folder), options.model):
                print(f"{name:15} {what:28} {100 * ours:10.5f} {100 * theirs:10.5f}  {'equal' if equal else 'DIFFERS'}")
                unequal += not equal
    sys.exit(1 if unequal else 0)


def beside_clip_benchmark(folder: Path, _: Path) -> Iterator[Row]:
    """Compare on 1000 images with 5 captions each, and on 5000 images of 100 classes."""
    made_embeddings.write(folder, images=1000, captions_per_image=CAPTIONS_PER_IMAGE, dimension=DIMENSION)
    images, captions = (np.load(folder / f"{name}.npy") for name in ("images", "captions"))
    rng = np.random.default_rng(1)
    classes = made_embeddings.unit(rng.normal(size=(100, DIMENSION)))
    labels = np.sort(rng.integers(0, 100, 5000) ** 2 // 100)  # classes of few images and of many
    labelled = made_embeddings.unit(classes[labels] + 10 * made_embeddings.unit(rng.normal(size=(5000, DIMENSION))))
    np.savez(folder / "labelled.npz", images=labelled, labels=labels, classes=classes)
    there = _asked_there("benchmarks.harnesses.clip_benchmark_scores", str(folder))

    own = own_pairs(np.full(len(images), CAPTIONS_PER_IMAGE), len(images), len(captions))
    ranked = rank_across(images, captions, own, own[:, ::-1], ties="index")
    here = {f"{way}@{k}": float(of.hits(k).mean()) for way, of in ranked.items() for k in RECALL_AT}
    told = accuracy_values(classify(labelled, labels, classes, ties="index"))
    here |= {name: float(values.mean()) for name, values in told.items()}
    for name, number in there.items():
        yield name, here[name], number, np.float32(here[name]) == np.float32(number)


def beside_eccv_caption(folder: Path, _: Path) -> Iterator[Row]:
    """Compare on 5000 images and 25 000 captions with three sets of right answers."""
    _asked_there("benchmarks.harnesses.eccv_caption_scores", str(folder), "ground-truth")
    truth = np.load(folder / "truth.npz")
    images, captions = len(truth["image_ids"]), len(truth["caption_ids"])
    owner = truth["owner"]  # [M] the image of each caption
    rng = np.random.default_rng(2)
    image_rows = made_embeddings.unit(rng.normal(size=(images, DIMENSION)))
    noise = made_embeddings.unit(rng.normal(size=(captions, DIMENSION)))
    caption_rows = made_embeddings.unit(image_rows[owner] + made_embeddings.NOISE * noise)
    np.savez(
        folder / "rankings.npz",
        i2t=_first_places(image_rows, caption_rows),
        t2i=_first_places(caption_rows, image_rows),
    )
    there = _asked_there("benchmarks.harnesses.eccv_caption_scores", str(folder), "scores")
    for name in ("coco", "cxc", "eccv"):
        pairs: tuple[Indices, Indices] = (truth[f"{name}_i2t"], truth[f"{name}_t2i"])
        ranked = rank_across(image_rows, caption_rows, *pairs, ties="index")
        here = {f"{name}_{way}@{k}": float(of.hits(k).mean()) for way, of in ranked.items() for k in RECALL_AT}
        for way, values in precision_across(image_rows, caption_rows, *pairs, ties="index").items():
            here[f"{name}_{way}"] = float(values.mean())
        for what, number in here.items():
            yield what, number, there[what], abs(number - there[what]) < 1e-12


def beside_mteb(folder: Path, model: Path) -> Iterator[Row]:
    """Compare on what the demo's model answers through a server."""
    files, captions = write_drawings(folder)
    with served(model) as address:
        job = json.dumps({"address": address, "files": [str(file) for file in files], "captions": captions})
        there = _asked_there("benchmarks.harnesses.mteb_scores", job, python=mteb_python())
        encoder = open_encoder(address)
        images, texts = encoder.encode_image([file.read_bytes() for file in files]), encoder.encode_text(captions)
    own = own_pairs(np.full(len(files), len(captions) // len(files)), len(files), len(captions))
    for way, of in rank_across(images, texts, own, own[:, ::-1], ties="index").items():
        for k in RECALL_AT:
            ours = float(of.hits(k).mean())
            yield f"{way}@{k}", ours, there[f"{way}@{k}"], round(ours, 5) == there[f"{way}@{k}"]


HARNESSES: dict[str, Callable[[Path, Path], Iterator[Row]]] = {
    "clip-benchmark": beside_clip_benchmark,
    "eccv-caption": beside_eccv_caption,
    "mteb": beside_mteb,
}


def _asked_there(module: str, *words: str, python: Path | None = None) -> dict[str, float]:
    """Returns what a module prints in a peer's environment, clip-benchmark's by default."""
    command = [str(python or clip_benchmark_python()), "-m", module, *words]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _first_places(asking: Floats, answering: Floats) -> Indices:
    """Returns [A, RANKED] by sorting all similarities, equals by their place."""
    places = []
    for start in range(0, len(asking), ROWS_PER_CHUNK):
        product = asking[start : start + ROWS_PER_CHUNK].astype(np.float64) @ answering.astype(np.float64).T
        places.append(np.argsort(-compared_by(product, "index"), axis=1, kind="stable")[:, :RANKED])
    return np.concatenate(places)


if __name__ == "__main__":
    main()

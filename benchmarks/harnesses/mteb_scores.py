"""What mteb says of a served model on drawings in memory.

Started by compare.py in mteb's environment, with a job as JSON: address, files, captions.

The task is one of mteb's retrieval tasks with a data set of its own: nothing is fetched.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import mteb
import numpy as np
from datasets import Dataset, Image
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction

from serving.client import AlignClient

RECALL_AT = (1, 5, 10)


class Served(AbsEncoder):
    """Answers mteb with the vectors of a server."""

    def __init__(self, address: str) -> None:
        self._client = AlignClient(address)
        about = {"name": "align/served", "revision": "1", "modalities": ["text", "image"]}
        self.mteb_model_meta = ModelMeta.create_empty({**about, "similarity_fn_name": ScoringFunction.COSINE})

    def encode(self, inputs: Any, **_: Any) -> np.ndarray:
        """Returns [N, D] of all batches."""
        return np.concatenate([self._vectors(batch) for batch in inputs])

    def _vectors(self, batch: dict[str, list]) -> np.ndarray:
        if "image" in batch:
            return self._client.encode_image([_png(image) for image in batch["image"]])
        return self._client.encode_text(batch["text"])


def _png(image: Any) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def task_of(way: str, queries: Dataset, corpus: Dataset, relevant: dict[str, dict[str, int]]) -> AbsTaskRetrieval:
    """Returns mteb's retrieval task on a data set in memory; `way` is "i2t" or "t2i"."""

    class Drawings(AbsTaskRetrieval):
        k_values = RECALL_AT
        metadata = TaskMetadata(
            name=f"Drawings{way.upper()}Retrieval",
            description="Find a drawing's names, or a name's drawing.",
            dataset={"path": "in/memory", "revision": "1"},
            type="Any2AnyRetrieval",
            category=way,
            eval_splits=["test"],
            eval_langs=["eng-Latn", "deu-Latn"],
            main_score="hit_rate_at_1",
            modalities=["text", "image"],
        )

        def load_data(self, *_: Any, **__: Any) -> None:
            """Take the tables as they are."""
            split = {"corpus": corpus, "queries": queries, "relevant_docs": relevant, "top_ranked": None}
            self.dataset = {"default": {"test": split}}
            self.data_loaded = True

    return Drawings()


def main() -> None:
    job = json.loads(sys.argv[1])
    files, captions = job["files"], job["captions"]
    each = len(captions) // len(files)
    image_ids, text_ids = (
        [f"{kind}{row}" for row in range(len(rows))] for kind, rows in (("i", files), ("t", captions))
    )
    images = Dataset.from_dict({"id": image_ids, "image": files}).cast_column("image", Image())
    texts = Dataset.from_dict({"id": text_ids, "text": captions})
    names = {image: text_ids[each * row : each * row + each] for row, image in enumerate(image_ids)}
    right = {
        "i2t": {image: dict.fromkeys(own, 1) for image, own in names.items()},
        "t2i": {text: {image: 1} for image, own in names.items() for text in own},
    }
    tables = {"i2t": (images, texts), "t2i": (texts, images)}
    model = Served(job["address"])
    told = {}
    for way, (queries, corpus) in tables.items():
        result = mteb.evaluate(model, task_of(way, queries, corpus, right[way]), cache=None, show_progress_bar=False)
        scores = result.task_results[0].scores["test"][0]
        told |= {f"{way}@{k}": scores[f"hit_rate_at_{k}"] for k in RECALL_AT}
    print(json.dumps(told))


if __name__ == "__main__":
    main()

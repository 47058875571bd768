"""A small synthetic corpus for tests of the filter, as records, as Examples, and filtered by a plain slow filter."""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from PIL import Image
from tfx.types import artifact_utils, standard_artifacts

from components import example_artifacts, schema
from components.files import example_files
from components.files.publishing import aside_folder
from components.pair_filter.config import FilterConfig

CONFIG = FilterConfig(
    shorter_side_above_px=6,
    max_captions_per_image=4,
    max_images_per_caption=3,
    min_words=2,
    max_words=4,
    frequent_ngrams=60,
)


def example(name: str, image: bytes, sha: str, size: tuple[int, int], captions: list[str], split: str) -> bytes:
    texts = {
        schema.IMAGE_ENCODED: [image],
        schema.IMAGE_SHA256: [sha.encode()],
        schema.CAPTION_TEXT: [caption.encode() for caption in captions],
        schema.CAPTION_LANGUAGE: [b"l%d" % index for index in range(len(captions))],
        schema.CLASS_LABEL: [b""],
        schema.RECORD_NAME: [name.encode()],
        schema.SPLIT: [split.encode()],
    }
    message = tf.train.Example()
    for key, values in texts.items():
        message.features.feature[key].bytes_list.value.extend(values)
    for key, value in zip((schema.IMAGE_WIDTH, schema.IMAGE_HEIGHT), size, strict=True):
        message.features.feature[key].int64_list.value.append(value)
    return message.SerializeToString(deterministic=True)


@dataclasses.dataclass(frozen=True)
class Row:
    """A record of the synthetic corpus; `picture` is what an image shows, `file` its bytes' identity."""

    name: str
    split: str
    picture: int
    file: str
    size: tuple[int, int]
    captions: tuple[str, ...]


def make_corpus() -> list[Row]:
    """700 records whose captions and images repeat with the skew of real ones."""
    chance = random.Random(5)
    words = ["cat", "dog", "red", "big", "sun", "tree", "House", "moon"]
    texts = [" ".join(chance.choices(words, k=chance.randint(1, 5))) for _ in range(300)]
    texts += [f"lone{number}" for number in range(60)]
    texts += [f"red cat lone{number}" for number in range(20)]
    texts += ["stock photo", "Stock  photo", "STOCK PHOTO\n"]
    rows = []
    for number in range(700):
        split = chance.choice(["train"] * 8 + ["seen", "unseen"])
        picture = int(chance.paretovariate(0.4)) % 400
        sizes = random.Random(picture)
        size = (sizes.choice([7, 8, 20, 40]), sizes.choice([6, 7, 8, 20]))
        kind = chance.choice(["PNG", "BMP"])
        captions = [*chance.choices(texts, k=chance.randint(1, 3)), *chance.choices(texts[-3:], k=chance.randint(0, 1))]
        rows.append(Row(f"r{number}", split, picture, f"{kind}{picture}", size, tuple(captions)))
    return rows


def write_examples(folder: str, rows: Iterable[Row], files: int) -> standard_artifacts.Examples:
    """Returns records as an Examples artifact with a number of files for each split that they have."""
    artifact = standard_artifacts.Examples()
    artifact.uri = folder
    given = list(rows)
    by_split = {split: [row for row in given if row.split == split] for split in sorted({row.split for row in given})}
    example_artifacts.describe(artifact, list(by_split))
    for split, of_split in by_split.items():
        for index in range(files):
            path = f"{artifact_utils.get_split_uri([artifact], split)}/{example_files.file_name(index, files)}"
            with example_files.writing(path, aside_folder(artifact.uri)) as write:
                for row in of_split[index::files]:
                    write(example(row.name, draw(row), row.file, row.size, list(row.captions), split))
    return artifact


def draw(row: Row) -> bytes:
    """Returns an image of noise, the same for the same picture."""
    noise = np.random.default_rng(row.picture).integers(0, 256, (row.size[1], row.size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, row.file[:3])
    return buffer.getvalue()


def ngrams_of(text: str) -> list[str]:
    words = text.lower().split()
    return words + [f"{a} {b}" for a, b in itertools.pairwise(words)]


def oracle(rows: list[Row], config: FilterConfig):
    """The filter's semantics in plain Python: returns kept (name, captions) in order and counts by split."""
    images_of, captions_of = defaultdict(set), defaultdict(set)
    ngrams: Counter = Counter()
    for row in rows:
        if row.split == "train":
            for text in row.captions:
                images_of[" ".join(text.lower().split())].add(row.file)
                captions_of[row.file].add(" ".join(text.lower().split()))
                ngrams.update(ngrams_of(text))
    ranked = sorted(ngrams.values(), reverse=True)
    many = {
        name: math.inf if getattr(config, name) is None else getattr(config, name)
        for name in ("max_aspect_ratio", "max_captions_per_image", "max_images_per_caption", "max_words")
    }
    places = config.frequent_ngrams
    least = ranked[places - 1] if places is not None and places <= len(ranked) else 0
    judged_pictures = {row.picture for row in rows if row.split != "train"}
    kept, counts = defaultdict(list), Counter()
    for row in rows:
        counts[row.split, "images", "read"] += 1
        counts[row.split, "captions", "read"] += len(row.captions)
        reason = ""
        if row.split in config.splits:
            if min(row.size) <= config.shorter_side_above_px:
                reason = "shorter_side"
            elif max(row.size) > many["max_aspect_ratio"] * min(row.size):
                reason = "aspect_ratio"
            elif len(captions_of[row.file]) > many["max_captions_per_image"]:
                reason = "captions_per_image"
            elif config.drop_evaluation_images and row.split == "train" and row.picture in judged_pictures:
                reason = "evaluation_image"
        if reason:
            counts[row.split, "images", reason] += 1
            counts[row.split, "captions", reason] += len(row.captions)
            continue
        left = []
        for text in row.captions:
            if (
                row.split in config.splits
                and len(images_of[" ".join(text.lower().split())]) > many["max_images_per_caption"]
            ):
                counts[row.split, "captions", "images_per_caption"] += 1
            elif row.split in config.splits and len(text.split()) < config.min_words:
                counts[row.split, "captions", "too_few_words"] += 1
            elif row.split in config.splits and len(text.split()) > many["max_words"]:
                counts[row.split, "captions", "too_many_words"] += 1
            elif row.split in config.splits and any(ngrams[ngram] < least for ngram in ngrams_of(text)):
                counts[row.split, "captions", "rare_ngram"] += 1
            else:
                left.append(text)
        counts[row.split, "captions", "kept"] += len(left)
        counts[row.split, "images", "kept" if left else "no_caption_left"] += 1
        if left:
            kept[row.split].append((row.name, left))
    return kept, {key: number for key, number in counts.items() if number}

"""What candidates are asked: every form of picture that the model takes, and every signature that it has."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from components.serving_validator import sample


def test_each_format_is_asked_about_and_always_the_same():
    pictures = sample.pictures()
    opened = [Image.open(io.BytesIO(picture)) for picture in pictures]
    assert [image.format for image in opened] == ["JPEG", "PNG", "GIF", "BMP", "PNG"]
    assert [image.size for image in opened] == [(640, 480)] * 4 + [(1, 1)]
    assert 30_000 < len(pictures[0]) < 300_000, "as a photograph of that size"
    assert sample.pictures() == pictures


def test_batches_of_none_one_and_several():
    asked = [(one.signature, len(next(iter(one.inputs.values())))) for one in sample.batches()]
    wholes = (("encode_image", 5), ("encode_text", 6))
    assert asked == [(name, size) for name, whole in wholes for size in (0, 1, whole)]


def test_what_follows_from_vectors():
    *_, images = sample.batches()[:3]
    *_, texts = sample.batches()
    vectors = np.eye(6, dtype=np.float32)
    has = dict.fromkeys(["similarity", "classify"], ([], [])) | {"serving_default": (["text"], ["embedding"])}
    asked = [*sample.derived(has, (images, vectors[:5]), (texts, vectors))]
    assert [(one.signature, one.output, sorted(one.inputs)) for one, _ in asked] == [
        ("similarity", "cosine", ["image_bytes", "text"]),
        ("classify", "cosine", ["image_bytes", "labels", "templates"]),
        ("serving_default", "embedding", ["text"]),
    ]
    assert asked[0][1].tolist() == vectors[:5].tolist()
    assert asked[1][1].tolist() == vectors[:5, :2].tolist()
    assert asked[1][0].inputs["labels"] == texts.inputs["text"][:2]
    assert asked[2][1] is vectors
    assert [*sample.derived({"encode_text": (["text"], ["embedding"])}, (images, vectors[:5]), (texts, vectors))] == []

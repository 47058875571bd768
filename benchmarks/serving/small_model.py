"""A model of B0 and mini at 128 px with random weights, as the Trainer would export it, and what to ask it.

Started by its own `exported`, with a folder and a seed: no server then has the memory of what wrote it.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from tensorflow_serving.apis import predict_pb2

from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import load_quietly
from serving import signatures

PX = 128
RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ("a", "the", "red", "small", "old", "dog", "boat", "street", "on", "in", "with", "two", "people", "sky", "near")
INPUTS = {signatures.ENCODE_IMAGE: signatures.IMAGE_BYTES, signatures.ENCODE_TEXT: signatures.TEXT}


def exported(base: Path, version: int, seed: int) -> Path:
    """Returns `base`/`version`, written first where it is not there."""
    path = base / str(version)
    if not path.exists():
        subprocess.run(
            [sys.executable, "-m", "benchmarks.serving.small_model", str(path), str(seed)], cwd=ROOT, check=True
        )
    return path


def photo(seed: int, side: int = 2 * PX) -> bytes:
    """Returns a JPEG of smooth noise, about as many bytes as a photograph of that size has."""
    coarse = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def caption(seed: int) -> bytes:
    """Returns a text of ten words."""
    return " ".join(np.random.default_rng(seed).choice(WORDS, 10)).encode()


def items(signature: str, count: int) -> list[bytes]:
    """Returns what a signature takes, `count` different ones."""
    return [photo(seed) if signature == signatures.ENCODE_IMAGE else caption(seed) for seed in range(count)]


def request(signature: str, values: list[bytes]) -> bytes:
    """Returns a PredictRequest as it goes over the wire."""
    made = predict_pb2.PredictRequest()
    made.model_spec.name, made.model_spec.signature_name = signatures.MODEL_NAME, signature
    tensor = made.inputs[INPUTS[signature]]
    tensor.dtype = 7  # DT_STRING
    tensor.tensor_shape.dim.add(size=len(values))
    tensor.string_val.extend(values)
    return made.SerializeToString()


def main(path: str, seed: str) -> None:
    """Build and export."""
    load_quietly()
    import tensorflow as tf

    from models.config import ModelConfig
    from models.saving.export import ServedEncoder, export
    from models.texts.tokenizer import Tokenizer
    from models.towers.dual_encoder import build_dual_encoder
    from models.training_config import TrainingConfig

    tf.keras.utils.set_random_seed(int(seed))
    resize = round(PX * 346 / 289)  # as the paper has them
    model = ModelConfig(image="b0", text="mini", image_resize_px=resize, image_crop_px=PX)
    vocabulary = [*RESERVED, *WORDS]
    encoder = build_dual_encoder(model, TrainingConfig(steps=1, warmup_steps=0), len(vocabulary))
    export(ServedEncoder(encoder, model, Tokenizer(vocabulary, model.text_max_pieces)), path)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Our side of image_inference.py: the SavedModel that the Trainer would export, loaded as a server loads it.

Started by image_inference.py, with a job as JSON.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.shared.in_turn import serve
from benchmarks.shared.machine import load_quietly

load_quietly()

import numpy as np  # noqa: E402 - after TensorFlow was loaded without its words
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from models.config import ModelConfig  # noqa: E402
from models.saving.export import ServedEncoder, export  # noqa: E402
from models.texts.tokenizer import Tokenizer  # noqa: E402
from models.towers.dual_encoder import build_dual_encoder  # noqa: E402
from models.training_config import TrainingConfig  # noqa: E402
from serving import signatures  # noqa: E402

RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def photo(seed: int, side: int) -> bytes:
    """Returns a JPEG of smooth noise, about as many bytes as a photograph of that size has."""
    coarse = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def main() -> None:
    job = json.loads(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(job["threads"])
    resize = round(job["px"] * 346 / 289)  # as the paper has them
    model = ModelConfig(image=job["size"], text="tiny", image_resize_px=resize, image_crop_px=job["px"])
    encoder = build_dual_encoder(model, TrainingConfig(steps=1, warmup_steps=0), len(RESERVED))
    pixels = tf.random.uniform([job["batch"], job["px"], job["px"], 3], -1, 1)
    photos = tf.constant([photo(seed, 2 * job["px"]) for seed in range(job["batch"])])
    unfolded = tf.function(lambda images: encoder.encode_image(images, training=False), autograph=False)
    tokenizer = Tokenizer(RESERVED, model.text_max_pieces)
    with tempfile.TemporaryDirectory() as folder:
        export(ServedEncoder(encoder, model, tokenizer), f"{folder}/model")
        export(ServedEncoder(encoder, model, tokenizer, precision="bfloat16"), f"{folder}/bfloat16")
        size = sum(path.stat().st_size for path in Path(f"{folder}/model").rglob("*") if path.is_file())
        served, halved = (tf.saved_model.load(f"{folder}/{name}") for name in ("model", "bfloat16"))

    def repeated(encode: Callable[[], tf.Tensor]) -> Callable[[], None]:
        def call() -> None:
            for _ in range(job["batches"]):
                encode().numpy()

        return call

    encode_image = served.signatures[signatures.ENCODE_IMAGE]
    calls = {
        "ours, exported, from tensors": repeated(lambda: served.embed_pixels(pixels)),
        "ours, exported in bfloat16, from tensors": repeated(lambda: halved.embed_pixels(pixels)),
        "ours, exported, from JPEGs": repeated(
            lambda: encode_image(**{signatures.IMAGE_BYTES: photos})[signatures.EMBEDDING]
        ),
        "ours, as it is trained, from tensors": repeated(lambda: unfolded(pixels)),
    }
    weights = sum(w.shape.num_elements() for w in encoder.image_tower.trainable_weights)
    serve(calls, {"weights": weights, "saved_mb": round(size / 1e6, 1)})


if __name__ == "__main__":
    main()

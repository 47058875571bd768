"""Make this folder's AlignModel, of random weights in the layout of kakaobrain/align-base, and what it answers.

```
model/               what `align import-hf` reads: config.json, model.safetensors, vocab.txt, ...
images/              pictures that are hard to agree on: odd sizes, few pixels, grey, palette, alpha, tall, JPEG
texts.json           texts that are hard to agree on
answers.npz          image_embeds [images, D] in order of name, text_embeds [texts, D], unit rows; token_ids;
                     pixels_<height>x<width> [1, h, w, 3] and embeds_<height>x<width>: the vision tower by itself
```
Usage: PYTHON tests/models/hf_fixture/make.py [FOLDER SIZE], with an interpreter that has torch 2.13.0, transformers
5.20.2 and pillow, which the project's own has not. The images go through the processor's Pillow backend. FOLDER and
SIZE, such as b7-base, make the same of another size elsewhere: benchmarks/hugging_face_parity.py asks for that.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from transformers import AlignConfig, AlignModel, AlignProcessor, BertTokenizer
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil

HERE = Path(__file__).resolve().parent


class Size(NamedTuple):
    """An AlignModel's sizes; fields that are left out of its configs are those of kakaobrain/align-base."""

    resize_px: int
    crop_px: int
    projection: int
    pieces: int | None  # None takes as many as the vocabulary below has
    vision: dict[str, Any]
    text: dict[str, Any]


SIZES = {
    "tiny": Size(
        resize_px=75,
        crop_px=61,  # odd, as the paper's 289 is: strided convolutions then meet their padding
        projection=96,
        pieces=None,
        vision={"width_coefficient": 0.3, "depth_coefficient": 0.3, "hidden_dim": 96, "image_size": 61},
        text={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "max_position_embeddings": 80,
        },
    ),
    "b7-base": Size(346, 289, 640, 30522, vision={"hidden_dim": 640, "image_size": 289}, text={}),
}
WORDS = (
    "a",
    "the",
    "photo",
    "of",
    "sad",
    "happy",
    "cat",
    "dog",
    "face",
    "red",
    "green",
    "blue",
    "naive",
    "cafe",
    "uber",
)
TEXTS = [
    "",
    " ",
    "a photo of a cat",
    "A PHOTO, of a SAD dog!",
    "naïve café, Über Straße",
    "猫の写真 a 写真",
    "a happy face 😀 👩‍🚀",
    "unbelievable cats, dogs & faces: 3.14 (or 2,718)",
    "cat dog " * 40,
    "q" * 200,
    "tab\tand\nline\u00a0break \u200b zero width",
    "i\u0307stanbul \u0130stanbul 中文字符",
]


def vocabulary(size: Size) -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["[PAD]", *(f"[unused{i}]" for i in range(3)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [*"!&(),.:;?'-", *letters, *WORDS[1:], *(f"##{letter}" for letter in letters)]
    pieces += [*(f"##{word}" for word in ("ing", "ed", "believ", "able")), "猫", "写", "真", "の", "😀", "ß"]
    pieces = list(dict.fromkeys(pieces))
    return pieces + [f"[unused{i}]" for i in range(3, 3 + (size.pieces or len(pieces)) - len(pieces))]


def make_model(size: Size, pieces: int) -> AlignModel:
    """Returns an AlignModel of random weights."""
    torch.manual_seed(0)
    config = AlignConfig(
        vision_config=size.vision,
        text_config={**size.text, "vocab_size": pieces},
        projection_dim=size.projection,
        temperature_init_value=0.0186,
    )
    model = AlignModel(config).eval()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("bias"):
                value.normal_(0.0, 0.1)
            elif value.ndim > 1:  # Hugging Face's 0.02 lets a small tower's signal vanish
                value.normal_(0.0, 0.5 if "embeddings" in name else (2.0 / value[0].numel()) ** 0.5)
    return model


def take_statistics(model: AlignModel, pixels: torch.Tensor) -> None:
    """Give batch norm nearly the statistics of these images, so that the tower tells them apart as a trained one does.

    Args:
      model: in evaluation mode, and so left.
      pixels: [images, 3, height, width].
    """
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        model.get_image_features(pixels)
        for norm in norms:
            norm.eval()
            norm.running_mean += 0.1 * torch.randn_like(norm.running_mean) * norm.running_var.sqrt()
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25)


def blocks(rng: np.random.Generator, height: int, width: int, side: int) -> np.ndarray:
    """Returns [height, width, 3] uint8 of one-coloured squares: hard edges, few bytes."""
    colours = rng.integers(0, 256, (height // side + 1, width // side + 1, 3), dtype=np.uint8)
    return np.kron(colours, np.ones((side, side, 1), np.uint8))[:height, :width]


def write_images(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    for height, width, side in ((224, 224, 16), (289, 289, 17), (346, 346, 23), (75, 75, 3), (600, 20, 5), (1, 1, 1)):
        Image.fromarray(blocks(rng, height, width, side)).save(folder / f"blocks_{height}x{width}.png")
    Image.fromarray(rng.integers(0, 256, (37, 23, 3), dtype=np.uint8)).save(folder / "noise_37x23.png")
    Image.fromarray(rng.integers(0, 256, (40, 51), dtype=np.uint8)).save(folder / "grey_40x51.png")
    alpha = np.concatenate([blocks(rng, 90, 61, 7), rng.integers(0, 256, (90, 61, 1), dtype=np.uint8)], axis=2)
    Image.fromarray(alpha).save(folder / "alpha_90x61.png")
    Image.fromarray(blocks(rng, 100, 131, 9)).quantize(16).save(folder / "palette_100x131.png")
    y, x = np.mgrid[:211, :160]
    waves = np.stack([np.sin(x / 17) + np.cos(y / 11), np.sin(x * y / 900) + 1, (x + y) / 200], axis=2)
    Image.fromarray((np.clip(waves, 0, 2) * 127).astype(np.uint8)).save(folder / "waves_211x160.jpg", quality=80)
    return sorted(folder.iterdir())


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows, dim=-1).numpy().astype(np.float32)


def make_processor(size: Size, model_folder: Path) -> AlignProcessor:
    image_processor = EfficientNetImageProcessorPil(
        size={"height": size.resize_px, "width": size.resize_px},
        crop_size={"height": size.crop_px, "width": size.crop_px},
        do_center_crop=True,
        resample=Image.Resampling.BILINEAR,
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
    )
    tokenizer = BertTokenizer.from_pretrained(model_folder, model_max_length=64)
    return AlignProcessor(image_processor=image_processor, tokenizer=tokenizer)


def main(folder: Path, size: Size) -> None:
    for name in ("model", "images"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    pieces = vocabulary(size)
    (folder / "model" / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    processor = make_processor(size, folder / "model")
    processor.tokenizer.save_pretrained(folder / "model")
    processor.image_processor.save_pretrained(folder / "model")
    (folder / "texts.json").write_text(json.dumps(TEXTS, indent=1) + "\n", encoding="utf-8")

    images = [Image.open(path).convert("RGB") for path in write_images(folder / "images")]
    pixels = torch.cat([processor(images=image, return_tensors="pt")["pixel_values"] for image in images])
    model = make_model(size, len(pieces))
    take_statistics(model, pixels)
    model.save_pretrained(folder / "model")
    tokens = processor(text=TEXTS, truncation=True, return_tensors="pt")
    answers = {"token_ids": tokens["input_ids"].numpy().astype(np.int32)}
    with torch.inference_mode():
        answers["image_embeds"] = unit(model.get_image_features(pixels).pooler_output)
        answers["text_embeds"] = unit(model.get_text_features(**tokens).pooler_output)
        for height, width in ((32, 32), (37, 45)):
            one = torch.from_numpy(np.random.default_rng(height).uniform(-1, 1, (1, 3, height, width))).float()
            answers[f"pixels_{height}x{width}"] = one.permute(0, 2, 3, 1).numpy()
            answers[f"embeds_{height}x{width}"] = unit(model.get_image_features(one).pooler_output)
    np.savez_compressed(folder / "answers.npz", **answers)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else HERE, SIZES[sys.argv[2] if sys.argv[2:] else "tiny"])

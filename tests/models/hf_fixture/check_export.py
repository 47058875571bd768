"""Load what `align export-hf` wrote with transformers itself, and print how far its answers are from those of before.

Usage: PYTHON tests/models/hf_fixture/check_export.py EXPORTED FOLDER, with the interpreter of make.py, which made
FOLDER; ends with status 1 where a value differs by more than 1e-4.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AlignModel, AlignProcessor


def main(exported: Path, folder: Path) -> int:
    """Returns the exit status."""
    model, said = AlignModel.from_pretrained(exported, output_loading_info=True)
    processor = AlignProcessor.from_pretrained(exported, backend="pil")
    answers = np.load(folder / "answers.npz")
    images = [Image.open(path).convert("RGB") for path in sorted((folder / "images").iterdir())]
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    with torch.inference_mode():
        outputs = model.eval()(**processor(images=images, text=texts, truncation=True, return_tensors="pt"))
    print("keys:", {kind: sorted(keys) for kind, keys in said.items() if keys})
    print("image processor:", type(processor.image_processor).__name__)
    worst = max(float(np.abs(outputs[name].numpy() - answers[name]).max()) for name in ("image_embeds", "text_embeds"))
    print(f"largest difference of a unit vector's value: {worst:.2g}; temperature {model.temperature.item():.6g}")
    return 0 if worst <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

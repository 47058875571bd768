"""Measures a training step in bfloat16 on a GPU: JAX beside Hugging Face's AlignModel under torch.compile.

Usage: .venv/bin/python -m benchmarks.gpu.step [--size b7-base] [--batch 64] [--jax-python PYTHON]

JAX in .venv is for CPUs. For a GPU, hand over the interpreter of an environment with JAX for it, made for instance by

    scripts/uv venv gpu && scripts/uv pip install --python gpu/bin/python "jax[cuda12]" keras
    scripts/uv pip install --python gpu/bin/python --no-deps --editable .

The peer's environment (shared/torch_environment.py) runs on GPUs as it is. Each side has the GPU to itself, one after
the other: AdamW, dropout and batch statistics on, tensors that are on the device already, weights float32. Never run on
a GPU so far; `--size tiny` runs all of it on a CPU, which shows that it works and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from benchmarks.shared.in_turn import Worker, time_in_turn
from benchmarks.shared.torch_environment import torch_python
from models.sizes import BERTS, EFFICIENTNETS

SIZES = {  # image tower, text tower, pixels, batch, steps a measurement
    "b7-base": ("b7", "base", 289, 64, 10),
    "tiny": ("b0", "mini", 64, 4, 2),
}
PIECES, VOCABULARY = 64, 30_522
PEAKS = {  # dense bfloat16 FLOP/s with float32 sums, from NVIDIA's data sheets; the first name found in the device's
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "RTX 4090": 165e12,
}


def peak_of(device: str) -> float | None:
    """Returns the FLOP/s that a device of this name reaches at most, or None where no data sheet was read."""
    return next((peak for name, peak in PEAKS.items() if name in device), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="b7-base")
    parser.add_argument("--batch", type=int, help="pairs a step")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jax-python", default=sys.executable, help="interpreter of the environment with JAX")
    arguments = parser.parse_args()
    image, text, px, batch, steps = SIZES[arguments.size]
    efficientnet, bert = EFFICIENTNETS[image], BERTS[text]
    job = {
        "image": image,
        "text": text,
        "px": px,
        "pieces": PIECES,
        "vocabulary": VOCABULARY,
        "batch": arguments.batch or batch,
        "steps": steps,
        "learning_rate": 1e-4,
        "weight_decay": 1e-5,
        "width_coefficient": efficientnet.width_coefficient,
        "depth_coefficient": efficientnet.depth_coefficient,
        "features": efficientnet.features,
        **vars(bert),
    }
    sides = {
        "JAX": (arguments.jax_python, "benchmarks.gpu.step_jax"),
        "PyTorch": (str(torch_python()), "benchmarks.gpu.step_peer"),
    }
    os.environ["KERAS_BACKEND"] = "jax"
    flops, rates = 0.0, {}
    print(f"{image} + {text}, {px} px, {PIECES} pieces, batch {job['batch']}, bfloat16")
    for name, (python, module) in sides.items():
        with Worker([python, "-m", module, json.dumps({**job, "name": name})]) as worker:
            timing = time_in_turn([worker], arguments.rounds)[name]
            about = worker.about
        flops = about.get("flops", flops)  # JAX's count of a step, for both
        rates[name] = job["batch"] * steps / timing.wall_s
        peak = peak_of(about["device"])
        share = f"{flops * rates[name] / job['batch'] / peak:.1%} of the peak" if peak else "no peak known"
        print(f"{name:8} {rates[name]:9.1f} pairs/s, {share}; {about['weights'] / 1e6:.1f} M weights, ", end="")
        print(f"loss {about['loss']:.2f}; {about['device']}, {about['versions']}", flush=True)
    print(f"JAX / PyTorch: {rates['JAX'] / rates['PyTorch']:.2f}; a step is {flops / 1e12:.3g} TFLOP as XLA counts it")


if __name__ == "__main__":
    main()

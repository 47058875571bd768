"""The peer of image_inference.py: the image half of Hugging Face's AlignModel, in PyTorch, in its best forms on a CPU.

Started by image_inference.py in the environment of shared/torch_environment.py, with a job as JSON.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable

import torch
import transformers

from benchmarks.shared.in_turn import serve


def build(job: dict) -> transformers.AlignModel:
    """Returns a model of random weights of the job's image tower, in inference mode, channels last."""
    vision = transformers.AlignVisionConfig(
        width_coefficient=job["width_coefficient"], depth_coefficient=job["depth_coefficient"], image_size=job["px"]
    )
    text = transformers.AlignTextConfig(num_hidden_layers=1, vocab_size=100, hidden_size=64, num_attention_heads=1)
    config = transformers.AlignConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    return transformers.AlignModel(config).eval().to(memory_format=torch.channels_last)


class Encoder(torch.nn.Module):
    """Unit vectors of images, without the model's output classes, which tracing does not take."""

    def __init__(self, model: transformers.AlignModel) -> None:
        super().__init__()
        self.vision = model.vision_model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.vision(pixel_values=pixels).pooler_output, dim=-1)


def main() -> None:
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    model = build(job)
    encoder = Encoder(model).eval()
    pixels = torch.rand(job["batch"], 3, job["px"], job["px"]) * 2 - 1
    pixels = pixels.to(memory_format=torch.channels_last)
    calls: dict[str, Callable[[], None]] = {}

    def add(name: str, form: Callable, pixels: torch.Tensor, autocast: bool = False) -> None:
        def call() -> None:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                for _ in range(job["batches"]):
                    form(pixels)

        calls[f"PyTorch, {name}"] = call

    add("channels last", encoder, pixels)
    add("channels last, bfloat16", encoder, pixels, autocast=True)
    halved = copy.deepcopy(encoder).to(torch.bfloat16)  # weights and all, which is faster than autocast
    for ending, form, images in (("", encoder, pixels), (", bfloat16", halved, pixels.to(torch.bfloat16))):
        with torch.inference_mode():
            traced = torch.jit.freeze(torch.jit.trace(form, images, check_trace=False))
        add(f"jit.trace and freeze{ending}", traced, images)
        if job["compile"]:
            add(f"torch.compile{ending}", torch.compile(form), images)
    weights = sum(p.numel() for p in model.vision_model.parameters())
    serve(calls, {"torch": torch.__version__, "transformers": transformers.__version__, "weights": weights})


if __name__ == "__main__":
    main()

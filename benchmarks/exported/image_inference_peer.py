"""The peer of image_inference.py: the image half of Hugging Face's AlignModel, in PyTorch, in its best forms on a CPU.

Started by image_inference.py in the environment of shared/torch_environment.py, with a job as JSON.
"""

from __future__ import annotations

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
    with torch.inference_mode():
        frozen = torch.jit.freeze(torch.jit.trace(encoder, pixels, check_trace=False))
    forms: dict[str, Callable] = {"channels last": encoder, "jit.trace and freeze": frozen}
    if job["compile"]:
        forms["torch.compile"] = torch.compile(encoder)

    def repeated(form: Callable, bfloat16: bool) -> Callable[[], None]:
        def call() -> None:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                for _ in range(job["batches"]):
                    form(pixels)

        return call

    calls = {f"PyTorch, {name}": repeated(form, False) for name, form in forms.items()}
    calls["PyTorch, channels last, bfloat16"] = repeated(encoder, True)
    if job["compile"]:
        calls["PyTorch, torch.compile, bfloat16"] = repeated(forms["torch.compile"], True)
    weights = sum(p.numel() for p in model.vision_model.parameters())
    serve(calls, {"torch": torch.__version__, "transformers": transformers.__version__, "weights": weights})


if __name__ == "__main__":
    main()

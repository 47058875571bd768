"""The peer of step.py: the same step with Hugging Face's AlignModel in PyTorch, in its best forms on a CPU.

Started by step.py in the environment of shared/torch_environment.py, with a job as JSON.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable

import torch
import transformers

from benchmarks.shared.align_peer import Loss, build
from benchmarks.shared.in_turn import serve

FORMATS = {"channels last": torch.channels_last, "default format": torch.contiguous_format}


def texts_of(job: dict) -> dict[str, dict[str, torch.Tensor]]:
    """Returns texts that use all their pieces, and captions padded to the longest of them."""
    whole = torch.randint(5, job["vocabulary"], (job["batch"], job["pieces"]))
    shortest, longest = job["caption_pieces"]
    real = torch.arange(longest) < torch.randint(shortest, longest + 1, (job["batch"], 1))
    captions = whole[:, :longest] * real
    return {
        "64 pieces": {"token_ids": whole, "real": torch.ones_like(whole)},
        "captions": {"token_ids": captions, "real": real.long()},
    }


def main() -> None:
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    calls: dict[str, Callable[[], None]] = {}
    for name, memory_format in FORMATS.items():
        model = build(job).to(memory_format=memory_format).train()
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=job["learning_rate"], weight_decay=job["weight_decay"], fused=True
        )
        pixels = torch.rand(job["batch"], 3, job["px"], job["px"]) * 2 - 1
        pixels = pixels.to(memory_format=memory_format)
        forms: dict[str, Callable] = {name: Loss(model)}
        if job["compile"]:
            forms[f"{name}, torch.compile"] = torch.compile(Loss(model))
        for form, loss in forms.items():
            for precision in ("float32", "bfloat16"):
                for texts, batch in texts_of(job).items():

                    def call(
                        loss: Callable = loss,
                        bfloat16: bool = precision == "bfloat16",
                        batch: dict = batch,
                        pixels: torch.Tensor = pixels,
                        optimizer: torch.optim.Optimizer = optimizer,
                    ) -> None:
                        for _ in range(job["steps"]):
                            optimizer.zero_grad(set_to_none=True)
                            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                                value = loss(pixels, **batch)
                            value.backward()
                            optimizer.step()
                        if not math.isfinite(value.item()):
                            raise FloatingPointError("the loss is not finite; the figures would mean nothing")

                    calls[f"PyTorch, {form}, {precision}, {texts}"] = call
    weights = sum(p.numel() for p in model.parameters())
    serve(calls, {"torch": torch.__version__, "transformers": transformers.__version__, "weights": weights})


if __name__ == "__main__":
    main()

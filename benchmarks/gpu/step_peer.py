"""The peer of step.py: the same step with Hugging Face's AlignModel in PyTorch, compiled, channels last.

Started by step.py in the environment of shared/torch_environment.py, with a job as JSON.
"""

from __future__ import annotations

import json
import math
import sys

import torch
import transformers

from benchmarks.shared.align_peer import Loss, build
from benchmarks.shared.in_turn import serve


def main() -> None:
    job = json.loads(sys.argv[1])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    model = build(job).to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=job["learning_rate"], weight_decay=job["weight_decay"], fused=True
    )
    pixels = (torch.rand(job["batch"], 3, job["px"], job["px"], device=device) * 2 - 1).contiguous(
        memory_format=torch.channels_last
    )
    token_ids = torch.randint(5, job["vocabulary"], (job["batch"], job["pieces"]), device=device)
    loss = torch.compile(Loss(model))
    losses = []

    def steps() -> None:
        for _ in range(job["steps"]):
            with torch.autocast(device.type, torch.bfloat16):
                value = loss(pixels, token_ids)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
        losses.append(value.item())  # waits for the step

    steps()
    if not math.isfinite(losses[-1]):
        raise FloatingPointError(f"the loss is {losses[-1]} after {job['steps']} steps; the figures would mean nothing")
    about = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "weights": sum(weight.numel() for weight in model.parameters()),
        "loss": losses[-1],
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
    }
    serve({job["name"]: steps}, about)


if __name__ == "__main__":
    main()

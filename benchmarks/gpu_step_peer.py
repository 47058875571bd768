"""The peer of gpu_step.py: the same step with Hugging Face's AlignModel in PyTorch, compiled, channels last.

Usage: started by gpu_step.py in the environment of torch_environment.py, with a job as JSON.
"""

from __future__ import annotations

import json
import math
import sys

import torch
import transformers
from in_turn import serve
from torch.nn.functional import cross_entropy, normalize

LABEL_SMOOTHING = 0.1


class Loss(torch.nn.Module):
    """ALIGN's loss of a batch: both directions of a smoothed softmax, summed."""

    def __init__(self, model: transformers.AlignModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        images = normalize(self.model.vision_model(pixel_values=pixels).pooler_output.float(), dim=-1)
        hidden = self.model.text_model(input_ids=token_ids).last_hidden_state[:, 0]
        texts = normalize(self.model.text_projection(hidden).float(), dim=-1)
        logits = images @ texts.T / self.model.temperature  # [G, D] x [D, G] -> [G, G]
        own = torch.arange(len(logits), device=logits.device)
        return sum(cross_entropy(rows, own, label_smoothing=LABEL_SMOOTHING) for rows in (logits, logits.T))


def main() -> None:
    job = json.loads(sys.argv[1])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    vision = transformers.AlignVisionConfig(
        width_coefficient=job["width_coefficient"], depth_coefficient=job["depth_coefficient"], image_size=job["px"]
    )
    text = transformers.AlignTextConfig(
        vocab_size=job["vocabulary"],
        hidden_size=job["hidden"],
        num_hidden_layers=job["layers"],
        num_attention_heads=job["heads"],
        intermediate_size=job["intermediate"],
    )
    config = transformers.AlignConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=job["features"]
    )
    model = transformers.AlignModel(config).to(device, memory_format=torch.channels_last).train()
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

"""Hugging Face's AlignModel in PyTorch with random weights, and ALIGN's loss of it: the peer of the step benchmarks.

Runs in the environment of torch_environment.py. The model is given exactly our weights: as many positions as a text has
pieces, one segment, and no pooler, which neither side's loss reads.
"""

from __future__ import annotations

import torch
import transformers
from torch.nn.functional import cross_entropy, normalize

LABEL_SMOOTHING = 0.1


def build(job: dict) -> transformers.AlignModel:
    """Returns a model of the job's sizes."""
    vision = transformers.AlignVisionConfig(
        width_coefficient=job["width_coefficient"], depth_coefficient=job["depth_coefficient"], image_size=job["px"]
    )
    text = transformers.AlignTextConfig(
        vocab_size=job["vocabulary"],
        hidden_size=job["hidden"],
        num_hidden_layers=job["layers"],
        num_attention_heads=job["heads"],
        intermediate_size=job["intermediate"],
        max_position_embeddings=job["pieces"],
        type_vocab_size=1,
    )
    config = transformers.AlignConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=job["features"]
    )
    model = transformers.AlignModel(config)
    model.text_model.pooler = None
    return model


class Loss(torch.nn.Module):
    """Both directions of a smoothed softmax over a batch, summed."""

    def __init__(self, model: transformers.AlignModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor, token_ids: torch.Tensor, real: torch.Tensor | None = None) -> torch.Tensor:
        """Returns the loss of [G, 3, S, S] images and [G, L] texts; `real` [G, L] is 0 where a piece is padding."""
        images = normalize(self.model.vision_model(pixel_values=pixels).pooler_output.float(), dim=-1)
        hidden = self.model.text_model(input_ids=token_ids, attention_mask=real).last_hidden_state[:, 0]
        texts = normalize(self.model.text_projection(hidden).float(), dim=-1)
        logits = images @ texts.T / self.model.temperature  # [G, D] x [D, G] -> [G, G]
        own = torch.arange(len(logits), device=logits.device)
        return sum(cross_entropy(rows, own, label_smoothing=LABEL_SMOOTHING) for rows in (logits, logits.T))

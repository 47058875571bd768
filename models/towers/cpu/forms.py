"""The forms that layers of the towers take on CPUs: what each computes is equal to its plain form, up to rounding.

Each reads the weights of the layer's own parts and moves the statistics of its norms, as calling them would.

Legend: B per-replica batch, H and W pixels, I and O channels in and out.
"""

from __future__ import annotations

from typing import Any

from models.towers.cpu import activations
from models.towers.cpu.depthwise import convolve_depthwise
from models.towers.cpu.normalising import convolve_and_normalise, normalise, normalise_and_activate
from models.towers.cpu.projection import convolve_pixels, weigh_and_project

gelu = activations.gelu


def stem(layer: Any, convolved: Any, training: bool | None) -> Any:
    """The Stem's, after its convolution: [B, H, W, O] -> [B, H, W, O]."""
    x, _ = normalise_and_activate(layer.bn, convolved, training)
    return x


def inverted_residual(block: Any, inputs: Any, training: bool | None) -> Any:
    """The InvertedResidual's: [B, H, W, I] -> [B, H // stride, W // stride, O]."""
    x = inputs
    if block.expands:
        x = activations.silu(convolve_and_normalise(block.expand_conv, block.expand_bn, x, training))
    x = convolve_depthwise(x, block.dwconv.kernel, block.stride)
    x, gate = normalise_and_activate(block.bn, x, training)
    for convolution in (block.se_reduce, block.se_expand):
        gate = convolve_pixels(convolution, gate)
    x = normalise(block.project_bn, weigh_and_project(x, gate, block.project_conv.kernel), training)
    return block.add(x, inputs, training=training) if block.adds else x

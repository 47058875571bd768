"""The towers' published sizes by name, and how EfficientNet's widths and depths follow from two numbers.

Imports no framework: a config is checked, and its parameters are counted, before anything slow is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

DIVISOR = 8  # widths are multiples of it: arXiv:1905.11946, public code
SQUEEZE_RATIO = 0.25  # of the block's input width
STEM_WIDTH = 32


@dataclass(frozen=True)
class Stage:
    """A row of table 1 of arXiv:1905.11946, stem and head left out."""

    kernel: int
    stride: int
    expansion: int
    width: int
    repeats: int


STAGES = (
    Stage(kernel=3, stride=1, expansion=1, width=16, repeats=1),
    Stage(kernel=3, stride=2, expansion=6, width=24, repeats=2),
    Stage(kernel=5, stride=2, expansion=6, width=40, repeats=2),
    Stage(kernel=3, stride=2, expansion=6, width=80, repeats=3),
    Stage(kernel=5, stride=1, expansion=6, width=112, repeats=3),
    Stage(kernel=5, stride=2, expansion=6, width=192, repeats=4),
    Stage(kernel=3, stride=1, expansion=6, width=320, repeats=1),
)


def scale_width(width: int, coefficient: float) -> int:
    """Scale a width and round it to a multiple of DIVISOR, never losing more than a tenth.

    Args:
      width: channels of B0.
      coefficient: w of compound scaling.

    Returns:
      Channels, DIVISOR or more.
    """
    scaled = width * coefficient
    rounded = max(DIVISOR, int(scaled + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded if rounded >= 0.9 * scaled else rounded + DIVISOR


def scale_repeats(repeats: int, coefficient: float) -> int:
    """Returns a stage's number of blocks, rounded up, under depth coefficient d."""
    return math.ceil(repeats * coefficient)


def block_name(stage: int, repeat: int) -> str:
    """Returns a block's name, such as "block1a": a to z as in keras.applications, then {, |, ... as chr does."""
    return f"block{stage}{chr(ord('a') + repeat)}"


@dataclass(frozen=True)
class EfficientNetSize:
    """Compound scaling of B0 (arXiv:1905.11946): w of widths, d of depths."""

    width_coefficient: float
    depth_coefficient: float

    @property
    def features(self) -> int:
        """Channels of the last block, F: the width of what the image tower returns."""
        return scale_width(STAGES[-1].width, self.width_coefficient)


@dataclass(frozen=True)
class BertSize:
    """Sizes of a BERT encoder (arXiv:1810.04805): blocks, width H, attention heads, inner width of a block."""

    layers: int
    hidden: int
    heads: int
    intermediate: int


EFFICIENTNETS: Mapping[str, EfficientNetSize] = {  # arXiv:1905.11946, public code; L2: arXiv:1911.04252, table 7
    "b0": EfficientNetSize(1.0, 1.0),
    "b1": EfficientNetSize(1.0, 1.1),
    "b2": EfficientNetSize(1.1, 1.2),
    "b3": EfficientNetSize(1.2, 1.4),
    "b4": EfficientNetSize(1.4, 1.8),
    "b5": EfficientNetSize(1.6, 2.2),
    "b6": EfficientNetSize(1.8, 2.6),
    "b7": EfficientNetSize(2.0, 3.1),
    "l2": EfficientNetSize(4.3, 5.3),
}
BERTS: Mapping[str, BertSize] = {  # base and large: arXiv:1810.04805; the smaller ones: arXiv:1908.08962, table 1
    "tiny": BertSize(layers=2, hidden=128, heads=2, intermediate=512),
    "mini": BertSize(layers=4, hidden=256, heads=4, intermediate=1024),
    "small": BertSize(layers=4, hidden=512, heads=8, intermediate=2048),
    "medium": BertSize(layers=8, hidden=512, heads=8, intermediate=2048),
    "base": BertSize(layers=12, hidden=768, heads=12, intermediate=3072),
    "large": BertSize(layers=24, hidden=1024, heads=16, intermediate=4096),
}

"""Counts the dual encoder's parameters by arithmetic, so that a size can be chosen without building it.

Legend: F image features, H text hidden width, D embedding dimension, V word pieces, P positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.config import ModelConfig
from models.sizes import SQUEEZE_RATIO, STAGES, STEM_WIDTH, BertSize, EfficientNetSize, scale_repeats, scale_width


@dataclass(frozen=True)
class ParameterCounts:
    """What the optimizer trains, part by part; batch norm's moving statistics are not among it.

    Attributes:
      image: the image tower.
      text: the text tower, which is mostly its word-piece embeddings where the tower is small.
      projections: the linear layers to D: of texts always, of images where F differs from D.
    """

    image: int
    text: int
    projections: int

    @property
    def total(self) -> int:
        """All of it, with the temperature."""
        return self.image + self.text + self.projections + 1


def count_parameters(model: ModelConfig, vocabulary_size: int) -> ParameterCounts:
    """Returns the trainable parameters of a dual encoder of these sizes."""
    features, hidden = model.image_size.features, model.text_size.hidden
    projections = dense(hidden, model.embedding)
    if features != model.embedding:
        projections += dense(features, model.embedding)
    return ParameterCounts(
        image=image_parameters(model.image_size),
        text=text_parameters(model.text_size, vocabulary_size, positions=model.text_max_pieces),
        projections=projections,
    )


def image_parameters(size: EfficientNetSize) -> int:
    """Returns EfficientNet's trainable parameters without the top convolution and the classifier.

    A block of width w from c channels, expanded to e = expansion * c: the 1x1 expansion c e (not in stage 1), the k x k
    depth-wise convolution k k e, squeeze and excitation with biases, the 1x1 projection e w; no other convolution has a
    bias. Each convolution is followed by a batch norm of two parameters a channel.

    Reference: table 1 of arXiv:1905.11946.
    """
    stem = scale_width(STEM_WIDTH, size.width_coefficient)
    total = 3 * 3 * 3 * stem + 2 * stem
    for kernel, expansion, width_in, width in _blocks(size):
        expanded = expansion * width_in
        squeezed = max(1, int(width_in * SQUEEZE_RATIO))
        if expansion != 1:
            total += width_in * expanded + 2 * expanded
        total += kernel * kernel * expanded + 2 * expanded
        total += dense(expanded, squeezed) + dense(squeezed, expanded)
        total += expanded * width + 2 * width
    return total


def text_parameters(size: BertSize, vocabulary_size: int, *, positions: int, segments: int = 1) -> int:
    """Returns BERT's parameters without the pooler.

    V H of pieces, P H of positions, H of each segment, and a layer norm; in a block four H x H products of attention,
    two to the inner width and back, all with biases, and two layer norms.

    Reference: arXiv:1810.04805.
    """
    hidden = size.hidden
    norm = 2 * hidden
    block = 4 * dense(hidden, hidden) + dense(hidden, size.intermediate) + dense(size.intermediate, hidden) + 2 * norm
    return (vocabulary_size + positions + segments) * hidden + norm + size.layers * block


def dense(width_in: int, width: int) -> int:
    """Returns the parameters of a linear layer with a bias."""
    return width_in * width + width


def _blocks(size: EfficientNetSize) -> Iterator[tuple[int, int, int, int]]:
    """Yield kernel, expansion, channels in and channels out of each block."""
    width_in = scale_width(STEM_WIDTH, size.width_coefficient)
    for stage in STAGES:
        width = scale_width(stage.width, size.width_coefficient)
        for _ in range(scale_repeats(stage.repeats, size.depth_coefficient)):
            yield stage.kernel, stage.expansion, width_in, width
            width_in = width

"""Which tensor of Hugging Face's AlignModel is which of our weights, and how their axes differ.

PyTorch keeps output channels first, Keras last; Keras gives attention heads an axis of their own. A value never
changes on the way, so that there and back is bit for bit the same.

Legend: I inputs, O outputs, K kernel, C channels, A heads, P size of a head, H = A P hidden width, L pieces read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from models.config import ModelConfig
from models.sizes import STAGES, block_name, scale_repeats

Shape = tuple[int, ...]

TEMPERATURE = "dual_encoder/temperature"  # path of our weight
BATCH_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
LAYER_NORM = {"gamma": "weight", "beta": "bias"}

# What an AlignModel may hold beside the weights that we map: a pooler that it computes and never uses, and counters.
UNUSED_NAMES = ("text_model.pooler.dense.weight", "text_model.pooler.dense.bias")
UNUSED_ENDINGS = (".num_batches_tracked", ".position_ids", ".token_type_ids")


@dataclass(frozen=True)
class Tensor:
    """One of our weights in an AlignModel.

    Attributes:
      name: in the AlignModel.
      to_ours: from its array and our weight's shape to our array.
      to_theirs: from our array to its own.
    """

    name: str
    to_ours: Callable[[np.ndarray, Shape], np.ndarray]
    to_theirs: Callable[[np.ndarray], np.ndarray]


def _axes(name: str, to_ours: Shape, to_theirs: Shape) -> Tensor:
    return Tensor(name, lambda array, shape: array.transpose(to_ours), lambda array: array.transpose(to_theirs))


def _same(name: str) -> Tensor:
    return _axes(name, (0,), (0,))


def _convolution(name: str) -> Tensor:
    return _axes(name, (2, 3, 1, 0), (3, 2, 0, 1))  # [O, I, K, K] and [K, K, I, O]


def _depthwise(name: str) -> Tensor:
    return _axes(name, (2, 3, 0, 1), (2, 3, 0, 1))  # [C, 1, K, K] and [K, K, C, 1]


def _into_heads(name: str) -> Tensor:
    """[H, I] and [I, A, P]."""
    return Tensor(name, lambda array, shape: array.T.reshape(shape), lambda array: array.reshape(array.shape[0], -1).T)


def _bias_of_heads(name: str) -> Tensor:
    """[H] and [A, P]."""
    return Tensor(name, lambda array, shape: array.reshape(shape), lambda array: array.reshape(-1))


def _out_of_heads(name: str) -> Tensor:
    """[O, H] and [A, P, O]."""
    return Tensor(name, lambda array, shape: array.T.reshape(shape), lambda array: array.reshape(-1, array.shape[-1]).T)


def _first_rows(name: str) -> Tensor:
    """Their table, [more, H], and its first rows, which are all that we read; back goes what we have."""
    return Tensor(name, lambda array, shape: array[: shape[0]], lambda array: array)


def tensors(model: ModelConfig) -> dict[str, Tensor]:
    """Returns path of our weight -> its tensor, for a model without an image projection, which an AlignModel lacks."""
    return {
        TEMPERATURE: _axes("temperature", (), ()),
        **_dense("text_projection", "text_projection"),
        **dict(_image_tensors(model)),
        **dict(_text_tensors(model)),
    }


def _dense(ours: str, theirs: str) -> dict[str, Tensor]:
    kernel = _axes(f"{theirs}.weight", (1, 0), (1, 0))  # [O, I] and [I, O]
    return {f"{ours}/kernel": kernel, f"{ours}/bias": _same(f"{theirs}.bias")}


def _norm(ours: str, theirs: str, parts: dict[str, str]) -> dict[str, Tensor]:
    return {f"{ours}/{part}": _same(f"{theirs}.{name}") for part, name in parts.items()}


def _image_tensors(model: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    yield "stem_conv/kernel", _convolution("vision_model.embeddings.convolution.weight")
    yield from _norm("stem_bn", "vision_model.embeddings.batchnorm", BATCH_NORM).items()
    for index, (ours, expands) in enumerate(block_names(model)):
        theirs = f"vision_model.encoder.blocks.{index}"
        if expands:
            yield f"{ours}_expand_conv/kernel", _convolution(f"{theirs}.expansion.expand_conv.weight")
            yield from _norm(f"{ours}_expand_bn", f"{theirs}.expansion.expand_bn", BATCH_NORM).items()
        yield f"{ours}_dwconv/kernel", _depthwise(f"{theirs}.depthwise_conv.depthwise_conv.weight")
        yield from _norm(f"{ours}_bn", f"{theirs}.depthwise_conv.depthwise_norm", BATCH_NORM).items()
        for part in ("reduce", "expand"):
            yield f"{ours}_se_{part}/kernel", _convolution(f"{theirs}.squeeze_excite.{part}.weight")
            yield f"{ours}_se_{part}/bias", _same(f"{theirs}.squeeze_excite.{part}.bias")
        yield f"{ours}_project_conv/kernel", _convolution(f"{theirs}.projection.project_conv.weight")
        yield from _norm(f"{ours}_project_bn", f"{theirs}.projection.project_bn", BATCH_NORM).items()


def block_names(model: ModelConfig) -> Iterator[tuple[str, bool]]:
    """Yields, for each block in order, its name in our image tower and whether it has an expansion."""
    for number, stage in enumerate(STAGES, start=1):
        for repeat in range(scale_repeats(stage.repeats, model.image_size.depth_coefficient)):
            yield block_name(number, repeat), stage.expansion != 1


def _text_tensors(model: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    embeddings = "text_model.embeddings"
    yield "token_embedding/embeddings", _axes(f"{embeddings}.word_embeddings.weight", (0, 1), (0, 1))
    yield "position_embedding/embeddings", _first_rows(f"{embeddings}.position_embeddings.weight")  # L of them
    yield "segment_embedding/embeddings", _first_rows(f"{embeddings}.token_type_embeddings.weight")  # a caption is one
    yield from _norm("embeddings_layer_norm", f"{embeddings}.LayerNorm", LAYER_NORM).items()
    for index in range(model.text_size.layers):
        ours, theirs = f"transformer_layer_{index}", f"text_model.encoder.layer.{index}"
        for part in ("query", "key", "value"):
            yield f"{ours}/self_attention_layer/{part}/kernel", _into_heads(f"{theirs}.attention.self.{part}.weight")
            yield f"{ours}/self_attention_layer/{part}/bias", _bias_of_heads(f"{theirs}.attention.self.{part}.bias")
        output = f"{ours}/self_attention_layer/attention_output"
        yield f"{output}/kernel", _out_of_heads(f"{theirs}.attention.output.dense.weight")
        yield f"{output}/bias", _same(f"{theirs}.attention.output.dense.bias")
        attention_norm, last_norm = f"{theirs}.attention.output.LayerNorm", f"{theirs}.output.LayerNorm"
        yield from _norm(f"{ours}/self_attention_layer_norm", attention_norm, LAYER_NORM).items()
        yield from _norm(f"{ours}/feedforward_layer_norm", last_norm, LAYER_NORM).items()
        yield from _dense(f"{ours}/feedforward_intermediate_dense", f"{theirs}.intermediate.dense").items()
        yield from _dense(f"{ours}/feedforward_output_dense", f"{theirs}.output.dense").items()

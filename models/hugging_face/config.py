"""What a Hugging Face AlignModel's config says, as our sizes; what our model cannot honour is refused by its field.

The config may leave fields out: they then have the defaults of transformers' AlignConfig. Fields that change neither
weights nor embeddings (initialisers, batch norm's momentum, the size of images that were meant) are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from models.config import ModelConfig
from models.sizes import (
    BERTS,
    EFFICIENTNETS,
    STAGES,
    STEM_WIDTH,
    BertSize,
    EfficientNetSize,
    scale_repeats,
    scale_width,
)

PROCESSOR_MAX_PIECES = 64  # AlignProcessor pads and cuts to it
LAYER_NORM_EPSILON, BATCH_NORM_EPSILON = 1e-12, 1e-3
_OUT_WIDTHS = [stage.width for stage in STAGES]

# Fields that an AlignModel must have as EfficientNet and BERT have them, which are also AlignConfig's defaults.
FIXED_IMAGE_FIELDS: dict[str, Any] = {
    "num_channels": 3,
    "depth_divisor": 8,
    "kernel_sizes": [stage.kernel for stage in STAGES],
    "in_channels": [STEM_WIDTH, *_OUT_WIDTHS[:-1]],
    "out_channels": _OUT_WIDTHS,
    "strides": [stage.stride for stage in STAGES],
    "num_block_repeats": [stage.repeats for stage in STAGES],
    "expand_ratios": [stage.expansion for stage in STAGES],
    "squeeze_expansion_ratio": 0.25,
    "hidden_act": "swish",
    "pooling_type": "mean",
    "batch_norm_eps": BATCH_NORM_EPSILON,
}
FIXED_TEXT_FIELDS: dict[str, Any] = {
    "hidden_act": "gelu",
    "layer_norm_eps": LAYER_NORM_EPSILON,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}


def model_config(config: Mapping[str, Any], resize_px: int, crop_px: int) -> ModelConfig:
    """Make our sizes of an AlignModel's config.json.

    Args:
      config: its content.
      resize_px, crop_px: of the processor.

    Raises:
      ValueError: naming the first field that our model cannot honour, its value and what it must be.
    """
    if config.get("model_type") != "align":
        raise _refusal("model_type", config.get("model_type"), "must be 'align'; give the folder of an AlignModel")
    image, text = _section(config, "vision_config"), _section(config, "text_config")
    _check_fixed("vision_config", image, FIXED_IMAGE_FIELDS, synonyms={"silu": "swish"})
    _check_fixed("text_config", text, FIXED_TEXT_FIELDS, synonyms={})
    size = EfficientNetSize(
        _number(image, "vision_config.width_coefficient", 2.0), _number(image, "vision_config.depth_coefficient", 3.1)
    )
    bert = BertSize(
        layers=text.get("num_hidden_layers", 12),
        hidden=text.get("hidden_size", 768),
        heads=text.get("num_attention_heads", 12),
        intermediate=text.get("intermediate_size", 3072),
    )
    _check_image_tower(image, size, config.get("projection_dim", 640), crop_px)
    try:
        return ModelConfig(
            **_by_name_or_number(size, bert),
            image_resize_px=resize_px,
            image_crop_px=crop_px,
            text_max_pieces=min(PROCESSOR_MAX_PIECES, text.get("max_position_embeddings", 512)),
            embedding=size.features,
            dropout=text.get("hidden_dropout_prob", 0.1),
            drop_connect=image.get("drop_connect_rate", 0.2),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"config.json describes no model of ours: {error}") from error


def vocabulary_size(config: Mapping[str, Any]) -> int:
    """Returns the number of rows of its word embedding."""
    return int(_section(config, "text_config").get("vocab_size", 30522))


def joined_stage(size: EfficientNetSize) -> int | None:
    """Returns the number of the first stage whose first block keeps shape and width, None where there is none.

    Such a block has a skip connection in EfficientNet and in our tower, and none in AlignModel. It takes widths of
    less than a third of B0's, where rounding to multiples of 8 makes two widths one.
    """
    width = scale_width(STEM_WIDTH, size.width_coefficient)
    for number, stage in enumerate(STAGES, start=1):
        scaled = scale_width(stage.width, size.width_coefficient)
        if stage.stride == 1 and scaled == width:
            return number
        width = scaled
    return None


def map_side(crop_px: int) -> int:
    """Returns the side of the last feature map: each of the five strided convolutions halves, rounding down or up."""
    side = crop_px
    for stride in (2, *(stage.stride for stage in STAGES)):
        side = -(-side // stride)
    return side


def _check_image_tower(image: Mapping[str, Any], size: EfficientNetSize, projection: int, crop_px: int) -> None:
    if projection != size.features:
        raise _refusal(
            "projection_dim", projection, f"must be the vision tower's width, {size.features}; it has no layer between"
        )
    if size.width_coefficient <= 0 or size.depth_coefficient <= 0:
        raise _refusal(
            "vision_config.width_coefficient", size.width_coefficient, "must be above 0, and the depth's too"
        )
    stage = joined_stage(size)
    if stage is not None:
        raise _refusal(
            "vision_config.width_coefficient",
            size.width_coefficient,
            f"must be larger: stage {stage} then keeps its width, and EfficientNet adds its input there where "
            "AlignModel does not",
        )
    first_blocks, index = {}, 0
    for stage_of in STAGES:
        first_blocks[index] = stage_of.stride
        index += scale_repeats(stage_of.repeats, size.depth_coefficient)
    for block in image.get("depthwise_padding", []):
        if first_blocks.get(block, 1) != 1:
            raise _refusal(
                "vision_config.depthwise_padding", [block], "must leave strided blocks out: ours pad right and below"
            )
    if image.get("hidden_dim", 2560) < map_side(crop_px):
        raise _refusal(
            "vision_config.hidden_dim",
            image.get("hidden_dim"),
            f"must be {map_side(crop_px)} or more, the side of the last feature map: AlignModel pools windows of it",
        )


def _by_name_or_number(size: EfficientNetSize, bert: BertSize) -> dict[str, Any]:
    """Returns the fields of ModelConfig that say these sizes, by name where they have one."""
    fields: dict[str, Any] = {}
    names = [name for name, known in EFFICIENTNETS.items() if known == size]
    if names:
        fields["image"] = names[0]
    else:
        fields |= {"image_width_coefficient": size.width_coefficient, "image_depth_coefficient": size.depth_coefficient}
    names = [name for name, known in BERTS.items() if known == bert]
    if names:
        fields["text"] = names[0]
    else:
        fields |= {
            "text_layers": bert.layers,
            "text_hidden": bert.hidden,
            "text_heads": bert.heads,
            "text_intermediate": bert.intermediate,
        }
    return fields


def _check_fixed(section: str, found: Mapping[str, Any], fixed: Mapping[str, Any], synonyms: Mapping[str, str]) -> None:
    for name, expected in fixed.items():
        value = found.get(name, expected)
        if isinstance(value, str):
            value = synonyms.get(value, value)
        is_close = isinstance(value, float) and isinstance(expected, float) and math.isclose(value, expected)
        if value != expected and not is_close:
            raise _refusal(f"{section}.{name}", value, f"must be {expected!r}, as in the towers of ALIGN")


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name) or {}
    if not isinstance(section, Mapping):
        raise _refusal(name, section, "must be a mapping of fields")
    return section


def _number(section: Mapping[str, Any], field: str, default: float) -> float:
    value = section.get(field.rpartition(".")[2], default)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _refusal(field, value, "must be a number")
    return float(value)


def _refusal(field: str, value: Any, remedy: str) -> ValueError:
    return ValueError(f"config.json has {field} = {value!r}; it {remedy}")

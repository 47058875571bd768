"""What KerasHub loads of a preset: a CLIP or SigLIP backbone and its preprocessor; anything else is refused by name."""

from __future__ import annotations

from typing import Any

import keras_hub

FAMILIES = {
    keras_hub.models.CLIPBackbone: keras_hub.models.CLIPPreprocessor,
    keras_hub.models.SigLIPBackbone: keras_hub.models.SigLIPPreprocessor,
}


def load(preset: str) -> tuple[Any, Any]:
    """Load a dual encoder by KerasHub's own `from_preset`, which may ask a hub.

    Args:
      preset: a folder that `save_to_preset` wrote, or a name that KerasHub knows, such as clip_vit_base_patch32.

    Returns:
      Its backbone and its preprocessor, whose parts fit each other.

    Raises:
      ValueError: where KerasHub loads neither, or the two are no dual encoder that takes pictures and texts.
    """
    backbone = _from_preset(keras_hub.models.Backbone, preset)
    family = next((family for family in FAMILIES if isinstance(backbone, family)), None)
    if family is None:
        known = " or ".join(family.__name__ for family in FAMILIES)
        raise ValueError(f"{preset} is a {type(backbone).__name__}, which has not two towers; give a {known}")
    preprocessor = _from_preset(FAMILIES[family], preset)
    for part in ("tokenizer", "image_converter"):
        if getattr(preprocessor, part, None) is None:
            raise ValueError(f"{preset} has no {part}; save the {FAMILIES[family].__name__} to its folder too")
    _check_sizes(preset, backbone, preprocessor)
    longest = backbone.text_encoder.max_sequence_length
    if isinstance(backbone, keras_hub.models.SigLIPBackbone) or preprocessor.sequence_length > longest:
        preprocessor.sequence_length = longest  # published presets do not say it, and KerasHub's default is of one size
    return backbone, preprocessor


def _check_sizes(preset: str, backbone: Any, preprocessor: Any) -> None:
    taken, made = tuple(backbone.vision_encoder.image_shape[:2]), preprocessor.image_converter.image_size
    if made is None or tuple(made) != taken:
        raise ValueError(
            f"{preset}: the image converter makes pictures of {made}, but the image tower takes {taken}; set "
            f"image_converter.image_size = {taken} and save it again"
        )
    if preprocessor.tokenizer.sequence_length is not None:
        raise ValueError(
            f"{preset}: the tokenizer pads to {preprocessor.tokenizer.sequence_length} tokens, and the preprocessor "
            "then puts a text's end behind the padding; save the tokenizer with sequence_length = None"
        )
    known, made = backbone.text_encoder.vocabulary_size, preprocessor.tokenizer.vocabulary_size()
    if made > known:
        raise ValueError(
            f"{preset}: the tokenizer knows {made} tokens, but the text tower has {known}; the two belong to different "
            "models"
        )


def _from_preset(kind: Any, preset: str) -> Any:
    try:
        return kind.from_preset(preset)
    except Exception as error:  # Keras, KerasHub and the hubs' clients raise nearly anything
        cause = " ".join(str(error).split())
        raise ValueError(f"KerasHub loads no {kind.__name__} of {preset}: {type(error).__name__}: {cause}") from error

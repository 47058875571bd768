"""Tiny random presets of KerasHub with real tokenizers, saved as `save_to_preset` saves any."""

from __future__ import annotations

from pathlib import Path

import keras
import keras_hub
import numpy as np

SIDE_PX, WIDTH, CLIP_TOKENS, SIGLIP_TOKENS = 16, 24, 12, 9
MERGES = [
    *("c a", "ca t</w>", "d o", "do g</w>", "t h", "th e</w>", "r e", "re d</w>", "p h", "o t", "ph ot", "phot o</w>"),
    *("1 2", "12 3</w>", "6 6</w>", "o f</w>", "Ã ©", "ð Ł", "' s</w>", "! !</w>"),
]
PIECES = [*"▁abcdefghijklmnopqrstuvwxyzé0123456789", "▁the", "▁cat", "▁dog", "▁photo", "▁of", "at", "og", "12"]


def save_clip(folder: Path, **converter) -> Path:
    """Save a CLIP of two small towers; more arguments are those of its image converter."""
    keras.utils.set_random_seed(7)
    sizes = {"hidden_dim": WIDTH, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32}
    vocabulary = clip_vocabulary()
    backbone = keras_hub.models.CLIPBackbone(
        keras_hub.models.CLIPVisionEncoder(patch_size=8, image_shape=(SIDE_PX, SIDE_PX, 3), **sizes),
        keras_hub.models.CLIPTextEncoder(
            vocabulary_size=len(vocabulary), embedding_dim=WIDTH, max_sequence_length=CLIP_TOKENS, **sizes
        ),
        projection_dim=10,
    )
    shake(backbone)
    mean, deviation = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)
    preprocessor = keras_hub.models.CLIPPreprocessor(
        keras_hub.models.CLIPTokenizer(vocabulary, MERGES, pad_with_end_token=True),
        keras_hub.layers.CLIPImageConverter(
            image_size=(SIDE_PX, SIDE_PX),
            scale=[1 / 255 / each for each in deviation],
            offset=[-middle / each for middle, each in zip(mean, deviation, strict=True)],
            **{"interpolation": "bicubic", "antialias": True, **converter},
        ),
        sequence_length=CLIP_TOKENS,
    )
    return save(folder, backbone, preprocessor)


def save_siglip(folder: Path, **converter) -> Path:
    """Save a SigLIP of two small towers; more arguments are those of its image converter."""
    keras.utils.set_random_seed(8)
    sizes = {"hidden_dim": WIDTH, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32}
    proto = sentencepiece_model()
    tokenizer = keras_hub.models.SigLIPTokenizer(proto=proto)
    backbone = keras_hub.models.SigLIPBackbone(
        keras_hub.models.SigLIPVisionEncoder(patch_size=8, image_shape=(SIDE_PX, SIDE_PX, 3), **sizes),
        keras_hub.models.SigLIPTextEncoder(
            vocabulary_size=tokenizer.vocabulary_size(),
            embedding_dim=WIDTH,
            max_sequence_length=SIGLIP_TOKENS,
            **sizes,
        ),
    )
    shake(backbone)
    preprocessor = keras_hub.models.SigLIPPreprocessor(
        tokenizer,
        keras_hub.layers.SigLIPImageConverter(
            image_size=(SIDE_PX, SIDE_PX),
            scale=1 / 127.5,
            offset=-1.0,
            **{"crop_to_aspect_ratio": False, "interpolation": "bilinear", "antialias": True, **converter},
        ),
        sequence_length=SIGLIP_TOKENS,
    )
    return save(folder, backbone, preprocessor)


def save(folder: Path, backbone, preprocessor) -> Path:
    """Save both to one folder, and return it."""
    backbone.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))
    return folder


def shake(backbone) -> None:
    """Give biases and scales values of their own, which start alike, so that none can be left out unseen."""
    random = np.random.default_rng(3)
    for weight in backbone.trainable_variables:
        weight.assign(weight + 0.1 * random.standard_normal(weight.shape).astype(np.float32))


def clip_vocabulary() -> dict[str, int]:
    """Returns token -> id: all bytes, all bytes at a word's end, what the merges make, and the two marks, highest."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]  # the rest take letters from 256 on
    others = [byte for byte in range(256) if byte not in printable]
    letters = [*map(chr, printable), *(chr(256 + place) for place in range(len(others)))]
    made = [merge.replace(" ", "") for merge in MERGES]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *made, "<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


def sentencepiece_model() -> bytes:
    """Returns a serialized SentencePiece ModelProto: a unigram model of PIECES, in protobuf's wire format."""
    unknown, control, normal = 2, 3, 1
    pieces = [("<unk>", 0.0, unknown), ("</s>", 0.0, control)]
    pieces += [(piece, -1.0 - place / 16 + len(piece), normal) for place, piece in enumerate(PIECES)]
    model = b"".join(
        field(1, field(1, piece.encode()) + tag(2, 5) + np.float32(score).tobytes() + tag(3, 0) + varint(kind))
        for piece, score, kind in pieces
    )
    nowhere = varint((1 << 64) - 1)  # -1
    ids = tag(40, 0) + varint(0) + tag(41, 0) + nowhere + tag(42, 0) + varint(1) + tag(43, 0) + nowhere
    trainer = tag(3, 0) + varint(1) + ids  # 1: unigram
    normalizer = field(1, b"identity") + tag(3, 0) + varint(1) + tag(4, 0) + varint(1) + tag(5, 0) + varint(1)
    return model + field(2, trainer) + field(3, normalizer)


def field(number: int, content: bytes) -> bytes:
    return tag(number, 2) + varint(len(content)) + content


def tag(number: int, kind: int) -> bytes:
    return varint(number << 3 | kind)


def varint(value: int) -> bytes:
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes(digits) + bytes([value])

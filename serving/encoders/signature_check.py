"""Whether a model answers by the names and types of serving/signatures.py, told by its signatures alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from serving.encoders.encoder import EncodeError
from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, TEXT

_INPUTS = {ENCODE_IMAGE: IMAGE_BYTES, ENCODE_TEXT: TEXT}


def refuse_foreign(signatures: Mapping[str, Any], name: str, asked: str) -> None:
    """Refuse a model that does not encode as we ask; one half of a dual encoder has one of the two signatures.

    Args:
      signatures: signature name -> SignatureDef.
      name: what to call the model.
      asked: the signature that it must have, ENCODE_IMAGE or ENCODE_TEXT.

    Raises:
      EncodeError: names the signature that is missing, or the first of the two that has other inputs or outputs, and
        how it must be.
    """
    for signature, wanted in _INPUTS.items():
        remedy = f"it must take {wanted}, string [N], and give {EMBEDDING}, float32 [N, D]"
        if signature not in signatures:
            if signature != asked:
                continue
            known = ", ".join(sorted(name for name in signatures if not name.startswith("__"))) or "none"
            raise EncodeError(f"{name} has no signature {signature} (it has {known}); {remedy}")
        inputs, outputs = signatures[signature].inputs, signatures[signature].outputs
        if set(inputs) != {wanted} or inputs[wanted].dtype != tf.string:
            raise EncodeError(f"{name}: {signature} takes {_described(inputs)}; {remedy}")
        if EMBEDDING not in outputs or outputs[EMBEDDING].dtype != tf.float32:
            raise EncodeError(f"{name}: {signature} gives {_described(outputs)}; {remedy}")


def _described(infos: Mapping[str, Any]) -> str:
    named = [f"{name}, {tf.as_dtype(info.dtype).name}" for name, info in sorted(infos.items())]
    return " and ".join(named) or "nothing"

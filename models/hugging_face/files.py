"""The files of a Hugging Face model: JSON, and tensors in safetensors, whole or in shards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

TENSORS_FILE = "model.safetensors"
INDEX_FILE = f"{TENSORS_FILE}.index.json"
PICKLE_FILE = "pytorch_model.bin"
READABLE = ("F64", "F32", "F16")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds a mapping; raises ValueError where it is missing or damaged."""
    if not path.is_file():
        raise ValueError(f"{path.parent} lacks {path.name}; give the folder of a Hugging Face AlignModel, whole")
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise ValueError(f"{path} is no JSON: {error}; copy it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a mapping of fields; copy it again")
    return content


def read_tensors(directory: Path) -> dict[str, np.ndarray]:
    """Read all tensors of a model.

    Args:
      directory: holds model.safetensors, or its index and the shards that it names.

    Returns:
      Name -> float32 array; tensors of whole numbers, which are counters, are left out.

    Raises:
      ValueError: where a file is missing or damaged, or a number format is not one of READABLE.
    """
    found: dict[str, np.ndarray] = {}
    for path in _files(directory):
        found |= _read_file(path)
    return found


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write tensors as transformers does."""
    as_bytes_lie = {name: np.require(array, requirements="C") for name, array in tensors.items()}
    path.write_bytes(safetensors.numpy.save(as_bytes_lie, metadata={"format": "pt"}))


def _files(directory: Path) -> list[Path]:
    """Returns the files that hold the tensors; raises ValueError where one is missing."""
    if (directory / TENSORS_FILE).is_file():
        return [directory / TENSORS_FILE]
    if (directory / INDEX_FILE).is_file():
        shards = sorted(set(read_json(directory / INDEX_FILE).get("weight_map", {}).values()))
        missing = [name for name in shards if not (directory / name).is_file()]
        if missing or not shards:
            raise ValueError(f"{directory} lacks {missing or 'the shards'} that {INDEX_FILE} names; copy them there")
        return [directory / name for name in shards]
    remedy = "copy it there"
    if (directory / PICKLE_FILE).is_file():
        remedy = f"{PICKLE_FILE} is not read, as it may run code: load and save it with transformers, which writes one"
    raise ValueError(f"{directory} lacks {TENSORS_FILE}; {remedy}")


def _read_file(path: Path) -> dict[str, np.ndarray]:
    found = {}
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118  it is no mapping
                kind = file.get_slice(name).get_dtype()
                if kind.startswith(("I", "U", "B")) and kind != "BF16":
                    continue
                if kind not in READABLE:
                    raise ValueError(
                        f"{path} holds {name} as {kind}; numbers of {', '.join(READABLE)} are read: save the model in "
                        "float32"
                    )
                found[name] = file.get_tensor(name).astype(np.float32)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short: {error}; copy it again") from error
    return found

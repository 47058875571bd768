"""How requests share batches, and TensorFlow Serving's batching parameters file that says so.

The file is a text proto, as servables/tensorflow/session_bundle_config.proto has BatchingParameters:

    max_batch_size { value: 64 }
    max_enqueued_batches { value: 10 }
    num_batch_threads { value: 2 }
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.server import protos

_log = logging.getLogger(__name__)
_WRAPPED = {  # field -> number and what it wraps
    "max_batch_size": (1, "Int64"),
    "batch_timeout_micros": (2, "Int64"),
    "max_enqueued_batches": (3, "Int64"),
    "num_batch_threads": (4, "Int64"),
    "thread_pool_name": (5, "String"),
    "pad_variable_length_inputs": (7, "Bool"),
    "enable_large_batch_splitting": (8, "Bool"),
    "max_execution_batch_size": (9, "Int64"),
}
_NOT_FOLLOWED = {
    "batch_timeout_micros": "a batch never waits: what has come is sent as soon as the model is free",
    "pad_variable_length_inputs": "requests whose rows differ in shape run in batches apart, unpadded",
    "enable_large_batch_splitting": "a request larger than a batch runs as one batch",
    "max_execution_batch_size": "max_batch_size is the size of what runs",
}


@dataclass(frozen=True)
class BatchingSettings:
    """How requests for one signature of one version share batches.

    Attributes:
      max_batch_size: rows of a batch; a larger request runs alone.
      max_enqueued_batches: full batches that may wait; a request that finds them waiting is refused.
      num_batch_threads: batches that run at once, of all models.
      allowed_batch_sizes: sizes that a batch is filled up to, by its first row again; () fills none.
      thread_pool_name: what metrics call the threads.
    """

    max_batch_size: int = 64
    max_enqueued_batches: int = 10
    num_batch_threads: int = 2
    allowed_batch_sizes: tuple[int, ...] = ()
    thread_pool_name: str = "model_server_batch_threads"

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        sizes = self.allowed_batch_sizes
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[0] < 1 or sizes[-1] != self.max_batch_size):
            raise ValueError(
                f"allowed_batch_sizes are {list(sizes)}; they must grow, and end with max_batch_size "
                f"{self.max_batch_size}"
            )

    @property
    def capacity(self) -> int:
        """Rows that may wait for one signature of one version."""
        return self.max_enqueued_batches * self.max_batch_size

    def padded(self, rows: int) -> int:
        """Returns the size that a batch of so many rows is filled up to."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


DEFAULT_BATCHING = BatchingSettings()


def read_batching_parameters(path: Path) -> BatchingSettings:
    """Read a file with BatchingParameters as text; a word is logged for each that is not followed here.

    Raises:
      ValueError: for a file that cannot be read or parsed, or a value that cannot be, naming the file.
    """
    parameters = _BatchingParameters()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), parameters)
        for name, instead in _NOT_FOLLOWED.items():
            if parameters.HasField(name):
                _log.warning("%s: %s is not followed: %s", path, name, instead)
        given = {
            name: getattr(parameters, name).value
            for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads", "thread_pool_name")
            if parameters.HasField(name)
        }
        return BatchingSettings(**given, allowed_batch_sizes=tuple(parameters.allowed_batch_sizes))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except text_format.ParseError as error:
        raise ValueError(f"{path} is no text of BatchingParameters: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _class_of_parameters() -> Any:
    file = protos.new_file("session_bundle_config.proto", "tensorflow.serving")
    for kind in ("Int64", "String", "Bool"):
        protos.add_message(file, f"{kind}Value", [("value", 1, kind.lower())])
    fields = [(name, number, f".tensorflow.serving.{kind}Value") for name, (number, kind) in _WRAPPED.items()]
    message = protos.add_message(file, "BatchingParameters", fields)
    protos.add_field(message, "allowed_batch_sizes", 6, "int64", repeated=True)
    return protos.classes(file)[1]["BatchingParameters"]


_BatchingParameters = _class_of_parameters()

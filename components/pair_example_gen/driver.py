"""PairExampleGen's driver: TFX's, which fingerprints files by TensorFlow, asks Beam for those on other file systems.

TensorFlow has no s3:// or hdfs:// by itself. Files of this machine are fingerprinted by TFX, as before.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

from tfx.components.example_gen import driver, input_processor

from components.pair_example_gen import storage


class Driver(driver.FileBasedDriver):
    """Fingerprints the files that `splits` and `metadata` name, wherever they lie."""

    def get_input_processor(
        self,
        splits: Iterable[Any],
        range_config: Any = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """Returns what TFX's driver asks for the fingerprint.

        Args:
          splits: `Input.Split`s, generated messages that mypy does not know.
          range_config: as TFX has it, a RangeConfig or None.
          input_base_uri: `ingest.shards`.
        """
        if input_base_uri is None or "://" not in input_base_uri:
            return super().get_input_processor(splits, range_config, input_base_uri)
        return RemoteInputProcessor(input_base_uri, splits, range_config)


class RemoteInputProcessor(input_processor.FileBasedInputProcessor):
    """Finds the files by Beam; knows no spans, which the executor does not read either."""

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """Returns (0, None), as TFX does where a pattern names no span."""
        return 0, None

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """Returns the fingerprint of all splits."""
        return "\n".join(fingerprint(self._input_base_uri, split) for split in self._splits)


def fingerprint(folder: str, split: Any) -> str:
    """Returns number, bytes and times of a split's files, spelt as TFX does, in which their order does not count."""
    files = storage.list_files(posixpath.join(folder, split.pattern)).values()
    by_xor = by_sum = 0
    for _, changed in files:
        by_xor ^= int(changed)
        by_sum += int(changed)
    total = sum(size for size, _ in files)
    return f"split:{split.name},num_files:{len(files)},total_bytes:{total},xor_checksum:{by_xor},sum_checksum:{by_sum}"

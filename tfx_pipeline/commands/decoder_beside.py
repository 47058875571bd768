"""Checks a sample's pictures by Pillow at once, and by the decoder of the training in a process beside.

TensorFlow takes longer to load than a sample takes to filter. So ingest believes Pillow, whose verdict is nearly always
the decoder's, and hands each picture on; whoever shows what came of it asks first whether the verdicts were the same.

The file by which pictures are handed on holds for each of them the length of what follows, one byte that says whether
Pillow decodes it, and the picture. A length of zero ends it.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from serving.pictures import View
from tfx_pipeline.live.lifeline import end_with_parent
from tfx_pipeline.quick import quick_imports, without_keras

_LENGTH = struct.Struct("<Q")
_LOOK_AGAIN_AFTER_S = 0.02


@dataclass(frozen=True)
class PillowCheck:
    """Decodes an image with Pillow and hands it on, for `run_ingest`; raises ValueError where that fails.

    Attributes:
      file: where to hand on.
    """

    file: str

    def __call__(self, encoded: bytes) -> None:
        said = _refusal(lambda image: View(image).pixels(), encoded)
        with open(self.file, "ab") as file:
            file.write(_LENGTH.pack(1 + len(encoded)) + bytes([said is None]) + encoded)
        if said is not None:
            raise ValueError(said)


class DecoderBeside:
    """A process that decodes what `check` hands on; it starts at once, and ends with the block or with this process.

    Attributes:
      check: for `run_ingest`.
      process: the decoder's, inside of the block.
    """

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: for the file with the pictures.
        """
        self._file = folder / "pictures"
        self._file.touch()
        self.check = PillowCheck(str(self._file))

    def __enter__(self) -> DecoderBeside:
        command = [sys.executable, "-m", __name__, str(self._file)]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=null, stderr=null)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def agrees(self) -> bool:
        """Say, when all pictures are checked, whether each verdict was the decoder's; no where its process ended."""
        with self._file.open("ab") as file:
            file.write(_LENGTH.pack(0))
        return self.process.wait() == 0


def _refusal(decode: Callable[[bytes], object], encoded: bytes) -> str | None:
    """Returns why a picture does not decode, or None where it does."""
    try:
        decode(encoded)
    except ValueError as error:
        return str(error)
    return None


def _read(file: BinaryIO, size: int) -> bytes:
    """Returns the next bytes of a file that is still being written."""
    content = file.read(size)
    while len(content) < size:
        time.sleep(_LOOK_AGAIN_AFTER_S)
        content += file.read(size - len(content))
    return content


def agree(file: BinaryIO) -> bool:
    """Say whether the decoder agrees with Pillow on every picture that is handed on by a file."""
    while size := _LENGTH.unpack(_read(file, _LENGTH.size))[0]:
        decodes, encoded = _read(file, 1), _read(file, size - 1)
        if (_refusal(decode_as_training_does, encoded) is None) != bool(decodes[0]):
            return False
    return True


def main() -> None:
    """End with status 0 where the decoder agrees with Pillow: `python -m tfx_pipeline.commands.decoder_beside FILE`."""
    end_with_parent()
    with quick_imports(), without_keras():
        import tensorflow  # noqa: F401 - it loads while the parent lists and reads

    with open(sys.argv[1], "rb") as file:
        sys.exit(0 if agree(file) else 1)


if __name__ == "__main__":
    main()

"""What the passes of the filter know of one file of Examples: a few columns, kept aside in Arrow's file format.

The images stay where they are: only the first pass and the last one read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("sha256", pa.binary()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("captions", pa.list_(pa.string())),
        ("words", pa.list_(pa.string())),
        ("pixels", pa.uint64()),
        ("perceptual", pa.uint64()),
    ]
)


@dataclass
class FileFacts:
    """One entry of each column stands for one record, in the order of the file.

    Attributes:
      name: how messages name the record.
      sha256: identity of its image.
      width, height: pixels.
      captions: its captions.
      words: for each caption its words joined by blanks, so that no later pass has to find them again.
      pixels, perceptual: the image's `fingerprint.Fingerprint`; None where it is compared with nothing.
    """

    name: list[str] = field(default_factory=list)
    sha256: list[bytes] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    height: list[int] = field(default_factory=list)
    captions: list[list[str]] = field(default_factory=list)
    words: list[list[str]] = field(default_factory=list)
    pixels: list[int | None] = field(default_factory=list)
    perceptual: list[int | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.name)

    def to_bytes(self) -> bytes:
        """Returns the columns as a file of Arrow's."""
        batch = pa.record_batch([pa.array(getattr(self, f.name), f.type) for f in _SCHEMA], schema=_SCHEMA)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()


def read_columns(content: bytes, names: Sequence[str]) -> FileFacts:
    """Read some columns of a file that `FileFacts.to_bytes` made; the others stay empty."""
    table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
    return FileFacts(**{name: table.column(name).to_pylist() for name in names})

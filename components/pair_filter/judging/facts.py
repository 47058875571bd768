"""What the passes of the filter know of one file of Examples, in two tables of columns, kept aside in Arrow's format.

The images stay where they are: only the first pass and the last one read them.

Legend: N records of the file, M captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

KEY_BYTES = 16
_KEY = pa.binary(KEY_BYTES)
_RECORDS = pa.schema(
    [
        ("name", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("image_key", _KEY),
        ("captions", pa.int64()),
        ("pixels", pa.uint64()),
        ("perceptual", pa.uint64()),
    ]
)
_BLANK = " "
_CAPTIONS = pa.schema(
    [
        ("text", pa.string()),
        ("language", pa.dictionary(pa.int32(), pa.string())),
        ("words", pa.string()),
        ("caption_key", _KEY),
    ]
)


def join_words(words: Sequence[str]) -> str:
    """Returns words as one text; none of them holds a blank."""
    return _BLANK.join(words)


def part_words(text: str) -> list[str]:
    """Returns what `join_words` joined: a word may hold white space that `str.split` cuts at, as in 10\u202f000."""
    return text.split(_BLANK) if text else []


@dataclass
class FactsWriter:
    """Collects the facts of a file, one entry of each column a record or a caption.

    Attributes:
      name: [N] how messages name the record.
      width, height: [N] pixels.
      image_key: [N] the identity of its image, KEY_BYTES bytes.
      captions: [N] how many captions it has.
      pixels, perceptual: [N] the image's `fingerprint.Fingerprint`; None where it is compared with nothing.
      text: [M] the captions of all records in order.
      language: [M] their languages.
      words: [M] their words, joined by `join_words`, so that no later pass has to find them again.
      caption_key: [M] their identities.
    """

    name: list[str] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    height: list[int] = field(default_factory=list)
    image_key: list[bytes] = field(default_factory=list)
    captions: list[int] = field(default_factory=list)
    pixels: list[int | None] = field(default_factory=list)
    perceptual: list[int | None] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    language: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    caption_key: list[bytes] = field(default_factory=list)

    def records(self) -> bytes:
        """Returns the table of the records."""
        return self._table(_RECORDS)

    def of_captions(self) -> bytes:
        """Returns the table of the captions."""
        return self._table(_CAPTIONS)

    def _table(self, schema: pa.Schema) -> bytes:
        batch = pa.record_batch([pa.array(getattr(self, column.name), column.type) for column in schema], schema=schema)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()


class Columns:
    """A table that `FactsWriter` made, read column by column."""

    def __init__(self, content: bytes) -> None:
        self._batch = pa.ipc.open_file(pa.BufferReader(content)).get_batch(0)

    def __len__(self) -> int:
        return self._batch.num_rows

    def texts(self, name: str) -> list[str]:
        """Returns a column of texts."""
        return self._column(name).to_pylist()

    def numbers(self, name: str) -> np.ndarray:
        """Returns a column of numbers, 0 where there is none."""
        return self._column(name).fill_null(0).to_numpy(zero_copy_only=False)

    def present(self, name: str) -> np.ndarray:
        """Returns [rows] bool: where a column has a value."""
        return self._column(name).is_valid().to_numpy(zero_copy_only=False)

    def keys(self, name: str) -> np.ndarray:
        """Returns a column of keys as [rows, 2] uint64."""
        content = self._column(name).buffers()[1] or b""  # no rows, no buffer
        return np.frombuffer(content, np.uint64, 2 * len(self)).reshape(-1, 2)

    def _column(self, name: str) -> pa.Array:
        return self._batch.column(self._batch.schema.get_field_index(name))


@dataclass(frozen=True)
class FileFacts:
    """What the last pass judges a file by.

    Attributes:
      name, width, height, image_key, text, language, words, caption_key: see FactsWriter; keys are [.., 2] uint64.
      first: [N + 1] number of each record's first caption, then M.
      pixels, perceptual: [N] uint64.
      is_compared, is_hashed: [N] bool: where `pixels` and where `perceptual` has a value.
    """

    name: Sequence[str]
    width: Sequence[int]
    height: Sequence[int]
    image_key: np.ndarray
    first: Sequence[int]
    pixels: np.ndarray
    perceptual: np.ndarray
    is_compared: np.ndarray
    is_hashed: np.ndarray
    text: Sequence[str]
    language: Sequence[str]
    words: Sequence[str]
    caption_key: np.ndarray

    @classmethod
    def read(cls, records: Columns, captions: Columns) -> FileFacts:
        """Returns all columns of a file."""
        return cls(
            name=records.texts("name"),
            width=records.numbers("width").tolist(),
            height=records.numbers("height").tolist(),
            image_key=records.keys("image_key"),
            first=np.concatenate([[0], np.cumsum(records.numbers("captions"))]).tolist(),
            pixels=records.numbers("pixels"),
            perceptual=records.numbers("perceptual"),
            is_compared=records.present("pixels"),
            is_hashed=records.present("perceptual"),
            text=captions.texts("text"),
            language=captions.texts("language"),
            words=captions.texts("words"),
            caption_key=captions.keys("caption_key"),
        )

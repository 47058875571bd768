"""The captions of one file of Examples as a small table: what is learnt from texts needs no image read again.

Arrow's file format, compressed. Columns: text (string), language (string, a BCP 47 tag or "und"), count (int64): how
often this file has the caption in this language. Rows stand in the order in which the file first has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

_SCHEMA = pa.schema([("text", pa.string()), ("language", pa.string()), ("count", pa.int64())])
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")
_ROWS_AT_ONCE = 65_536  # what a reader holds


def write_captions(counts: Mapping[tuple[str, str], int]) -> bytes:
    """Returns the content of a file; `counts` maps (text, language) to how often it is seen."""
    texts, languages = zip(*counts, strict=True) if counts else ((), ())
    columns = zip((texts, languages, counts.values()), _SCHEMA.types, strict=True)
    table = pa.table([pa.array(list(values), of) for values, of in columns], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _SCHEMA, options=_COMPRESSED) as writer:
        writer.write_table(table, max_chunksize=_ROWS_AT_ONCE)
    return sink.getvalue().to_pybytes()


def read_captions(content: bytes) -> Iterator[tuple[str, str, int]]:
    """Yield (text, language, count) of a file that `write_captions` made."""
    with pa.ipc.open_file(pa.BufferReader(content)) as reader:
        for number in range(reader.num_record_batches):
            yield from zip(*(column.to_pylist() for column in reader.get_batch(number).columns), strict=True)

"""Reads the lines of a .jsonl file, each a JSON object that names an image file."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part, RawRecord, extension_of
from components.pair_example_gen.readers.csv_lines import MAX_LINE_BYTES, lines
from components.pair_example_gen.readers.decompression import DamagedCompression
from components.pair_example_gen.readers.json_objects import RepeatedKey, to_dict

_REMEDY = "jq -c '.[]' makes a line of each of its objects"


def read_json_lines(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the objects on the lines that begin in one part; `stream` is seekable where there are several."""
    start, stop = 0, None
    if part.count > 1:
        start, stop = part.range(stream.seek(0, 2))
        stream.seek(0)
        if part.index and _opens_an_array(next((line for _, line in lines(stream, 0, b"\n")), b"")):
            return
        stream.seek(0)
    try:
        for offset, line in lines(stream, start, b"\n"):
            if not offset and _opens_an_array(line):
                yield RawRecord("", flaw=reasons.CORRUPT_FILE, detail=f"a JSON array over several lines; {_REMEDY}")
                return
            if stop is not None and offset >= stop:
                return
            if line.strip():
                yield _to_raw_record(offset, line, config.image_column)
    except DamagedCompression as error:
        yield RawRecord("", flaw=reasons.CORRUPT_FILE, detail=str(error))


def _opens_an_array(line: bytes) -> bool:
    """Says whether a file's first line is the beginning of what ends on another."""
    text = line.removeprefix(codecs.BOM_UTF8).strip()
    return text.startswith(b"[") and not text.endswith(b"]")


def _to_raw_record(offset: int, line: bytes, image_field: str) -> RawRecord:
    name = f"byte {offset}"
    if len(line) > MAX_LINE_BYTES:
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=f"a line of more than {MAX_LINE_BYTES} bytes")
    try:
        values = json.loads(line.decode("utf-8" if offset else "utf-8-sig"), object_pairs_hook=to_dict)
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 raise a ValueError too
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=str(error))
    if not isinstance(values, dict):
        detail = (
            f"a {type(values).__name__} where an object belongs{f'; {_REMEDY}' if isinstance(values, list) else ''}"
        )
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=detail)
    if isinstance(values, RepeatedKey):
        return RawRecord(name, flaw=reasons.DUPLICATE_KEY, detail=f"the object has {values.key[:80]!r} twice")
    path = values.get(image_field)
    if not isinstance(path, str) or not path.strip():
        detail = f"{image_field!r} is {str(path)[:80]!r}, no path; keys: {', '.join(values)[:200]}"
        return RawRecord(name, fields=values, detail=detail)
    return RawRecord(name, path=path.strip(), extension=extension_of(path.strip()), fields=values)

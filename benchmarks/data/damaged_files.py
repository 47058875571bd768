"""Makes small files of every format that PairExampleGen reads, each damaged in one way that a seed chooses."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from PIL import Image

PAIRS = 3  # in each file
KINDS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
Pair = dict[str, Any]  # "key" (text), "image" (bytes), "caption"; "path" where the image is a file of its own
Writer = Callable[[list[Pair], random.Random], bytes]


def picture(rng: random.Random) -> bytes:
    """Returns a small encoded image of some format."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), tuple(rng.randbytes(3))).save(buffer, rng.choice(KINDS))
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(side: int, before: bytes = b"", behind: bytes = b"") -> bytes:
    """Returns a PNG that says it has side x side px and holds one."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(4)))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + behind + chunk(b"IEND", b"")


_ZEROS = zlib.compress(bytes(20_000_000), 9)
_TEXTS = chunk(b"zTXt", b"a\0\0" + _ZEROS), chunk(b"iCCP", b"a\0\0" + _ZEROS)
BOMBS = (png(30_000), *(png(1, before=text) for text in _TEXTS), png(1, behind=_TEXTS[0] * 4))
COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda content: gzip.compress(content, 1, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lambda content: lzma.compress(content, preset=0),
}
FILE_BOMBS = {suffix: compress(bytes(20_000_000)) for suffix, compress in COMPRESSIONS.items() if suffix}


def flip(content: bytes, rng: random.Random) -> bytes:
    """Returns the bytes with one to four of them changed."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        damaged[rng.randrange(len(damaged))] ^= rng.randint(1, 255)
    return bytes(damaged)


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


# What is done to one of the pairs before its file is written.
PAIR_DAMAGES: Mapping[str, Callable[[Pair, random.Random], Mapping[str, Any]]] = {
    "none": lambda pair, rng: {},
    "truncated image": lambda pair, rng: {"image": cut(pair["image"][:-2], rng)},  # which may be but an end mark
    "wrong magic": lambda pair, rng: {"image": bytes(4) + pair["image"][4:]},
    "flipped bytes of the image": lambda pair, rng: {"image": flip(pair["image"], rng)},
    "image bomb": lambda pair, rng: {"image": rng.choice(BOMBS)},
    "path traversal": lambda pair, rng: {"key": rng.choice(("../../etc/passwd", "/etc/passwd", "a/../../b", "C:/x"))},
    "record twice": lambda pair, rng: {"key": "0"},
    "JSON key twice": lambda pair, rng: {"extra": ', "caption": "dog"'},
    "null caption": lambda pair, rng: {"caption": None},
    "caption not UTF-8": lambda pair, rng: {"caption": b"caf\xe9"},
    "caption of a wrong type": lambda pair, rng: {"caption": rng.choice((7, 0.5, [], {"a": 1}, True))},
    "NaN as caption and size": lambda pair, rng: {"caption": float("nan"), "width": float("nan")},
    "flipped bytes of the record": lambda pair, rng: {"flip": True},
}
FILE_DAMAGES = ("truncated file", "flipped bytes of the file", "bomb as a compressed file")


def as_json(pair: Pair, value: Mapping[str, Any]) -> str:
    """Returns a pair's object as JSON, with a key twice where the damage wants it; bytes stand as the text they are."""
    text = json.dumps(value, default=lambda found: found.decode("utf-8", "surrogateescape"), ensure_ascii=False)
    return f"{text[:-1]}{pair.get('extra', '')}}}"


def damaged_if_wanted(content: bytes, pair: Pair, rng: random.Random) -> bytes:
    return flip(content, rng) if pair.get("flip") else content


def write_tar(pairs: list[Pair], rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for pair in pairs:
            meta = {name: pair[name] for name in ("caption", "width") if name in pair} | {
                "url": f"http://x/{pair['key']}"
            }
            text = as_json(pair, meta).encode("utf-8", "surrogateescape")
            for extension, content in (("jpg", pair["image"]), ("json", damaged_if_wanted(text, pair, rng))):
                info = tarfile.TarInfo(f"{pair['key']}.{extension}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def write_parquet(pairs: list[Pair], rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    values = [pair["caption"] for pair in pairs]
    if len({type(value) for value in values}) > 1:  # a column has one type
        values = [value if value is None or isinstance(value, bytes) else str(value).encode() for value in values]
    columns = {name: pa.array([pair[name] for pair in pairs]) for name in ("key", "image")}
    pq.write_table(pa.table({**columns, "caption": pa.array(values)}), buffer, row_group_size=2)
    return buffer.getvalue()


def write_tfrecord(pairs: list[Pair], rng: random.Random) -> bytes:
    def framed(content: bytes) -> bytes:
        size = struct.pack("<Q", len(content))
        return b"".join(part + struct.pack("<I", masked(google_crc32c.value(part))) for part in (size, content))

    def masked(checksum: int) -> int:
        return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF

    records = []
    for pair in pairs:
        example, caption = tf.train.Example(), pair["caption"]
        example.features.feature["image/encoded"].bytes_list.value.append(pair["image"])
        feature = example.features.feature["caption/text"]
        if isinstance(caption, (str, bytes)):
            feature.bytes_list.value.append(caption.encode() if isinstance(caption, str) else caption)
        elif isinstance(caption, (int, float)):
            feature.float_list.value.append(caption)
        records.append(framed(damaged_if_wanted(example.SerializeToString(deterministic=True), pair, rng)))
    return b"".join(records)


def write_table(pairs: list[Pair], rng: random.Random, delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    rows = []
    for pair in pairs:
        caption = pair["caption"]
        written = caption.decode("utf-8", "surrogateescape") if isinstance(caption, bytes) else caption
        rows.append((pair["path"], "" if written is None else str(written)))
    writer.writerows([("image", "caption"), *rows])
    lines = text.getvalue().encode("utf-8", "surrogateescape").splitlines(keepends=True)
    flipped = [damaged_if_wanted(line, pair, rng) for line, pair in zip(lines[1:], pairs, strict=True)]
    return lines[0] + b"".join(flipped)


def write_karpathy(pairs: list[Pair], rng: random.Random) -> bytes:
    entries = []
    for pair in pairs:
        sentences = [{"raw": pair["caption"]}]
        entry = as_json(pair, {"sentences": sentences, "caption": "", "filename": pair["path"], "split": "train"})
        entries.append(damaged_if_wanted(entry.encode("utf-8", "surrogateescape"), pair, rng))
    return b'{"images": [' + b", ".join(entries) + b"]}"


@dataclass(frozen=True)
class Layout:
    """How the files of one format are made.

    Attributes:
      format: `ingest.format`.
      write: pairs -> the file.
      suffix: of its name.
      compressions: suffixes with which it may be compressed.
      has_paths: whether the images are files of their own.
      beside: pairs -> the Parquet file beside the shard, or None.
    """

    format: str
    write: Writer
    suffix: str = ""
    compressions: tuple[str, ...] = tuple(COMPRESSIONS)
    has_paths: bool = False
    beside: Writer | None = None


LAYOUTS = (
    Layout("tar", write_tar, ".tar"),
    Layout("coyo", write_tar, ".tar", beside=write_parquet),
    Layout("parquet", write_parquet, ".parquet", compressions=("",)),
    Layout("tfrecord", write_tfrecord, ".tfrecord"),
    Layout("csv", lambda pairs, rng: write_table(pairs, rng, ","), ".csv", has_paths=True),
    Layout("tsv", lambda pairs, rng: write_table(pairs, rng, "\t"), ".tsv", has_paths=True),
    Layout("karpathy", write_karpathy, ".json", has_paths=True),
)


def damaged(content: bytes, damage: str, suffix: str, rng: random.Random) -> bytes:
    """Returns a file's content, damaged as a whole where the damage is one of files."""
    if damage == "truncated file":
        return cut(content, rng)
    if damage == "flipped bytes of the file":
        return flip(content, rng)
    if damage == "bomb as a compressed file" and suffix:
        return FILE_BOMBS[suffix]
    return content


def make(number: int, folder: Path) -> tuple[Layout, str, Path]:
    """Write the files of one case; the same number gives the same ones.

    Returns:
      The layout, the damage, and where the file is.
    """
    rng = random.Random(number)
    layout, damage = rng.choice(LAYOUTS), rng.choice((*PAIR_DAMAGES, *FILE_DAMAGES))
    pairs = [{"key": str(index), "image": picture(rng), "caption": f"cat {index}"} for index in range(PAIRS)]
    if damage in PAIR_DAMAGES:
        chosen = rng.randrange(1, PAIRS)
        pairs[chosen].update(PAIR_DAMAGES[damage](pairs[chosen], rng))
    if layout.has_paths:
        for index, pair in enumerate(pairs):
            (folder / f"{index}.jpg").write_bytes(pair["image"])
            pair["path"] = f"{index}.jpg" if pair["key"].isdigit() else f"{pair['key']}.jpg"
    suffix = rng.choice(layout.compressions)
    content = COMPRESSIONS[suffix](layout.write(pairs, rng))
    if layout.beside:
        beside = damaged(layout.beside(pairs, rng), damage, "", rng)
        (folder / "case.parquet").write_bytes(beside)
        damage_shard = damage not in FILE_DAMAGES or rng.random() < 0.5
        content = damaged(content, damage, suffix, rng) if damage_shard else content
    else:
        content = damaged(content, damage, suffix, rng)
    path = folder / f"case{layout.suffix}{suffix}"
    path.write_bytes(content)
    return layout, damage, path

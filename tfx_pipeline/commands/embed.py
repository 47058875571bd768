"""The body of `align embed`: images and texts in, their vectors out, by a server or a model in this process.

Memory holds two chunks, whatever is embedded.

Legend: n inputs of a chunk, D embedding dimension.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tfx_pipeline.embedding.sources import Columns, Input, Unreadable, count_of, inputs_of
from tfx_pipeline.files import write_file
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error
from tfx_pipeline.wording import counted, duration

if TYPE_CHECKING:
    from serving.calling.channel import Tls

STANDARD_INPUT = "-"
CHUNK = 256  # inputs read at once: four requests of a client
SHOWN = 5  # skipped inputs that are named on the terminal; all of them are in a file


@dataclass
class _Chunk:
    """Some inputs by their place in the chunk, as read."""

    inputs: list[Input]
    images: dict[int, bytes] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)


def embed(
    words: Sequence[str],
    *,
    model: str,
    out: Path,
    columns: Columns = Columns(),  # noqa: B008  frozen
    tls: Tls | None = None,
    listed: TextIO = sys.stdin,
    console: Console | None = None,
) -> int:
    """Embed what the words name and write it; what cannot be read is named, counted and left out.

    Args:
      words: as `inputs_of` reads them; "-" stands for the words on the lines of `listed`.
      model: as `serving.encoders.opening` reads it; one version of a server's answers all.
      out: a `.parquet` or `.npy` file; beside it, where some are left out, `<name>.skipped.tsv` with each one's reason.
      columns: of Parquet files.
      tls: what a server is asked by; None sends in the clear.
      listed: where "-" reads from.
      console: where to print.

    Returns:
      How many were embedded.

    Raises:
      ConfigError: where a word names nothing, the model does not answer, none can be embedded, or nothing be written.
    """
    console = console or Console()
    began = time.monotonic()
    given = [word for typed in words for word in ([typed] if typed != STANDARD_INPUT else _lines(listed))]
    if not given:
        raise ConfigError("there is nothing to embed; name files, folders or globs, or - for a list of them")
    total = count_of(given, columns)
    if not total:
        raise ConfigError(
            f"{' '.join(words)}: no image and no text is there; of a folder those files are taken that end as images do"
        )
    from tfx_pipeline.embedding.sinks import sink_at

    with quiet_imports():
        from serving.encoders.encoder import EncodeError
        from serving.encoders.opening import open_encoder

    done = 0
    skipped: list[tuple[str, str]] = []
    with as_config_error(EncodeError), sink_at(out) as sink:
        encoder = open_encoder(model, tls)
        with quiet_imports():
            _ = encoder.fingerprint  # from here on a server is asked for one version, whatever it loads meanwhile
        with _bar(console) as bar:
            task = bar.add_task("embedded", total=total)
            for chunk in _read_ahead(inputs_of(given, columns)):
                places, vectors = _encoded(encoder, chunk)
                if places:
                    found = [chunk.inputs[place] for place in places]
                    sink.add([one.id for one in found], [one.kind for one in found], vectors)
                done += len(places)
                skipped += [(chunk.inputs[place].id, why) for place, why in sorted(chunk.skipped.items())]
                bar.advance(task, len(chunk.inputs))
        encoder.confirm()
        if not done:
            raise ConfigError(
                f"none of {counted(total, 'input')} could be embedded"
                + (f"; the first, {skipped[0][0]}: {skipped[0][1]}" if skipped else "")
            )
    beside = out.with_name(f"{out.stem}.skipped.tsv")
    _tell_skipped(skipped, beside, console)
    said = f"{counted(done, 'vector')} in {duration(time.monotonic() - began)}, by {encoder.name}: {out}"
    console.print(said, soft_wrap=True, highlight=False, markup=False)
    return done


def _lines(listed: TextIO) -> list[str]:
    return [line.strip("\r\n") for line in listed if line.strip()]


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left", style="dim"),
        console=console,
        transient=True,
    )


def _read_ahead(inputs: Iterable[Input]) -> Iterator[_Chunk]:
    """Yield all inputs in chunks; the next chunk is read while this one is made use of."""
    coming = iter(inputs)
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(_read, list(islice(coming, CHUNK)))
        while (chunk := ahead.result()).inputs:
            ahead = reader.submit(_read, list(islice(coming, CHUNK)))
            yield chunk


def _read(inputs: list[Input]) -> _Chunk:
    chunk = _Chunk(inputs)
    for place, one in enumerate(inputs):
        try:
            value = one.read()
        except Unreadable as error:
            chunk.skipped[place] = str(error)
            continue
        if isinstance(value, str):
            chunk.texts[place] = value
        else:
            chunk.images[place] = value
    return chunk


def _encoded(encoder: Any, chunk: _Chunk) -> tuple[list[int], Any]:
    """Returns the places that have a vector, ascending, and these vectors, [n, D]; the others join the skipped."""
    import numpy as np

    from tfx_pipeline.embedding.halving import encode_readable

    vectors, broken = encode_readable(encoder, chunk.images)
    chunk.skipped.update(broken)
    if chunk.texts:
        vectors.update(zip(chunk.texts, encoder.encode_text(list(chunk.texts.values())), strict=True))
    places = sorted(vectors)
    return places, np.stack([vectors[place] for place in places]) if places else np.zeros((0, 0), np.float32)


def _tell_skipped(skipped: Sequence[tuple[str, str]], beside: Path, console: Console) -> None:
    if not skipped:
        beside.unlink(missing_ok=True)  # of an earlier run under the same name
        return
    lines = (f"{name}\t{' '.join(why.split())}\n" for name, why in skipped)
    write_file(beside, "".join(lines).encode("utf-8", "surrogateescape"), str(beside))
    for name, why in skipped[:SHOWN]:
        console.print(f"skipped {name}: {why}", style="yellow", soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"{counted(len(skipped), 'input')} skipped, each with its reason in {beside}",
        style="yellow",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )

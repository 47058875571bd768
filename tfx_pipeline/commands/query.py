"""The body of `align query`: ranks a run's images for a text, an image, or an image plus and minus texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serving.versions import complete_versions
from tfx_pipeline.files import write_file
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.corpus import CorpusImage, corpus_index, image_at, newest_examples
from tfx_pipeline.runs.folders import INDEXES, PUSHED_MODELS
from tfx_pipeline.settings.config import ConfigError, as_config_error

MAX_SHOWN = 1000


@dataclass(frozen=True)
class Ranked:
    """One answer: an image of the corpus and its cosine with the query."""

    score: float
    image: CorpusImage


def answer(
    root: Path,
    *,
    text: str | None = None,
    image: Path | None = None,
    minus_text: str | None = None,
    k: int = 12,
    out: Path = Path("query.png"),
    splits: Sequence[str] | None = None,
    model: str | None = None,
    console: Console | None = None,
) -> Path:
    """Search the newest run's images with the newest pushed model, or another; print a table, write a contact sheet.

    The images are embedded on the first query with a model, and their index is kept in `<root>/index/`.

    Args:
      root: the pipeline's folder, `<output>/<name>`.
      text: what to look for.
      image: file of an image to start from.
      minus_text: what the results should not be.
      k: how many images to find, at most.
      out: the PNG to write.
      splits: splits to search; None searches all.
      model: what to search with, as `serving.encoders.opening` reads it; None for the newest pushed model.
      console: where to print.

    Returns:
      The path of the contact sheet.

    Raises:
      ConfigError: for a question that cannot be answered, with the remedy.
    """
    console = console or Console()
    text, minus_text = (words.strip() or None if words else None for words in (text, minus_text))
    if text is None and image is None and minus_text is None:
        raise ConfigError("the query is empty; give a text, --image FILE, or both")
    if not 1 <= k <= MAX_SHOWN:
        raise ConfigError(f"-k is {k}; it must be from 1 to {MAX_SHOWN}, which one contact sheet holds")
    encoded = read_query_image(image) if image is not None else None
    pushed = pushed_model(root) if model is None else None
    examples = newest_examples(root)

    with quiet_imports():
        from serving.encoders.encoder import EncodeError, Encoder
        from serving.encoders.opening import open_encoder
        from serving.encoders.saved_model import SavedModelEncoder
        from serving.pictures import to_png
        from serving.search.contact_sheet import Hit, Query, contact_sheet
        from serving.search.cosine import compose_query

    with as_config_error((EncodeError, ValueError)):
        encoder: Encoder
        if pushed is not None:
            encoder = SavedModelEncoder(pushed[1])
            key, described = str(pushed[0]), f"model version {pushed[0]}"
        else:
            encoder = open_encoder(str(model))
            key, described = hashlib.sha256(encoder.fingerprint.encode()).hexdigest()[:16], f"model {encoder.name}"
        cache = root / INDEXES / f"{key}-{examples.name}.npz"
        index = corpus_index(
            examples, encoder, cache, lambda sentence: console.print(sentence, style="dim", markup=False)
        )
        query = compose_query(
            image=encoder.encode_image([encoded])[0] if encoded is not None else None,
            text=encoder.encode_text([text])[0] if text is not None else None,
            minus_text=encoder.encode_text([minus_text])[0] if minus_text is not None else None,
        )  # [D]

    wanted = _rows_of(index.names, splits)
    rows, scores = index.subset(wanted).search(query, k)
    images = [image_at(examples, index, wanted[row]) for row in rows]
    ranked = [Ranked(float(score), found) for score, found in zip(scores, images, strict=True)]

    console.print(results_table(ranked))
    of_splits = f" of {', '.join(splits)}" if splits else ""
    note = f"{len(ranked)} of {len(wanted):,} images{of_splits}, {described}"
    sheet = contact_sheet(
        Query(encoded, text, minus_text),
        [Hit(found.image.encoded, found.score, found.image.caption) for found in ranked],
        note=note,
    )
    write_file(out, to_png(sheet), f"--out {out}")
    console.print(f"{note}. Contact sheet: {out}", soft_wrap=True, highlight=False, markup=False)
    return out


def pushed_model(root: Path) -> tuple[int, Path]:
    """Returns version and folder of the newest pushed model.

    Raises:
      ConfigError: when none was pushed.
    """
    base = root / PUSHED_MODELS
    versions = complete_versions(base)
    if not versions:
        raise ConfigError(
            f"no model has been pushed to {base}: none was trained yet (`align run`) or none was blessed "
            "(`align report` says which threshold it missed)"
        )
    return max(versions), versions[max(versions)]


def read_query_image(path: Path) -> bytes:
    """Read an image file as any model shows it right, one of an older release too.

    Returns:
      The file's own bytes where they are a plain JPEG or PNG, else a PNG of how it looks.

    Raises:
      ConfigError: for a file that is missing or is no image.
    """
    from serving.pictures import PictureError, View

    try:
        return View(path.read_bytes()).plain()
    except FileNotFoundError as error:
        raise ConfigError(f"--image {path} does not exist; name an image file") from error
    except (OSError, PictureError) as error:
        cause = " ".join(str(error).split())
        raise ConfigError(f"--image {path} cannot be read as an image ({cause}); give a JPEG or PNG file") from error


def _rows_of(names: Sequence[str], splits: Sequence[str] | None) -> list[int]:
    """Returns the rows of an index that belong to the given splits."""
    if splits is None:
        return list(range(len(names)))
    known = sorted({name.partition("/")[0] for name in names})
    for split in splits:
        if split not in known:
            raise ConfigError(f"split {split!r} does not exist in this run; its splits are {', '.join(known)}")
    return [row for row, name in enumerate(names) if name.partition("/")[0] in splits]


def results_table(ranked: Sequence[Ranked]) -> Table:
    """Returns the answers as a table; where it is narrow, captions and record names are cut, never the figures."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    table.add_column("cosine", justify="right", no_wrap=True)
    table.add_column("caption")
    table.add_column("split", style="dim", no_wrap=True)
    table.add_column("record", style="dim")
    for rank, found in enumerate(ranked, start=1):
        caption, split, record = map(_one_line, (found.image.caption, found.image.split, found.image.record))
        table.add_row(str(rank), f"{found.score:.3f}", caption, split, record)
    return table


def _one_line(words: str) -> Text:
    """Returns text that rich prints as it stands and cuts where it is too long: a column made so would not shrink."""
    return Text(" ".join(words.split()), no_wrap=True, overflow="ellipsis")

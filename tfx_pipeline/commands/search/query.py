"""The body of `align query`: ranks images for a text, an image, or an image plus and minus texts.

It asks the search server that runs for the index, and imports no TensorFlow. Without one it loads the model itself.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serving.search.weights import IMAGE_WEIGHT, TEXT_WEIGHT
from tfx_pipeline.commands.search.query_index import index_for, standing_index
from tfx_pipeline.files import write_file
from tfx_pipeline.quick import without_keras
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.search_server import SearchServer, newest_made, running_server
from tfx_pipeline.settings.config import ConfigError, as_config_error

MAX_SHOWN = 1000
PAGES = (".html", ".htm")
_A_SERVER = "`align search` starts a server, which answers the next query in less than a second."


class Answerer(Protocol):
    """What answers a question: a search server, or this process.

    Attributes:
      described: what is searched, in words.
    """

    @property
    def described(self) -> str: ...

    def search(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer to a question, both as the API has them."""
        ...

    def splits(self) -> list[str]:
        """Returns the splits that images of the index belong to."""
        ...

    def picture(self, name: str, side: int) -> bytes | None:
        """Returns the picture of a hit, made small; None where its source is gone."""
        ...


def answer(
    root: Path,
    *,
    text: str | None = None,
    image: Path | None = None,
    minus_text: str | None = None,
    k: int = 12,
    out: Path = Path("query.html"),
    splits: Sequence[str] | None = None,
    duplicates: bool = False,
    model: str | None = None,
    index: Path | None = None,
    server: str | None = None,
    console: Console | None = None,
) -> Path:
    """Search images, print a table, write a page with the pictures.

    Args:
      root: the pipeline's folder, `<output>/<name>`.
      text: what to look for.
      image: file of an image to start from.
      minus_text: what the results should not be.
      k: how many images to find, at most.
      out: the HTML file to write.
      splits: splits to search; None searches all.
      duplicates: whether near duplicates of an image are shown too.
      model: what to search with, as `serving.encoders.opening` reads it; None for the newest pushed one.
      index: the folder of an index; None for the model's own, which is built of the newest run's images where needed.
      server: address of a search server; None for the one that runs for the index, if any.
      console: where to print.

    Returns:
      The path of the file.

    Raises:
      ConfigError: for a question that cannot be answered, with the remedy.
    """
    console = console or Console()
    text, minus_text = (words.strip() or None if words else None for words in (text, minus_text))
    if text is None and image is None and minus_text is None:
        raise ConfigError("the query is empty; give a text, --image FILE, or both")
    if not 1 <= k <= MAX_SHOWN:
        raise ConfigError(f"-k is {k}; it must be from 1 to {MAX_SHOWN}, which one page holds")
    if out.suffix.lower() not in PAGES:
        raise ConfigError(f"--out {out} names no page; give a name that ends in .html")
    terms: list[dict[str, Any]] = []
    if image is not None:
        terms.append({"image": base64.b64encode(read_query_image(image)).decode(), "weight": IMAGE_WEIGHT})
    terms += [
        {"text": words, "weight": TEXT_WEIGHT, "sign": sign} for words, sign in ((text, 1), (minus_text, -1)) if words
    ]
    question = {"terms": terms, "k": k, "group": not duplicates, "where": _where(splits)}
    asked = _answerer(root, model=model, index=index, server=server, console=console)
    _check_splits(asked, splits)
    found = _found(asked, question)
    console.print(results_table(found["hits"]))
    of_splits = f" of {', '.join(splits)}" if splits else ""
    note = f"{len(found['hits'])} of {found['count']:,} images{of_splits}, {asked.described}"
    write_file(out, _page(asked, question, found, image, note), f"--out {out}")
    console.print(f"{note}. Pictures: {out}", soft_wrap=True, highlight=False, markup=False)
    return out


def _answerer(root: Path, *, model: str | None, index: Path | None, server: str | None, console: Console) -> Answerer:
    if server is not None:
        if model is not None or index is not None:
            raise ConfigError("--server has a model and an index of its own; leave --model and --index out")
        with as_config_error():
            return SearchServer(server)
    folder = index
    if index is None and model is None:
        folder = standing_index(root) or newest_made(root)
    if folder is not None and model is None and (running := running_server(folder)):
        return running
    if index is None and (model is not None or standing_index(root) is not None or folder is None):
        folder = index_for(root, model, console)
    assert folder is not None
    console.print(f"Loading the model and {folder}. {_A_SERVER}", style="dim", markup=False, soft_wrap=True)
    with quiet_imports(), without_keras():
        from serving.encoders.encoder import EncodeError
        from tfx_pipeline.commands.search.search import open_searched
        from tfx_pipeline.runs.local_search import LocalSearch

        with as_config_error((EncodeError, OSError, ValueError)):
            searcher, pictures = open_searched(folder, model)
    described = f"model version {searcher.version}" if model is None else f"model {model}"
    return LocalSearch(searcher, pictures, described)


def _where(splits: Sequence[str] | None) -> dict[str, Any] | None:
    return {"field": "split", "op": "in", "value": list(splits)} if splits else None


def _check_splits(asked: Answerer, splits: Sequence[str] | None) -> None:
    if not splits:
        return
    known = asked.splits()
    for split in splits:
        if split not in known:
            raise ConfigError(f"split {split!r} does not exist in this run; its splits are {', '.join(known)}")


def _found(asked: Answerer, question: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(asked, SearchServer):
        return asked.search(question)
    from serving.encoders.encoder import EncodeError
    from serving.search.questions import Unavailable

    with as_config_error((EncodeError, Unavailable, ValueError)):
        return asked.search(question)


def _page(
    asked: Answerer, question: Mapping[str, Any], found: Mapping[str, Any], image: Path | None, note: str
) -> bytes:
    from serving.search.saved_page import saved_page

    terms = [{**term, "name": image.name} if "image" in term and image else term for term in question["terms"]]
    return saved_page({**question, "terms": terms}, found, note, asked.picture).encode(errors="replace")


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


def results_table(hits: Sequence[Mapping[str, Any]]) -> Table:
    """Returns hits as a table; where it is narrow, captions and record names are cut, never the figures."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    table.add_column("cosine", justify="right", no_wrap=True)
    table.add_column("caption")
    table.add_column("split", style="dim", no_wrap=True)
    table.add_column("record", style="dim")
    for rank, hit in enumerate(hits, start=1):
        caption, split, record = (_one_line(words or "") for words in (hit["caption"], hit["split"], _record(hit)))
        table.add_row(str(rank), f"{hit['score']:.3f}", caption, split, record)
    return table


def _record(hit: Mapping[str, Any]) -> str | None:
    """Returns what a hit is called: as ingest called it where that is known, else by its file."""
    if "record" in hit or hit["source"] is None:
        return hit.get("record")
    file = re.split(r"[/\\]", hit["source"])[-1]
    return file if hit["row"] is None else f"{file}#{hit['row']}"


def _one_line(words: str) -> Text:
    """Returns text that rich prints as it stands and cuts where it is too long: a column made so would not shrink."""
    return Text(" ".join(words.split()), no_wrap=True, overflow="ellipsis")

"""The bodies of `align index`: build, add, delete, compact, info."""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tfx_pipeline.quick import without_keras
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.corpus import newest_examples
from tfx_pipeline.runs.folders import INDEXES
from tfx_pipeline.runs.pushed_model import pushed_model
from tfx_pipeline.settings.config import Config, ConfigError, unusable
from tfx_pipeline.wording import counted, duration

if TYPE_CHECKING:
    from tfx_pipeline.indexing.building import Built
    from tfx_pipeline.indexing.embedded import Work
    from tfx_pipeline.indexing.folder import Origin
    from tfx_pipeline.indexing.loading import Loading
    from tfx_pipeline.indexing.sources import Part
    from tfx_pipeline.indexing.vectors import VectorsPart

    Sources = tuple[Sequence[Part | VectorsPart], list[Origin]]
    Act = Callable[[Work, Sequence[Part | VectorsPart], Sequence[Origin]], Built]

SHOWN = 3  # reasons for which records were left out, with an example each


@dataclass(frozen=True)
class Indexing:
    """Where an index lies, and what makes it.

    Attributes:
      root: the pipeline's folder, `<output>/<name>`.
      model: as `serving.encoders.opening` reads it; None for the newest pushed one.
      folder: of the index; None for the model's own below the root.
      beam_args: of the Beam jobs.
    """

    root: Path
    model: str | None = None
    folder: Path | None = None
    beam_args: Sequence[str] = ()


def build_index(
    config: Config,
    words: Sequence[str],
    *,
    ingest: bool,
    model: str | None,
    folder: Path | None,
    loading: Loading | None = None,
    console: Console,
) -> None:
    """Make an index anew: in Milvus where `loading` or the folder says so, else in segments in its folder.

    Args:
      config: whose run, files and Beam runner are meant.
      words: as `parts_named` reads them; without any, and without `ingest`, the newest run's images are read.
      ingest: whether the files that `config.ingest` names are read.
      model, folder: as Indexing has them.
      loading: how it comes into Milvus.
      console: where to print.

    Raises:
      ConfigError: for what cannot be indexed, with the remedy.
    """
    indexing = Indexing(config.root, model, folder, config.beam.pipeline_args())
    _make(_build(loading), indexing, lambda: _sources(config, words, ingest), console)
    named = "" if folder is None else f" --index {folder}"
    said = f"`align search{named}` opens a page that searches them, `align query{named} TEXT` answers here."
    console.print(said, soft_wrap=True, highlight=False, markup=False)


def build_index_of_run(indexing: Indexing, console: Console) -> Path:
    """Make an index of the newest run's images; returns its folder. Raises ConfigError."""
    return _make(_build(None), indexing, lambda: _of_run(indexing.root), console)


def _build(loading: Loading | None) -> Act:
    """Returns what builds in Milvus where `loading` or the folder says so, else in segments."""
    with _imports():
        from tfx_pipeline.indexing.building import build
        from tfx_pipeline.indexing.folder import is_in_milvus
        from tfx_pipeline.indexing.in_milvus import build_in_milvus
        from tfx_pipeline.indexing.loading import Loading

    def act(work: Work, parts: Sequence[Part | VectorsPart], origins: Sequence[Origin]) -> Built:
        if loading or is_in_milvus(work.folder):
            return build_in_milvus(work, parts, origins, loading or Loading())
        return build(work, parts, origins)

    return act


def add_to_index(
    config: Config, words: Sequence[str], *, ingest: bool, model: str | None, folder: Path | None, console: Console
) -> None:
    """Add to an index; the arguments are those of `build_index`, and None for the model is the index's own."""
    with _imports():
        from tfx_pipeline.indexing.building import add
        from tfx_pipeline.indexing.in_milvus import add_to_milvus
    from tfx_pipeline.indexing.folder import Made, is_in_milvus, newest_index

    folder = folder or newest_index(config.root)
    indexing = Indexing(config.root, model or Made.read(folder).model, folder, config.beam.pipeline_args())
    _make(add_to_milvus if is_in_milvus(folder) else add, indexing, lambda: _sources(config, words, ingest), console)


def _make(
    act: Act,
    indexing: Indexing,
    read_sources: Callable[[], Sources],
    console: Console,
) -> Path:
    """Returns the folder of the index."""
    began = time.monotonic()
    with _imports():
        from serving.encoders.opening import open_encoder
        from tfx_pipeline.indexing.embedded import Work
        from tfx_pipeline.indexing.passes.embed_job import pipeline_of
    with _in_one_sentence():
        parts, origins = read_sources()
        model = indexing.model or str(pushed_model(indexing.root)[1].resolve())
        with _imports():
            encoder = open_encoder(model)
        if not encoder.is_lasting and indexing.folder is None:
            raise ConfigError(f"{encoder.name} has no fingerprint, so its vectors are not kept; name a model's folder")
        work = Work(
            folder=indexing.folder or folder_of_model(indexing.root, indexing.model and encoder.fingerprint),
            model=model,
            encoder=encoder,
            make_pipeline=functools.partial(pipeline_of, indexing.beam_args),
            announce=lambda sentence: console.print(sentence, style="dim", markup=False),
        )
        logging.getLogger().addFilter(_says_more_than_beam)
        logging.getLogger("apache_beam.runners.common").addFilter(_is_no_error)
        built = act(work, parts, origins)
    _tell(built, work.folder, time.monotonic() - began, console)
    return work.folder


def folder_of_model(root: Path, fingerprint: str | None) -> Path:
    """Returns the folder of a model's index below a pipeline's root: the newest pushed version's, or a fingerprint's.

    Raises:
      ConfigError: for the newest pushed version, when there is none.
    """
    return root / INDEXES / (fingerprint[:16] if fingerprint else str(pushed_model(root)[0]))


def _sources(config: Config, words: Sequence[str], ingest: bool) -> Sources:
    from tfx_pipeline.indexing.folder import Origin
    from tfx_pipeline.indexing.named import parts_named
    from tfx_pipeline.indexing.sources import changed_fields, parts_of_ingest

    if ingest and words:
        raise ConfigError(f"--ingest and {words[0]} name two sources; build from one, then add the other")
    if words:
        return parts_named(words)
    if not ingest:
        return _of_run(config.root)
    read = dataclasses.replace(
        config.ingest,
        shards=_absolute(config.ingest.shards),
        image_folder=config.ingest.image_folder and _absolute(config.ingest.image_folder),
    )
    return parts_of_ingest(read), [Origin("ingest", read.shards, changed_fields(read))]


def _of_run(root: Path) -> Sources:
    from tfx_pipeline.indexing.folder import Origin, stamp_of
    from tfx_pipeline.indexing.sources import parts_of_examples

    examples = newest_examples(root).resolve()
    return parts_of_examples(str(examples)), [Origin("examples", str(examples), stamp=stamp_of(examples))]


@contextmanager
def _imports() -> Iterator[None]:
    """Load inside of the block what takes seconds, quietly and without what no model needs."""
    with quiet_imports(), without_keras():
        yield


def _absolute(place: str) -> str:
    return place if not place or "://" in place else str(Path(place).resolve())


def _tell(built: Built, folder: Path, seconds: float, console: Console) -> None:
    say = functools.partial(console.print, soft_wrap=True, highlight=False, markup=False)
    for reason, samples in list(built.counts.report_samples().items())[:SHOWN]:
        number = sum(count for key, count in built.counts.dropped.items() if key[-1] == reason)
        say(
            f"skipped {counted(number, 'record')}, {reason}: {samples[0]['record']}: {samples[0]['detail']}",
            style="yellow",
        )
    if built.cut:
        say(f"{counted(built.cut, 'text')} longer than Milvus takes, cut.", style="yellow")
    if built.replaced:
        say(f"{counted(built.replaced, 'image')} gave way to a later one of the same id.", style="dim")
    say(f"The index holds {counted(built.count, 'image')}, after {duration(seconds)}: {folder}")


def _says_more_than_beam(record: logging.LogRecord) -> bool:
    """Leave out what RunInference says of each model where Beam's optional parts are not installed."""
    return not str(record.msg).startswith("Resource module is not available")


def _is_no_error(record: logging.LogRecord) -> bool:
    """Leave out the errors that Beam writes before it raises them."""
    return not isinstance(record.msg, Exception)


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """Raise what a user can mend as a ConfigError; Beam adds to each error in which of its stages it was raised."""
    from serving.encoders.encoder import EncodeError

    try:
        yield
    except OSError as error:
        raise ConfigError(_without_stage(error) if error.errno is None else unusable(error)) from error
    except (ValueError, EncodeError) as error:
        raise ConfigError(_without_stage(error)) from error
    except RuntimeError as error:  # as Beam raises what it cannot make anew, such as a disk that is full
        if not str(error).startswith("OSError: "):
            raise
        raise ConfigError(f"{_without_stage(error).removeprefix('OSError: ')}; what the index held stands") from error


def _without_stage(error: Exception) -> str:
    return re.sub(r" \[while running .*", "", str(error), flags=re.DOTALL).strip()

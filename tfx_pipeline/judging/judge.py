"""Judges a model by a suite: each set is embedded, asked, and written to the results folder before the next one."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSet, DataSetError, TrainedSet
from components.evaluator.metrics.ranking import Ties
from components.evaluator.tasks.judged import Judged
from serving.encoders.encoder import Encoder
from tfx_pipeline.files import write_file
from tfx_pipeline.judging.clip_benchmark_csv import clip_benchmark_csv
from tfx_pipeline.judging.embedding import Embedded, Embeddings, refusals_told
from tfx_pipeline.judging.pictures import write_pictures
from tfx_pipeline.judging.results import CSV_FILE, PICTURES, RESULTS_FILE, Results, Row, write_answers, write_results
from tfx_pipeline.judging.rows import rows_of
from tfx_pipeline.judging.tables import ImageTable, fingerprint, image_tables, texts
from tfx_pipeline.judging.view import PlainView, TerminalView, view
from tfx_pipeline.settings.config import ConfigError

CALIBRATED = ("classes", "trained")  # kinds of sets that a calibration error is told of
BROKEN_NAMED = 20  # images of a row whose names are written down


class SetRefused(ConfigError):
    """A data set that cannot be read or judged by, though others can."""


@dataclass(frozen=True)
class Task:
    """What is judged, by what, and where the results go.

    Attributes:
      encoder: the model.
      spec: as the user named it.
      suite: its name.
      entries: the data sets, in the order in which they are asked.
      data: the folder that holds a folder for each set.
      out: the results folder.
      embeddings: where embeddings are kept.
      temperature: what the model divides similarities by before its softmax; None takes what it says itself, and
        tells no calibration where it says nothing.
      ties: how equal similarities are ranked, as components/evaluator/metrics/ranking.py says.
    """

    encoder: Encoder
    spec: str
    suite: str
    entries: Sequence[Entry]
    data: Path
    out: Path
    embeddings: Path
    temperature: float | None = None
    ties: Ties = "expected"


@dataclass(frozen=True)
class _Read:
    """A data set in memory."""

    entry: Entry
    dataset: DataSet
    tables: list[ImageTable]
    texts: tuple[str, ...]

    @property
    def inputs(self) -> int:
        return sum(len(table.names) for table in self.tables) + len(self.texts)


def judge(task: Task, console: Console) -> Results:
    """Judge a model; results.json and .csv are written anew after each row.

    Raises:
      ConfigError: where nothing can be judged, a set is half there, the model cannot be asked, or the results folder
        cannot be written. A set that is refused while others are judged is noted in the results.
    """
    _check_folder(task.out)
    absent = _absent(task)
    began = time.time()
    results = Results(
        model={"name": task.encoder.name, "spec": task.spec, "fingerprint": _fingerprint(task.encoder)},
        suite={"name": task.suite, "fingerprint": suite_fingerprint(task.entries)},
        began=began,
        seconds=0.0,
        finished=False,
        rows=(),
        absent=absent,
        refused={},
        ties=task.ties,
    )
    _write(task.out, results)
    for name, why in absent.items():
        console.print(f"{name} is left out: {why}", style="dim", markup=False, highlight=False, soft_wrap=True)
    present = [entry for entry in task.entries if entry.name not in absent]
    for part in filter(None, (present[:1], present[1:])):  # the first row is shown before the other sets are read
        read: list[_Read] = []
        refused: dict[str, str] = {}
        with console.status("Reading the data sets"):
            for entry in part:
                with _noted(refused, entry.name):
                    read.append(_read(entry, task.data))
        with view(console, sum(each.inputs for each in read)) as shown:
            embeddings = Embeddings(task.encoder, task.embeddings, shown.done)
            for each in read:
                with _noted(refused, each.entry.name):
                    for row in _rows(task, each, embeddings, shown):
                        results = replace(results, rows=(*results.rows, row), seconds=time.time() - began)
                        _write(task.out, results)
        for why in refused.values():
            console.print(why, style="red", markup=False, highlight=False, soft_wrap=True)
        results = replace(results, refused={**results.refused, **refused})
    if not results.rows:
        raise ConfigError("; ".join(results.refused.values()))
    results = replace(results, finished=True, seconds=time.time() - began)
    _write(task.out, results)
    return results


def suite_fingerprint(entries: Sequence[Entry]) -> str:
    """Returns 16 hex digits that are others for other data sets or another order."""
    told = "\n".join(f"{entry.name}\t{entry.kind}\t{entry.split}" for entry in entries)
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def _rows(task: Task, read: _Read, embeddings: Embeddings, shown: TerminalView | PlainView) -> Iterator[Row]:
    name = read.entry.name
    shown.now(f"{name}: images")
    images = [embeddings.of_images(table.pictures) for table in read.tables]
    shown.now(f"{name}: texts")
    asked = embeddings.of_texts(read.texts)
    shown.now(f"{name}: ranks")
    broken = _broken(read.tables, images)
    skipped = Counter(why.reason for part in images for why in part.skipped.values())
    skipped.update(getattr(read.dataset, "skipped", {}))
    content = fingerprint(read.dataset, [part.digest for part in images])
    started = time.monotonic()
    temperature = task.temperature
    if temperature is None and read.entry.kind in CALIBRATED:
        temperature = embeddings.temperature()
    with _explained(name):
        for judged in rows_of(read.entry, read.dataset, images, asked, temperature=temperature, ties=task.ties):
            notes = (*judged.notes, *_shortfall(read))
            judged = replace(judged, notes=notes, skipped=dict(skipped), seconds=time.monotonic() - started)
            write_answers(task.out, judged)
            row = Row(judged, content, _pictures(task.out, judged, read.tables), broken)
            shown.row(judged)
            yield row
            started = time.monotonic()


def _shortfall(read: _Read) -> list[str]:
    """Returns a sentence where a published set has not as many images to judge by as were published."""
    dataset = read.dataset.test if isinstance(read.dataset, TrainedSet) else read.dataset
    there, published = len(image_tables(dataset)[0].names), read.entry.images
    return [] if published in (None, there) else [f"judged by {there} images where {published} are published"]


def _pictures(out: Path, judged: Judged, tables: Sequence[ImageTable]) -> dict[str, str]:
    shown = [item.image for failure in judged.failures for item in (failure.asked, failure.got, failure.right)]
    return write_pictures(out, PICTURES, [name for name in shown if name], tables)


def _broken(tables: Sequence[ImageTable], images: Sequence[Embedded]) -> dict[str, str]:
    """Returns name -> why, of the first images that could not be embedded."""
    found = [
        (table.names[index], f"{why.reason}: {why.words}")
        for table, part in zip(tables, images, strict=True)
        for index, why in sorted(part.skipped.items())
    ]
    return dict(found[:BROKEN_NAMED])


def _absent(task: Task) -> dict[str, str]:
    """Returns name -> where to get it, of the sets that are not there; refuses a set that is half there."""
    absent = {}
    for entry in task.entries:
        state = entry.state(task.data)
        if state == "absent":
            absent[entry.name] = f"it is not in {entry.base or task.data}: {entry.where}"
        elif state != "there":
            raise ConfigError(f"the data set {entry.name} is {state}: {entry.where}")
    if len(absent) == len(task.entries):
        name, why = next(iter(absent.items()))
        raise ConfigError(f"no data set of the suite {task.suite} is there; of {name}, {why}")
    return absent


def _read(entry: Entry, data: Path) -> _Read:
    with _explained(entry.name):
        dataset = entry.load(data)
        return _Read(entry, dataset, image_tables(dataset), texts(dataset))


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Raise what a set or a metric refuses as a ConfigError that names the set."""
    try:
        yield
    except ConfigError:
        raise
    except (DataSetError, ValueError) as error:
        said = str(error)
        raise SetRefused(said if name in said else f"{name}: {said}") from error


@contextlib.contextmanager
def _noted(refused: dict[str, str], name: str) -> Iterator[None]:
    """Note why a set is refused, and go on with the next one."""
    try:
        yield
    except SetRefused as error:
        refused[name] = str(error)


def _fingerprint(encoder: Encoder) -> str:
    with refusals_told():
        return encoder.fingerprint


def _check_folder(out: Path) -> None:
    """Refuse a folder that holds what is no result."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; name a folder")
    try:
        others = out.is_dir() and any(out.iterdir()) and not (out / RESULTS_FILE).is_file()
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be read ({error.strerror}); name another folder") from error
    if others:
        raise ConfigError(
            f"--out {out} holds files but no {RESULTS_FILE}; name a new folder, or one of earlier results"
        )


def _write(out: Path, results: Results) -> None:
    write_results(out, results)
    write_file(out / CSV_FILE, clip_benchmark_csv(results).encode("utf-8", "replace"), str(out / CSV_FILE))

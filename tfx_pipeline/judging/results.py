"""The folder that judging writes: results.json and .csv, the values of all queries, pictures of failures.

    results.json        model, suite, what was absent, a row for each thing judged (evaluator/tasks/judged.py)
    results.csv         the same rows in CLIP_benchmark's columns
    per_query/ROW.npz   way/NAME: one value a query; way/keys, clusters, asked, got, right, margin; ROW.items.json
    pictures/           the failures' images, small
    report.html         all of it for people

Each file is written aside and then renamed. results.json comes last and is written anew after each row.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Ties
from components.evaluator.tasks.judged import Answers, Item, Judged, from_mapping, to_mapping
from tfx_pipeline.files import write_file
from tfx_pipeline.settings.config import ConfigError

RESULTS_FILE = "results.json"
CSV_FILE = "results.csv"
PER_QUERY = "per_query"
PICTURES = "pictures"
FORM = 1  # of results.json
_COLUMNS = ("keys", "clusters", "asked", "got", "right", "margin")


@dataclass(frozen=True)
class Row:
    """A thing that was judged, with what the folder holds of it.

    Attributes:
      judged: its numbers; without answers where it was read from JSON.
      data_fingerprint: of the images, texts and classes that it was judged by.
      pictures: image id -> file below the folder.
      broken: image id -> why it could not be judged, the first few.
    """

    judged: Judged
    data_fingerprint: str
    pictures: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What its files are called."""
        return row_name(self.judged)


@dataclass(frozen=True)
class Results:
    """All of a results folder but the values of queries.

    Attributes:
      model: "name", "spec" as it was given, "fingerprint".
      suite: "name" and "fingerprint" of what it asks.
      began: Unix time.
      seconds: from then to the newest row.
      finished: whether all of the suite was judged.
      rows: in the suite's order.
      absent: data set -> where to get it and where to put it.
      refused: data set -> why it could not be read or judged by.
      ties: how equal similarities were ranked.
    """

    model: Mapping[str, str]
    suite: Mapping[str, str]
    began: float
    seconds: float
    finished: bool
    rows: tuple[Row, ...]
    absent: Mapping[str, str]
    refused: Mapping[str, str] = field(default_factory=dict)
    ties: Ties = "expected"


def row_name(judged: Judged) -> str:
    """Returns what the files of a row are called: data set, task and language where there is one; no two alike."""
    parts = (judged.dataset, judged.task, judged.language or "")
    return ".".join(_file_part(part) for part in parts if part)


def _file_part(name: str) -> str:
    """Returns a name with "_" for what no file should be called, and then with a digest: "a.b" is not "a_b"."""
    plain = re.sub(r"[^\w-]+", "_", name)
    return plain if plain == name else f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def write_results(out: Path, results: Results) -> None:
    """Write results.json; raises ConfigError where it cannot be written."""
    form = {
        "form": FORM,
        "model": dict(results.model),
        "suite": dict(results.suite),
        "ties": results.ties,
        "began": results.began,
        "seconds": round(results.seconds, 3),
        "finished": results.finished,
        "absent": [{"dataset": name, "why": why} for name, why in results.absent.items()],
        "refused": [{"dataset": name, "why": why} for name, why in results.refused.items()],
        "rows": [
            {
                **to_mapping(row.judged),
                "data_fingerprint": row.data_fingerprint,
                "per_query": f"{PER_QUERY}/{row.name}.npz",
                "pictures": dict(row.pictures),
                "broken": dict(row.broken),
            }
            for row in results.rows
        ],
    }
    content = json.dumps(form, ensure_ascii=False, indent=1, allow_nan=False)
    write_file(out / RESULTS_FILE, content.encode("utf-8", "replace"), f"{out / RESULTS_FILE}")


def read_results(out: Path) -> Results:
    """Read results.json.

    Raises:
      ConfigError: where there is none, or it is of no form that is known here.
    """
    path = out / RESULTS_FILE
    try:
        form = json.loads(path.read_text(encoding="utf-8"))
        if form["form"] != FORM:
            raise ConfigError(
                f"{path} has the form {form['form']}, and this version reads {FORM}; judge the model again"
            )
        return Results(
            model=form["model"],
            suite=form["suite"],
            began=form["began"],
            seconds=form["seconds"],
            finished=form["finished"],
            rows=tuple(
                Row(from_mapping(row), row["data_fingerprint"], row["pictures"], row["broken"]) for row in form["rows"]
            ),
            absent={entry["dataset"]: entry["why"] for entry in form["absent"]},
            refused={entry["dataset"]: entry["why"] for entry in form["refused"]},
            ties=form.get("ties", "expected"),
        )
    except OSError as error:
        raise ConfigError(
            f"{out} holds no {RESULTS_FILE} ({error.strerror}); name a folder that `align eval --out` wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} is damaged ({type(error).__name__}: {error}); judge the model again") from error


def write_answers(out: Path, judged: Judged) -> None:
    """Write the values and answers of all queries of one row; raises ConfigError where they cannot be written."""
    arrays: dict[str, NDArray[Any]] = {}
    for way, told in judged.answers.items():
        arrays |= {f"{way}/{column}": np.asarray(getattr(told, column)) for column in _COLUMNS}
        arrays[f"{way}/decides"] = np.array(told.decides)
        arrays |= {f"{way}/value/{name}": values for name, values in judged.per_query[way].items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    path = _values_file(out, judged)
    write_file(path, buffer.getvalue(), str(path))
    items = json.dumps([[item.text, item.image] for item in judged.items], ensure_ascii=False)
    path = _items_file(out, judged)
    write_file(path, items.encode("utf-8", "replace"), str(path))


def read_answers(out: Path, judged: Judged) -> Judged:
    """Returns a row that was read from JSON with its values and answers.

    Raises:
      ConfigError: where they are missing or damaged.
    """
    path = _values_file(out, judged)
    answers: dict[str, Answers] = {}
    per_query: dict[str, dict[str, NDArray[np.float64]]] = {}
    try:
        items = json.loads(_items_file(out, judged).read_text(encoding="utf-8"))
        with np.load(path, allow_pickle=False) as arrays:
            for way in dict.fromkeys(name.partition("/")[0] for name in arrays.files):
                columns = {column: arrays[f"{way}/{column}"] for column in _COLUMNS}
                columns["keys"] = tuple(columns["keys"].tolist())
                answers[way] = Answers(decides=str(arrays[f"{way}/decides"]), **columns)
                start = f"{way}/value/"
                per_query[way] = {
                    name.removeprefix(start): arrays[name] for name in arrays.files if name.startswith(start)
                }
    except Exception as error:  # a damaged archive makes zipfile, zlib and NumPy raise nearly anything
        raise ConfigError(f"{path} cannot be read ({type(error).__name__}: {error}); judge the model again") from error
    return dataclasses.replace(
        judged, items=tuple(Item(text, image) for text, image in items), answers=answers, per_query=per_query
    )


def _values_file(out: Path, judged: Judged) -> Path:
    return out / PER_QUERY / f"{row_name(judged)}.npz"


def _items_file(out: Path, judged: Judged) -> Path:
    return out / PER_QUERY / f"{row_name(judged)}.items.json"

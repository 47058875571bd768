"""The body of `align transfer`: teaches a model folder's image tower data sets by a recipe, and writes the results."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from components.closest_name import did_you_mean
from components.config_fields import build_fields
from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ClassSet, DataSetError, PictureMissing, TrainedSet
from components.evaluator.datasets.published.vtab import TASKS
from components.evaluator.datasets.registry import find
from components.evaluator.tasks.judged import Judged
from components.evaluator.tasks.transferred import judge_transfer, judge_vtab
from serving.pictures import PictureError, View
from tfx_pipeline.files import write_file
from tfx_pipeline.judging.clip_benchmark_csv import clip_benchmark_csv
from tfx_pipeline.judging.pictures import write_pictures
from tfx_pipeline.judging.report.page import write_report
from tfx_pipeline.judging.results import CSV_FILE, PICTURES, Results, Row, write_answers, write_results
from tfx_pipeline.judging.suites import suite_entries
from tfx_pipeline.judging.tables import ImageTable
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error, at_home
from tfx_pipeline.settings.yaml_text import read_yaml

if TYPE_CHECKING:
    from models.transfer.choice import Recipe
    from models.transfer.tasks import Outcome, Task

WORK = "work"  # what is finished of it, beneath the results folder
VTAB_PREFIX = "vtab/"


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
      model: a model folder.
      recipe: its name.
      overrides: the recipe's fields -> values as YAML text.
      datasets: of the registry; none of them and no suite takes the tasks of VTAB that are there, of the recipe vtab.
      suite: whose sets with training images are learnt, by name or path; None for none.
      data: the folder that holds a folder for each set.
      out: where results go; the same one goes on after a kill.
    """

    model: Path
    recipe: str
    overrides: Mapping[str, str]
    datasets: tuple[str, ...]
    suite: str | None
    data: Path
    out: Path


def teach(request: Request, console: Console) -> Results:
    """Teach the image tower of a model folder each data set, and write what it then gets right.

    Raises:
      ConfigError: where anything is refused, in one sentence.
    """
    recipe = read_recipe(request.recipe, request.overrides)
    with as_config_error((OSError, DataSetError)):
        entries = chosen_sets(request)
    with quiet_imports():
        from models.transfer.transfer import load_tower, transfer

    def tell(line: str) -> None:
        console.print(line, soft_wrap=True, highlight=False, markup=False)

    began = time.time()
    asked = " ".join([request.recipe, *(f"{name}={value}" for name, value in request.overrides.items())])
    with as_config_error((OSError, ValueError)):
        tower = load_tower(str(request.model))
    facts = {"name": request.model.name, "spec": str(request.model), "fingerprint": tower.fingerprint}
    results = Results(facts, {"name": asked, "fingerprint": ""}, began, 0.0, False, (), {})
    shares: dict[str, list[float]] = {}
    for entry in entries:
        started = time.monotonic()
        with as_config_error((OSError, ValueError, ArithmeticError)):
            found = entry.load(request.data)
            if not isinstance(found, TrainedSet):
                raise DataSetError(f"{entry.name} has no images to learn from; take a set that has")
            task = _task(entry.name, found)
            outcome = transfer(tower, recipe, task, request.out / WORK, tell)
        judged = _judged(entry.name, found, outcome, time.monotonic() - started)
        tell(_line(judged))
        if entry.name.startswith(VTAB_PREFIX):
            shares[entry.name.removeprefix(VTAB_PREFIX)] = outcome.right(1).mean(axis=1).tolist()
        failed = [failure.asked.image for failure in judged.failures]
        table = ImageTable(found.test.image_ids, found.test.images)
        pictures = write_pictures(request.out, PICTURES, failed, [table])
        results = _with_row(results, Row(judged, outcome.fingerprint, pictures))
        _write(request.out, results)
    if shares:
        judged = judge_vtab(_groups(), shares, [])
        tell(_line(judged))
        results = _with_row(results, Row(judged, ""))
    results = dataclasses.replace(results, finished=True)
    _write(request.out, results)
    tell(f"Report: {write_report(request.out)}")
    return results


def _judged(name: str, found: TrainedSet, outcome: Outcome, seconds: float) -> Judged:
    """Returns the numbers of a data set that was learnt."""
    test, notes = found.test, list(outcome.notices)
    if outcome.trial is not None:
        number, trial, share = outcome.trial
        settings = ", ".join(f"{field} {value}" for field, value in dataclasses.asdict(trial).items())
        notes.append(f"trial {number + 1} was picked ({settings}): {share:.1%} of the validation images")
    parts = {"train": found.train, "test": test, "validation": found.validation}
    passed_over = {
        f"{part}: {reason}": count
        for part, images in parts.items()
        for reason, count in (images.skipped if images else {}).items()
    }
    judged = dataclasses.replace(
        test,
        image_ids=tuple(test.image_ids[row] for row in outcome.rows),
        images=tuple(test.images[row] for row in outcome.rows),
        labels=outcome.labels,
    )
    return judge_transfer(
        name, judged, outcome.ranked, skipped={**passed_over, **outcome.skipped}, notes=notes, seconds=seconds
    )


def read_recipe(name: str, overrides: Mapping[str, str]) -> Recipe:
    """Returns a recipe with some fields set; raises ConfigError where there is no such one, or no such field."""
    from models.transfer.choice import RECIPES

    if name not in RECIPES:
        raise ConfigError(f"--recipe {name!r} is none of {', '.join(RECIPES)}{did_you_mean(name, RECIPES)}")
    values: dict[str, Any] = {}
    with as_config_error():
        for dotted, text in overrides.items():
            *sections, last = dotted.split(".")
            section = functools.reduce(lambda found, key: found.setdefault(key, {}), sections, values)
            section[last] = read_yaml(text, f"--set {dotted}={text}", "the value")
        return build_fields(RECIPES[name], values)


def chosen_sets(request: Request) -> list[Entry]:
    """Returns the data sets to learn, all of which are there.

    Raises:
      DataSetError: where a name is no set's, a set has nothing to learn from or is not there, or none is asked for.
    """
    if request.suite is not None:
        suite = suite_entries(at_home(request.suite, "--suite"))
        entries = [entry for entry in suite if entry.kind == "trained"]
        if not entries:
            raise DataSetError(
                f"no set of the suite {request.suite} has images to learn from; give its folders `train`"
            )
    elif request.datasets:
        entries = [find(name) for name in request.datasets]
    elif request.recipe == "vtab":
        tasks = [find(f"{VTAB_PREFIX}{task.name}") for task in TASKS]
        entries = [entry for entry in tasks if entry.state(request.data) != "absent"]
        if not entries:
            raise DataSetError(f"none of VTAB's {len(tasks)} tasks is in {request.data}: {tasks[0].where}")
    else:
        raise DataSetError(f"--recipe {request.recipe} needs a data set to learn; name one by --dataset, such as pets")
    for entry in entries:
        state = entry.state(request.data)
        if entry.kind != "trained":
            raise DataSetError(f"the data set {entry.name} has no images to learn from ({entry.about}); take another")
        if state != "there":
            raise DataSetError(f"the data set {entry.name} is {state}: {entry.where}")
    return entries


def _task(name: str, found: TrainedSet) -> Task:
    """Returns a data set as what models.transfer learns; its pictures may be of any format that is shown."""
    from models.transfer.pictures import Images
    from models.transfer.tasks import Task

    def images(part: ClassSet) -> Images:
        return Images([functools.partial(_shown, picture) for picture in part.images], part.labels)

    return Task(
        name,
        classes=len(found.train.classes),
        train=images(found.train),
        test=images(found.test),
        validation=None if found.validation is None else images(found.validation),
    )


def _shown(picture: Callable[[], bytes]) -> bytes:
    """Returns a picture in normal form; raises PictureMissing where it cannot be read or shown."""
    try:
        return View(picture()).settled().encoded
    except PictureError as error:
        raise PictureMissing(str(error)) from error


def _groups() -> dict[str, list[str]]:
    """Returns VTAB's groups -> their tasks."""
    groups: dict[str, list[str]] = {}
    for task in TASKS:
        groups.setdefault(task.group, []).append(task.name)
    return groups


def _with_row(results: Results, row: Row) -> Results:
    return dataclasses.replace(results, rows=(*results.rows, row), seconds=time.time() - results.began)


def _write(out: Path, results: Results) -> None:
    write_answers(out, results.rows[-1].judged)
    write_file(out / CSV_FILE, clip_benchmark_csv(results).encode(), str(out / CSV_FILE))
    write_results(out, results)


def _line(judged: Judged) -> str:
    """Returns the headline of a data set."""
    told = []
    for name, words in (("top_1", "top-1"), ("mean_per_class", "mean per class")):
        if name in judged.numbers:
            apart = judged.numbers.get(f"{name}_deviation")
            told.append(f"{words} {judged.numbers[name].value:.1%}" + (f" ± {apart.value:.1%}" if apart else ""))
    return f"{judged.dataset}: {', '.join(told)}"

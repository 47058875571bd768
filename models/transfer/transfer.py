"""Teaches an image tower a task by a recipe: a sweep where the recipe has one, then its runs; and goes on after a kill.

Each trial and each run leaves a file when it is over, written aside and renamed. What is there is not done again.

```
<work>/<task>-<identity>/trial-000.json   {"trial": settings, "right": share of the validation images}
                         run-0.json       {"ranked": classes of each test image, "loss": of the last step}
                         trial-007-run-0.json   the same by the settings of a sweep's trial
```
The identity is that of all that a result follows from: weights, recipe and images. Other trials or runs more of the
same recipe belong to the same: where one trial more is the better one, the runs of the former are not taken for its.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.saving.model_folder import read_model_folder
from models.saving.whole import write_whole
from models.sizes import STAGES
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from models.transfer.choice import Recipe
from models.transfer.classifier import Classifier, Diverged, Tower
from models.transfer.pictures import Images, judged_batches, training_batches
from models.transfer.recipes import Phase
from models.transfer.tasks import Outcome, Task
from models.transfer.vtab import Trial, Vtab

JUDGED_BATCH = 64  # images that go through the tower at a time where nothing is learnt
TOLD_EVERY_S = 30.0  # between two lines on how far a training is
_NOT_OF_THE_RESULT = ("trials", "runs")

Tell = Callable[[str], None]


def load_tower(folder: str) -> Tower:
    """Read the image tower of a model folder.

    Raises:
      ValueError: where it is no model folder; a SavedModel is none, since its graph cannot be trained.
    """
    found = read_model_folder(folder)
    encoder = build_dual_encoder(found.model, TrainingConfig(), found.pieces)
    found.load_into(encoder)
    least_px = found.model.image_stem_stride * math.prod(stage.stride for stage in STAGES)
    return Tower(encoder.image_tower, found.weights.sha256, least_px)


def transfer(tower: Tower, recipe: Recipe, task: Task, work: Path, tell: Tell) -> Outcome:
    """Teach a tower a task and judge it on the task's test images.

    Args:
      tower: of `load_tower`.
      recipe: how.
      task: what.
      work: folder for what is finished; the same one goes on after a kill.
      tell: is called with a line on how far it is.

    Returns:
      What it answers, run by run.

    Raises:
      ValueError: where the task has nothing to learn or to judge by, or a sweep nothing to pick by.
      Diverged: where the loss of a run, or of all trials, is no number.
    """
    if isinstance(recipe, Vtab):
        task.to_pick_by()
    _check_sides(tower.least_px, recipe)
    task, rows, skipped = task.checked()
    name = re.sub(r"[^\w-]+", "-", task.name)
    folder = work / f"{name}-{_identity(tower.fingerprint, recipe, task)}"
    folder.mkdir(parents=True, exist_ok=True)
    classifier = tower.classifier(task.classes, recipe.momentum, recipe.micro_batch)
    teacher = _Teacher(classifier, recipe, task, folder, tell)
    batch = max(recipe.batches) if isinstance(recipe, Vtab) else recipe.batch
    notices = tuple(task.notices(batch))
    for notice in notices:
        tell(notice)
    training = task.train + task.validation if task.validation else task.train
    if isinstance(recipe, Vtab):
        picked = teacher.sweep(recipe)
        phases, by = recipe.phases(len(training), picked[1]), f"trial-{picked[0]:03d}-"
    else:
        picked = None
        phases, by = recipe.phases(len(training)), ""
    ranked = tuple(teacher.run(number, phases, training, by) for number in range(recipe.runs))
    return Outcome(rows, task.test.labels, task.fingerprint, ranked, skipped, notices, picked)


class _Teacher:
    """Does, or finds done, the trials and runs of one task."""

    def __init__(self, classifier: Classifier, recipe: Recipe, task: Task, folder: Path, tell: Tell) -> None:
        self._classifier, self._recipe, self._task = classifier, recipe, task
        self._folder, self._tell = folder, tell

    def sweep(self, recipe: Vtab) -> tuple[int, Trial, float]:
        """Returns the trial that names most validation images right, of equals the first; and their share."""
        found: list[float | None] = []
        began, done = time.monotonic(), 0
        for number in range(recipe.trials):
            path = self._folder / f"trial-{number:03d}.json"
            trial = recipe.trial(number)
            if not path.exists():
                phases = recipe.phases(len(self._task.train), trial)
                _write(path, {"trial": asdict(trial), "right": self._try(phases, number)})
                done += 1
            found.append(_read(path)["right"])
            if done:
                left_s = (time.monotonic() - began) / done * (recipe.trials - number - 1)
                best = max((right for right in found if right is not None), default=math.nan)
                self._tell(
                    f"{self._task.name}: trial {number + 1} of {recipe.trials}, best {best:.1%} of the validation "
                    f"images, {_span(left_s)} left"
                )
        shares = [-1.0 if right is None else right for right in found]
        best_number = int(np.argmax(shares))
        if shares[best_number] < 0:
            raise Diverged(
                f"{self._task.name}: in all {recipe.trials} trials the loss became no number; lower "
                "greatest_learning_rate"
            )
        return best_number, recipe.trial(best_number), shares[best_number]

    def _try(self, phases: Sequence[Phase], number: int) -> float | None:
        """Returns the share of the validation images named right; None where it diverged."""
        validation = self._task.to_pick_by()
        try:
            self._learn(f"trial {number + 1}", phases, self._task.train, self._recipe.seed)
            ranked = self._rank(validation)
        except Diverged:
            return None
        return float(np.mean(ranked[:, 0] == validation.labels))

    def run(self, number: int, phases: Sequence[Phase], training: Images, by: str) -> NDArray[np.int64]:
        """Returns the ranked classes of the test images after training `number`, from 0; `by` leads its file's name."""
        path = self._folder / f"{by}run-{number}.json"
        if not path.exists():
            loss = self._learn(f"run {number + 1} of {self._recipe.runs}", phases, training, self._recipe.seed + number)
            _write(path, {"ranked": self._rank(self._task.test).tolist(), "loss": loss})
            self._tell(f"{self._task.name}: run {number + 1} of {self._recipe.runs} is over")
        return np.array(_read(path)["ranked"], np.int64)

    def _learn(self, what: str, phases: Sequence[Phase], training: Images, seed: int) -> float:
        """Train from the start; returns the last loss.

        Raises:
          Diverged: where the loss is no number.
        """
        self._classifier.begin(seed)
        loss, told = math.nan, time.monotonic()
        for index, phase in enumerate(phases):
            self._classifier.forget()
            began = time.monotonic()
            for step, (images, labels) in enumerate(training_batches(training, phase, (seed, index))):
                loss = self._classifier.step(images, labels, phase, step)
                if not math.isfinite(loss):
                    raise Diverged(
                        f"{self._task.name}: the loss of {what} is {loss} at step {step + 1} of {phase.steps}; lower "
                        "the recipe's learning rate"
                    )
                if time.monotonic() - told > TOLD_EVERY_S:
                    told = time.monotonic()
                    left = _span((told - began) / (step + 1) * (phase.steps - step - 1))
                    self._tell(
                        f"{self._task.name}: {what}, phase {index + 1} of {len(phases)}, step {step + 1} of "
                        f"{phase.steps}, loss {loss:.3f}, {left} left of the phase"
                    )
        return loss

    def _rank(self, images: Images) -> NDArray[np.int64]:
        batches = judged_batches(images, self._recipe.judged_px, self._recipe.judged_share, JUDGED_BATCH)
        return np.concatenate([self._classifier.rank(batch) for batch in batches])


def _check_sides(least: int, recipe: Recipe) -> None:
    """Raise ValueError where images would vanish on their way through the tower."""
    settings = asdict(recipe)
    for before, fields in (("", settings), ("head.", settings.get("head", {}))):
        for name, px in fields.items():
            if name.endswith("px") and px < least:
                raise ValueError(
                    f"{before}{name} is {px}, but this tower divides the side by {least}, which leaves nothing of it; "
                    f"set it to {least} or more"
                )


def _identity(fingerprint: str, recipe: Recipe, task: Task) -> str:
    """Returns a name for all that a result follows from."""
    settings = {name: value for name, value in asdict(recipe).items() if name not in _NOT_OF_THE_RESULT}
    parts = {
        field.name: [len(images), hashlib.sha256(images.labels.tobytes()).hexdigest()]
        for field in dataclasses.fields(task)
        if isinstance(images := getattr(task, field.name), Images)
    }
    about = [fingerprint, type(recipe).__name__, settings, task.name, task.classes, task.fingerprint, parts]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(str(path), json.dumps(content))


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it, and what it held is done again") from error


def _span(seconds: float) -> str:
    """Returns a length of time in words."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

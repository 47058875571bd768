"""Keeps beside a run what its report shows and only TensorFlow can find out, so that the page is made of small files.

```
<run_dir>/
  evaluation.json   {"metrics": {split: {metric: value}}, "baseline": the same, "refusals": [sentence], "blessed": bool,
                     "slices": {split: {kind: {slice: {metric: value}}}}}
  answers.json      {"asked": what they follow from, "answers": [SplitAnswers, thumbnails in base64]}
```
Where one could not be found out it holds {"why": cause}. The same model and Examples are asked once: later runs copy.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.component_ids import EVALUATOR, PAIR_FILTER
from components.evaluator.config import EvaluationConfig
from components.evaluator.metrics.classes.prompts import class_texts
from tfx_pipeline.files import write_file
from tfx_pipeline.report.example_answers import Answer, ExampleAnswers, Question, SplitAnswers, find_answers
from tfx_pipeline.runs.run_record import RunRecord

EVALUATION_FILE = "evaluation.json"
ANSWERS_FILE = "answers.json"
SERVING_MODEL_DIR = "Format-Serving"  # where TFX's Trainer keeps the SavedModel inside its output "model"


def keep_findings(record: RunRecord, config: EvaluationConfig) -> None:
    """Write the files of a run that has ended, each where the run came so far.

    Args:
      record: of the run.
      config: by which it was judged.
    """
    evaluation, blessing = (record.output(EVALUATOR, key) for key in ("evaluation", "blessing"))
    if evaluation is not None:
        _keep(record.run_dir / EVALUATION_FILE, lambda: _read_evaluation(evaluation, blessing))
    model, examples = record.model, record.output(PAIR_FILTER, "examples")
    if model is not None and examples is not None:
        _keep(record.run_dir / ANSWERS_FILE, lambda: _known_answers(record, model, examples, config))


def kept_evaluation(record: RunRecord) -> Mapping[str, Any]:
    """Returns what EVALUATION_FILE of a run holds, {} where it did not come so far."""
    path = record.run_dir / EVALUATION_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def read_answers(content: Mapping[str, Any]) -> ExampleAnswers:
    """Returns the answers that a file ANSWERS_FILE holds."""
    splits: list[dict[str, Any]] = [
        {name: tuple(map(_question, of)) if isinstance(of, list) else of for name, of in split.items()}
        for split in content["answers"]
    ]
    return tuple(SplitAnswers(**split) for split in splits)


def _question(content: Mapping[str, Any]) -> Question:
    answers = tuple(Answer(**{**answer, "thumbnail": _bytes(answer["thumbnail"])}) for answer in content["answers"])
    changed = {"answers": answers, "asked_as": tuple(content["asked_as"]), "thumbnail": _bytes(content["thumbnail"])}
    return Question(**{**content, **changed})


def _bytes(encoded: str | None) -> bytes | None:
    return None if encoded is None else base64.b64decode(encoded)


def _keep(path: Path, find: Callable[[], Mapping[str, Any]]) -> None:
    try:
        found = find()
    except Exception as error:  # whatever a damaged artifact makes its reader raise: the page says so and goes on
        found = {"why": " ".join(str(error).split()) or type(error).__name__}
    content = json.dumps(found, ensure_ascii=False, default=lambda raw: base64.b64encode(raw).decode())
    write_file(path, content.encode(), str(path))


def _read_evaluation(folder: Path, blessing: Path | None) -> dict[str, Any]:
    from components.evaluator.stored import results  # imports TFMA

    return {
        "metrics": results.load_metrics(str(folder)),
        "baseline": results.load_baseline_metrics(str(folder)),
        "slices": results.load_slices(str(folder)),
        "refusals": results.load_validation(str(folder)),
        "blessed": blessing is not None and results.is_blessed(str(blessing)),
    }


def _known_answers(record: RunRecord, model: Path, examples: Path, config: EvaluationConfig) -> Mapping[str, Any]:
    names = {label: list(of) for label, of in config.class_names.items()}
    asked = {
        "files": _fingerprint(model, examples),
        "splits": list(config.splits),
        "prompts": list(config.prompts),
        "class_names": names,
    }
    for path in sorted(record.run_dir.parent.glob(f"*/{ANSWERS_FILE}"), reverse=True):
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue  # damaged: no reason not to ask
        if known.get("asked") == asked:
            return known

    from serving.encoders.saved_model import SavedModelEncoder

    texts_of = functools.partial(class_texts, prompts=config.prompts, class_names=config.class_names)
    found = find_answers(SavedModelEncoder(model / SERVING_MODEL_DIR), examples, config.splits, texts_of)
    return {"asked": asked, "answers": [dataclasses.asdict(split) for split in found]}


def _fingerprint(*folders: Path) -> str:
    """Returns a hash of path, size and time of all files in folders: their names alone may come again.

    Raises:
      FileNotFoundError: a folder is gone.
    """
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not there any more")
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    described = ((str(path), path.stat()) for path in files)
    lines = "".join(f"{path} {stat.st_size} {stat.st_mtime_ns}\n" for path, stat in described)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()

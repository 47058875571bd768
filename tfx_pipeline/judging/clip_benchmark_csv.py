"""Results as CLIP_benchmark's `build` writes them: its columns, its names of metrics and tasks, a line a row.

Numbers that it has no name for keep ours, in columns of their own behind.
"""

from __future__ import annotations

import csv
import io
import math

from tfx_pipeline.judging.results import Results

_TASKS = {
    "retrieval": "zeroshot_retrieval",
    "zero_shot": "zeroshot_classification",
    "probe": "linear_probe",
    "choice": "image_caption_selection",
}
_METRICS = {  # ours -> theirs
    "retrieval": {
        **{f"t2i_recall_at_{k}": f"image_retrieval_recall@{k}" for k in (1, 5, 10)},
        **{f"i2t_recall_at_{k}": f"text_retrieval_recall@{k}" for k in (1, 5, 10)},
    },
    "zero_shot": {"top_1": "acc1", "top_5": "acc5", "mean_per_class": "mean_per_class_recall"},
    "probe": {"probe_top_1": "lp_acc1", "probe_mean_per_class": "lp_mean_per_class_recall"},
    "choice": {"text_score": "text_acc", "image_score": "image_acc", "group_score": "acc"},
}
_FACTS = ("dataset", "model", "pretrained", "task", "language", "model_fullname")


def clip_benchmark_csv(results: Results) -> str:
    """Returns the lines, a header first; a share is from 0 to 1, and a number that does not exist is empty."""
    model, pretrained = results.model["name"], results.model["fingerprint"][:12]
    lines = []
    for row in results.rows:
        judged = row.judged
        names = _METRICS.get(judged.task, {})
        numbers = {names.get(name, name): number.value for name, number in judged.numbers.items()}
        if judged.task == "choice" and "acc" not in numbers:  # one image an item: both scores are one
            numbers["acc"] = numbers["text_acc"]
        facts = (judged.dataset, model, pretrained, _TASKS.get(judged.task, judged.task), judged.language or "")
        lines.append(
            {name: "" if math.isnan(value) else repr(value) for name, value in numbers.items()}
            | dict(zip(_FACTS, (*facts, f"{model} {pretrained}"), strict=True))
        )
    theirs = [name for names in _METRICS.values() for name in names.values()]
    ours = [name for line in lines for name in line if name not in (*theirs, *_FACTS)]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*theirs, *_FACTS, *dict.fromkeys(ours)], restval="")
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue()

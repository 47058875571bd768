"""What of a file is the same wherever a pipeline ran, and why the rest of it is not.

A file that no rule here names is the same byte by byte. Weights, Examples, statistics and vocabulary are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_model_analysis.proto import metrics_for_slice_pb2, validation_result_pb2

MEASURED = ("seconds", "seconds_left", "pairs_per_s", "input_wait")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def graph(path: Path) -> list[str]:
    """TensorFlow numbers functions and variables through a process, and a local run has made others before."""
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    return sorted(re.sub(r"\d{4,}", "N", line) for line in str(model).splitlines())


def records(path: Path) -> list[bytes]:
    """Beam writes the slices in no order."""
    return sorted(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


def metrics(path: Path) -> list[tuple[str, str, float]]:
    """Beam makes the Evaluator's batches as large as it finds time for: sums in floats go by that, and so near ties."""
    rows = [metrics_for_slice_pb2.MetricsForSlice.FromString(record) for record in records(path)]
    return [
        (str(row.slice_key), one.key.name, round(one.value.double_value.value, 1))
        for row in rows
        for one in row.metric_keys_and_values
    ]


def validations(path: Path) -> list[str]:
    """Beam counts the slices in no order."""
    (record,) = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return sorted(str(validation_result_pb2.ValidationResult.FromString(record)).splitlines())


def evaluation_config(path: Path) -> str:
    """It holds where the models lie."""
    content = json.loads(path.read_text("utf-8"))
    return json.dumps({key: value for key, value in content.items() if key != "modelLocations"}, sort_keys=True)


def history(path: Path) -> list[dict]:
    """It holds what steps took."""
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [{key: value for key, value in row.items() if key not in MEASURED} for row in rows]


def verdict(path: Path) -> tuple[bool, list[str]]:
    """It holds what loading and requests took."""
    content = json.loads(path.read_text("utf-8"))
    return content["blessed"], content["reasons"]


def nothing(path: Path) -> None:
    """It follows from other files, or is made of times."""
    del path


RULES: dict[str, Callable[[Path], object]] = {
    r"(Trainer/model/Format-Serving|Pusher/pushed_model)/saved_model\.pb": graph,
    r"(Trainer/model/Format-Serving|Pusher/pushed_model)/fingerprint\.pb": nothing,  # of the graph's bytes
    r"Evaluator/evaluation/(attributions|plots)-00000-of-00001\.tfrecord": records,
    r"Evaluator/evaluation/metrics-00000-of-00001\.tfrecord": metrics,
    r"Evaluator/evaluation/validations\.tfrecord": validations,
    r"Evaluator/evaluation/eval_config\.json": evaluation_config,
    r"Evaluator/evaluation/numbers\.json": nothing,  # of the metrics
    r"ServingValidator/blessing/serving_validation\.json": verdict,
    r"Pusher/pushed_model/model_card\.(json|md)": nothing,  # numbers and times of other files, and where those lie
    r"Trainer/model_run/history\.jsonl": history,
    r"Trainer/model_run/tensorboard/events": nothing,  # curves with their times
}


def files_of(outputs: dict[str, Path]) -> dict[str, Path]:
    """Returns <component>/<output>/<file> -> its place.

    Args:
      outputs: <component>/<output> -> its file or folder.
    """
    found = {}
    for output, place in outputs.items():
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            name = f"{output}/{path.relative_to(place).as_posix()}".removesuffix("/.")
            # A text lies in a file of the output's name, or in the file "value" below; TensorBoard's has its time.
            name = re.sub(r"(events)\.out\..*", r"\1", re.sub(r"/value$", "", name))
            if path.is_file():
                found[name] = path
    return found


def comparable(name: str, path: Path) -> object:
    """Returns what of a file, by its name in `files_of`, is to be the same."""
    rules = [rule for pattern, rule in RULES.items() if re.fullmatch(pattern, name)]
    return (rules or [sha256])[0](path)

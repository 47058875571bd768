"""Judges the model of made_examples.py by one of three ways and writes its numbers as JSON.

Started by benchmarks.evaluation.beam_evaluator, a process a way, so that each one's memory is its own:
WAY FOLDER OUTPUT WORKERS, where FOLDER holds examples/, model/ and size.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.evaluation.made_examples import SPLIT, Size, embeddings

SLICES = ("language", "source", "class")


def by_core(folder: Path) -> dict[str, float]:
    """Returns what the NumPy core makes of the embeddings, whole in memory."""
    import numpy as np

    from components.evaluator.metrics.retrieval import retrieval_metrics

    size = Size(**json.loads((folder / "size.json").read_text()))
    images, captions = embeddings(size)
    return retrieval_metrics(images, captions, np.full(size.images, size.captions_each))


def by_executor(way: str, folder: Path, output: Path, workers: int) -> dict[str, float]:
    """Returns what an Evaluator's executor writes; one worker is the process itself."""
    from tfx.types import artifact_utils, channel, standard_artifacts

    from components.evaluator.component import AlignEvaluator
    from components.evaluator.config import EvaluationConfig
    from components.evaluator.sharded.component import ShardedEvaluator
    from components.evaluator.stored.results import load_metrics
    from tfx_pipeline.settings.beam_config import BeamConfig

    several = {"direct_num_workers": workers, "direct_running_mode": "multi_processing"} if workers > 1 else {}
    inputs = {"examples": standard_artifacts.Examples(), "model": standard_artifacts.Model()}
    for key, artifact in inputs.items():
        artifact.uri = str(folder / key)
    inputs["examples"].split_names = artifact_utils.encode_split_names([SPLIT])
    inputs["examples"].set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    channels = {key: channel.Channel(type=type(artifact)) for key, artifact in inputs.items()}
    kind = AlignEvaluator if way == "tfma" else ShardedEvaluator
    slices = SLICES if way.endswith("slices") else ()
    component = kind(EvaluationConfig(splits=(SPLIT,), slices=slices), **channels, baseline="")
    made = {"evaluation": standard_artifacts.ModelEvaluation(), "blessing": standard_artifacts.ModelBlessing()}
    for key, artifact in made.items():
        artifact.uri = str(output / key)
        (output / key).mkdir(parents=True)
    executor = component.executor_spec.executor_class
    context = executor.Context(beam_pipeline_args=BeamConfig(options=several).pipeline_args(), tmp_dir=str(output))
    given, wanted = ({key: [artifact] for key, artifact in of.items()} for of in (inputs, made))
    executor(context).Do(given, wanted, dict(component.exec_properties))
    return load_metrics(made["evaluation"].uri)[SPLIT]


def main() -> None:
    way, folder, output, workers = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    numbers = by_core(folder) if way == "core" else by_executor(way, folder, output, workers)
    (output / "numbers.json").write_text(json.dumps(numbers))


if __name__ == "__main__":
    main()

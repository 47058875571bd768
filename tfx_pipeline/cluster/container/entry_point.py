"""What a pipeline's containers run on Kubeflow and Vertex AI: `python -m tfx_pipeline.cluster.container.entry_point`.

In the place of TFX's, which takes artifacts' types from the cluster and fails on open-source Kubeflow's. It does before
the seconds of TFX's imports what can be done before: a wrong image or a root that cannot be written is said at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import pkgutil
import posixpath
import sys
import traceback
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from components.beam import whole_files
from tfx_pipeline.causes import explain
from tfx_pipeline.cluster.container.carrier import Carrier, find_carrier
from tfx_pipeline.cluster.container.secrets import missing_secret
from tfx_pipeline.cluster.container.source import source_fingerprint
from tfx_pipeline.cluster.container.task import Described, Task, TaskError, read_task
from tfx_pipeline.quick import quick_imports

log = logging.getLogger(__name__)
EXAMPLES = "tfx.types.standard_artifacts.Examples"  # as --component names the type


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ, mount: str = "/") -> int:
    """Run an executor on what the cluster asks for, and say what it made in the task's output file.

    Args:
      arguments: of the command, behind its name.
      environment: the container's.
      mount: folder that holds the folders of Kubeflow's launcher.

    Returns:
      0, or 1 where it failed: then the last line of standard error says why, and there is no output file.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asked = _parse(arguments)
    try:
        _check_source(asked.source)
        _check_secrets(environment)
        task = read_task(asked.component, asked.executor_input)
        carrier = find_carrier(task.addresses, environment, asked.beam, mount)
        _check_examples(task, carrier)
        _make_room(task, carrier)
        run_task(asked.executor, task, carrier, asked.beam)
    except (Exception, SystemExit) as error:  # Beam's argument parser exits where it refuses an option
        traceback.print_exc()
        print(error if isinstance(error, TaskError) else explain(error), file=sys.stderr, flush=True)
        return 1
    return 0


def run_task(executor: str, task: Task, carrier: Carrier, beam_arguments: Sequence[str]) -> None:
    """Run an executor and write the output file.

    Args:
      executor: its class as "module.Class".
      task: what is asked of it.
      carrier: what stands for the artifacts' addresses.
      beam_arguments: Beam's options, which an executor without Beam gets as extra flags.

    Raises:
      TaskError: where the executor or an artifact's class cannot be imported; else what the executor raises.
    """
    log.info("%s is to make %s", executor, ", ".join(one.said["uri"] for one in task.outputs.values()) or "nothing")
    with quick_imports():  # behind the checks: TFX imports TensorFlow wherever it imports anything
        kind = _imported("--executor", executor)
        from absl import logging as absl_logging
        from tfx import version
        from tfx.dsl.components.base import base_beam_executor, base_executor
        from tfx.types import value_artifact
        from tfx.types.artifact_utils import ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY

        from components.beam.forked_workers import fork_workers
        from tfx_pipeline.cluster.container.wire import Artifacts

    absl_logging.set_verbosity(absl_logging.INFO)
    artifacts = Artifacts(carrier)

    def read(key: str, described: Described) -> Any:
        return artifacts.read(_imported(f"the type of {key!r}", described.kind), described.said)

    inputs = {key: [read(key, one) for one in several] for key, several in task.inputs.items()}
    outputs = {key: [read(key, one)] for key, one in task.outputs.items()}
    for (made,) in outputs.values():
        if not isinstance(made, value_artifact.ValueArtifact):  # which is a file
            whole_files.make_folder(made.uri)
    output_file = carrier.path_of(task.output_file)
    task_root = posixpath.dirname(output_file)
    unique_id, tmp_dir = posixpath.basename(task_root), posixpath.join(task_root, ".temp")
    context: base_executor.BaseExecutor.Context
    if issubclass(kind, base_beam_executor.BaseBeamExecutor):
        fork_workers()
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=list(beam_arguments), unique_id=unique_id, tmp_dir=tmp_dir
        )
    else:
        context = base_executor.BaseExecutor.Context(
            extra_flags=list(beam_arguments), unique_id=unique_id, tmp_dir=tmp_dir
        )
    kind(context).Do(inputs, outputs, dict(task.parameters))
    for (made,) in outputs.values():
        if not made.has_custom_property(ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY):
            made.set_string_custom_property(ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY, version.__version__)
    said = {
        "artifacts": {key: {"artifacts": [artifacts.write(*outputs[key])]} for key in sorted(task.output_artifacts)},
        "parameterValues": {key: outputs[key][0].read() for key in sorted(task.output_parameters)},
    }
    whole_files.write_json(output_file, said)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False, description="Run one component of a compiled pipeline.")
    parser.add_argument("--executor", required=True, help="module.Class of the executor")
    parser.add_argument("--component", required=True, help="what it takes and makes, as JSON")
    parser.add_argument("--source", required=True, help="fingerprint of the source that compiled the pipeline")
    parser.add_argument("--executor-input", required=True, help="what the cluster asks for, as JSON")
    parser.add_argument("beam", nargs="*", help="behind --: Beam's options")
    return parser.parse_args(arguments)


def _check_source(compiled_from: str) -> None:
    here = source_fingerprint()
    if here != compiled_from:
        raise TaskError(
            f"this image holds the source {here[:12]} and the pipeline was compiled from {compiled_from[:12]}; build "
            "the image from the checkout that compiles, or compile with the version in the image"
        )


def _check_secrets(environment: Mapping[str, str]) -> None:
    missing = missing_secret(environment)
    if missing:
        raise TaskError(missing)


def _check_examples(task: Task, carrier: Carrier) -> None:
    """Refuse what TFX's own readers, such as StatisticsGen's, take for a file without a record."""
    given = {one.said["uri"] for several in task.inputs.values() for one in several if one.kind == EXAMPLES}
    for address in sorted(given):
        for name in whole_files.files_without_a_byte(carrier.path_of(address)):
            raise TaskError(
                f"{address.rstrip('/')}/{name} has no byte, so it is a damaged file of Examples, or an object that "
                "stands for a folder; delete it, or run the component again that wrote the Examples"
            )


def _make_room(task: Task, carrier: Carrier) -> None:
    """Remove what an earlier attempt at the task left of its outputs, and see whether they can be written."""
    wanted = {f"the output {key!r}": str(one.said["uri"]).rstrip("/") for key, one in task.outputs.items()}
    wanted["the output file"] = task.output_file
    tried = set()
    for what, address in wanted.items():
        path = carrier.path_of(address)
        folder = posixpath.dirname(path)
        trial = posixpath.join(folder, f".{uuid.uuid4().hex}")
        try:
            if whole_files.files_below(path):
                whole_files.remove_folder(path)
            if folder not in tried:
                whole_files.write_bytes(posixpath.join(trial, "trial"), b"")
                whole_files.remove_folder(trial)
        except Exception as error:  # of the operating system, or of a storage's client
            raise TaskError(
                f"{what} cannot be written to {address} ({explain(error)}); give `align compile` a --root that the "
                "cluster's containers may write"
            ) from error
        tried.add(folder)


def _imported(what: str, path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return pkgutil.resolve_name(f"{module}:{name}")
    except (ImportError, AttributeError, ValueError) as error:
        raise TaskError(
            f"{what} is {path}, which this image cannot import ({explain(error)}); build the image from the checkout "
            "that compiles the pipeline"
        ) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

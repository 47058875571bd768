"""Runs the pipeline on this machine: LocalDagRunner, ML Metadata in SQLite, events for whoever watches."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from absl import logging as absl_logging
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.beam.file_system_options import use_options
from components.beam.forked_workers import fork_workers
from tfx_pipeline.causes import explain
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.report.findings import keep_findings, kept_evaluation
from tfx_pipeline.report.rebuild import rebuild
from tfx_pipeline.runs.event_log import ComponentEvents, EventKind, EventLog
from tfx_pipeline.runs.folders import ARTIFACTS, METADATA_FILE, PUSHED_MODELS
from tfx_pipeline.runs.judged_models import append_model
from tfx_pipeline.runs.moved import root_of_results
from tfx_pipeline.runs.run_record import CONFIG_FILE, read_record
from tfx_pipeline.settings.config import Config, build
from tfx_pipeline.settings.yaml_text import read_yaml

CACHE_CONTEXT = "execution_cache"  # TFX's type of context, which all executions of one cache key are in


class Runner(LocalDagRunner):
    """LocalDagRunner, but that some components look for no earlier result.

    Theirs is what later runs find in the cache. It lies at a new uri, so that what depends on it runs again as well.
    """

    def __init__(self, rerun: Collection[str]) -> None:
        """Args:
        rerun: ids of those components.
        """
        super().__init__()
        self._rerun = rerun

    def run_with_ir(self, pipeline: Any, run_options: Any = None) -> None:
        for node in pipeline.nodes:
            if node.pipeline_node.node_info.id in self._rerun:
                node.pipeline_node.execution_options.caching_options.enable_cache = False
        super().run_with_ir(pipeline, run_options)


def run(config: Config, run_dir: Path, rerun: Collection[str] = ()) -> None:
    """Run the pipeline in this process, writing events to `run_dir`; a component's exception is raised again.

    Args:
      config: what to run.
      run_dir: the run's folder.
      rerun: ids of components to run even where the cache has their result.
    """
    root = root_of_results(config.root)
    metadata = sqlite_metadata_connection_config(str(root / METADATA_FILE))
    use_options(config.beam.file_system_args())  # for the drivers, which look at files in this process
    fork_workers()
    pipeline = create_pipeline(
        config,
        artifact_root=str(root / ARTIFACTS),
        push_to=str(root / PUSHED_MODELS),
        metadata=metadata,
    )
    events = EventLog(run_dir)
    watch = ComponentEvents(events, lambda component: describe_last_execution(metadata, config.name, component))
    absl_logging.get_absl_logger().addHandler(watch)
    events.write(EventKind.PIPELINE_STARTED, name=config.name, components=[node.id for node in pipeline.components])
    try:
        Runner(rerun).run(pipeline)
    except (Exception, SystemExit) as error:  # Beam's argument parser exits where it refuses an option
        events.write(EventKind.COMPONENT_FAILED, component=watch.current, error=explain(error))
        raise
    finally:
        absl_logging.get_absl_logger().removeHandler(watch)
    events.write(EventKind.PIPELINE_FINISHED)


def describe_last_execution(metadata: metadata_store_pb2.ConnectionConfig, pipeline: str, component: str) -> dict:
    """Returns what ML Metadata says of a component's newest execution.

    Returns:
      "state": "complete" or "cached"; "outputs": key -> uri; of a cached one "since": Unix time when they were made.

    Raises:
      RuntimeError: where it failed. TFX goes on to the next component, as if all were well, after one whose inputs it
        could not find.
    """
    store = metadata_store.MetadataStore(metadata)
    context = store.get_context_by_type_and_name("node", f"{pipeline}.{component}")
    execution = max(store.get_executions_by_context(context.id), key=lambda found: found.id)
    if execution.last_known_state == metadata_store_pb2.Execution.FAILED:
        raise RuntimeError(f"TFX found no inputs for {component}; the log says which")
    outputs = _outputs(store, execution)
    uris = {artifact.id: artifact.uri for artifact in store.get_artifacts_by_id(list(outputs.values()))}
    described = {"outputs": {key: uris[artifact_id] for key, artifact_id in outputs.items()}}
    if execution.last_known_state != metadata_store_pb2.Execution.CACHED:
        return {"state": "complete", **described}
    (key,) = (found for found in store.get_contexts_by_execution(execution.id) if found.type == CACHE_CONTEXT)
    makers = [
        found
        for found in store.get_executions_by_context(key.id)
        if found.last_known_state == metadata_store_pb2.Execution.COMPLETE and _outputs(store, found) == outputs
    ]
    ended_ms = max(found.last_update_time_since_epoch for found in makers)
    return {"state": "cached", **described, "since": ended_ms / 1000}


def _outputs(store: metadata_store.MetadataStore, execution: metadata_store_pb2.Execution) -> dict[str, int]:
    """Returns output key -> id of the artifact that an execution put out."""
    events = store.get_events_by_execution_ids([execution.id])
    return {
        event.path.steps[0].key: event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT
    }


def run_folder(run_dir: Path, rerun: Collection[str]) -> None:
    """Run the config in a run's folder and write its report; the arguments are those of `run`."""
    absl_logging.set_verbosity(absl_logging.INFO)
    config = build(read_yaml((run_dir / CONFIG_FILE).read_bytes(), CONFIG_FILE))
    try:
        run(config, run_dir, rerun)
    finally:
        record = read_record(run_dir)
        keep_findings(record, config.evaluation)
        append_model(record, kept_evaluation(record))
        rebuild(run_dir)  # a failed run has a report too: it says how far it came

"""Runs the pipeline on this machine: LocalDagRunner, ML Metadata in SQLite, events for whoever watches."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from absl import logging as absl_logging
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx

from components.evaluator.baseline import build_baseline_resolver
from components.pair_example_gen.storage import use_options
from tfx_pipeline.config import Config, build
from tfx_pipeline.event_log import ComponentEvents, EventLog
from tfx_pipeline.lifeline import end_with_parent
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.report.rebuild import rebuild
from tfx_pipeline.run_record import CONFIG_FILE


def run(config: Config, run_dir: Path) -> None:
    """Run the pipeline in this process, writing events to `run_dir`; a component's exception is raised again."""
    root = config.root.resolve()
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))
    pipeline = create_pipeline(
        config,
        artifact_root=str(root / "artifacts"),
        push_to=str(root / "serving_models" / "align"),
        resolve_baseline=build_baseline_resolver,
        metadata=metadata,
    )
    use_options(config.beam.file_system_args())  # PairExampleGen's driver runs in this process
    events = EventLog(run_dir)
    watch = ComponentEvents(events, lambda component: describe_last_execution(metadata, config.name, component))
    absl_logging.get_absl_logger().addHandler(watch)
    events.write("pipeline_started", name=config.name, components=[node.id for node in pipeline.components])
    try:
        tfx.orchestration.LocalDagRunner().run(pipeline)
    except (Exception, SystemExit) as error:  # Beam's argument parser exits where it refuses an option
        events.write("component_failed", component=watch.current, error=explain(error))
        raise
    finally:
        absl_logging.get_absl_logger().removeHandler(watch)
    events.write("pipeline_finished")


def describe_last_execution(metadata: metadata_store_pb2.ConnectionConfig, pipeline: str, component: str) -> dict:
    """Returns the state and output uris of a component's newest execution in ML Metadata."""
    store = metadata_store.MetadataStore(metadata)
    context = store.get_context_by_type_and_name("node", f"{pipeline}.{component}")
    execution = max(store.get_executions_by_context(context.id), key=lambda found: found.id)
    outputs = {
        event.path.steps[0].key: event.artifact_id
        for event in store.get_events_by_execution_ids([execution.id])
        if event.type == metadata_store_pb2.Event.OUTPUT
    }
    uris = {artifact.id: artifact.uri for artifact in store.get_artifacts_by_id(list(outputs.values()))}
    cached = execution.last_known_state == metadata_store_pb2.Execution.CACHED
    return {
        "state": "cached" if cached else "complete",
        "outputs": {key: uris[artifact_id] for key, artifact_id in outputs.items()},
    }


def explain(error: BaseException) -> str:
    """Returns the root cause of an exception as one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SystemExit):  # says nothing itself: what argparse refused is the error before it
        cause = f" ({explain(error.__context__)})" if error.__context__ else ""
        return f"it called for an exit with status {error.code}{cause}; the log says why"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def main() -> None:
    """Run the config of a prepared run folder and write its report: `python -m tfx_pipeline.local_runner RUN_DIR`."""
    end_with_parent()
    run_dir = Path(sys.argv[1])
    absl_logging.set_verbosity(absl_logging.INFO)
    config = build(yaml.safe_load((run_dir / CONFIG_FILE).read_text(encoding="utf-8")))
    try:
        run(config, run_dir)
    finally:
        rebuild(run_dir)  # a failed run has a report too: it says how far it came


if __name__ == "__main__":
    main()

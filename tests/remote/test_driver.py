"""PairExampleGen in a pipeline of TFX: its driver finds the files on the server, and knows them again."""

import pytest

pytestmark = pytest.mark.remote


def test_the_cache_holds_until_a_shard_changes(storage, corpus, tmp_path):
    from ml_metadata import metadata_store
    from tfx import v1 as tfx

    from components.pair_example_gen import storage as file_systems
    from components.pair_example_gen.component import PairExampleGen
    from components.pair_example_gen.config import IngestConfig

    config = IngestConfig(shards=storage.put_folder(corpus / "tar", "driven"), hash_split={"train": 1})
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))

    def states() -> list[str]:
        """Run the pipeline; returns how each run so far ended."""
        file_systems.use_options(storage.arguments)
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="driven",
            pipeline_root=str(tmp_path / "artifacts"),
            components=[PairExampleGen(config)],
            enable_cache=True,
            metadata_connection_config=metadata,
            beam_pipeline_args=storage.arguments,
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)
        executions = metadata_store.MetadataStore(metadata).get_executions()
        names = {2: "running", 3: "complete", 5: "cached"}
        return [names[run.last_known_state] for run in sorted(executions, key=lambda each: each.id)]

    assert states() == ["complete"]
    assert states() == ["complete", "cached"]
    storage.put("driven/9.tar", (corpus / "tar" / "0.tar").read_bytes())
    assert states() == ["complete", "cached", "complete"]

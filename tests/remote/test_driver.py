"""PairExampleGen in a pipeline of TFX: PairFiles finds the files on the server, and knows them again."""

import pytest

pytestmark = pytest.mark.remote


@pytest.mark.parametrize(
    ("format_", "changed", "by"),
    [("tar", "9.tar", "0.tar"), ("csv", "images/0.png", "images/1.png"), ("coyo", "0.parquet", "1.parquet")],
)
def test_the_cache_holds_until_what_is_read_changes(storage, corpus, tmp_path, format_, changed, by):
    from ml_metadata import metadata_store
    from tfx import v1 as tfx

    from components.beam.file_system_options import use_options
    from components.pair_example_gen.component import read_pairs
    from components.pair_example_gen.config import IngestConfig

    shards = storage.put_folder(corpus / format_, f"driven [{format_}]")
    config = IngestConfig(shards=shards, format=format_, hash_split={"train": 1})
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))

    def states() -> list[str]:
        """Run the pipeline; returns how each run so far ended."""
        use_options(storage.arguments)
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="driven",
            pipeline_root=str(tmp_path / "artifacts"),
            components=list(read_pairs(config)),
            enable_cache=True,
            metadata_connection_config=metadata,
            beam_pipeline_args=storage.arguments,
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)
        executions = metadata_store.MetadataStore(metadata).get_executions()
        names = {2: "running", 3: "complete", 5: "cached"}
        ran = [names[run.last_known_state] for run in sorted(executions, key=lambda each: each.id)]
        assert ran[::2] == ran[1::2]  # PairFiles and PairExampleGen
        return ran[::2]

    assert states() == ["complete"]
    assert states() == ["complete", "cached"]
    storage.put(f"driven [{format_}]/not named.png", b"of no consequence")
    assert states() == ["complete", "cached", "cached"]
    storage.put(f"driven [{format_}]/{changed}", (corpus / format_ / by).read_bytes())
    assert states() == ["complete", "cached", "cached", "complete"]

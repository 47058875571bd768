"""A server that is lost while its files are read fails the job: no image counts as missing, no file as damaged."""

import pytest

import storage_servers
from components.beam.file_system_options import use_options
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.raw_record import RawRecord
from components.pair_example_gen.storage.file_systems import StorageFailure
from components.pair_example_gen.storage.shards import find_sources
from components.pair_example_gen.storage.sources import load_image, read_source

pytestmark = pytest.mark.remote


def test_a_lost_data_node_damages_nothing(tmp_path, corpus):
    with storage_servers.hdfs(tmp_path) as hdfs:
        use_options(hdfs.arguments)
        configs = [
            IngestConfig(shards=hdfs.put_folder(corpus / name, name), format=format_)
            for name, format_ in (("tar", "tar"), ("parquet", "parquet"), ("paths", "parquet"))
        ]
        sources = [source for config in configs for source in find_sources(config)["all"]]
        assert [record.flaw for record in read_source(sources[-1], configs[-1])] == [""] * 29
        load_image(RawRecord("row 0", path="images/0.png"), configs[-1].shards)
        storage_servers.end(hdfs.processes["DataNode"])
        for source, config in ((sources[0], configs[0]), (sources[-1], configs[1])):
            with pytest.raises(StorageFailure, match=r"^hdfs://pairs/\S+ cannot be read \(.*Connection"):
                list(read_source(source, config))
        with pytest.raises(StorageFailure, match=r"^hdfs://pairs/paths/images/0\.png cannot be read"):
            load_image(RawRecord("row 0", path="images/0.png"), configs[-1].shards)

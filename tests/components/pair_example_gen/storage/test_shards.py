"""A folder without shards is refused in one sentence that names it and says what to do."""

import dataclasses

import pytest

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.storage.shards import (
    check_shards,
    find_metadata,
    find_shards,
    find_sources,
    shard_name,
)


def config(folder, **splits) -> IngestConfig:
    return IngestConfig(shards=str(folder), splits=splits, hash_split={} if len(splits) > 1 else {"train": 1})


@pytest.fixture
def folder(tmp_path):
    for name in ("train/1.tar", "train/0.tar", "train/notes.txt", "test/0.tar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_shards_are_found_by_split_in_order(folder):
    found = find_shards(config(folder, train="train/*.tar", test="test/*.tar"))
    assert found == {
        "train": [str(folder / "train/0.tar"), str(folder / "train/1.tar")],
        "test": [str(folder / "test/0.tar")],
    }
    for root in (folder, f"{folder}/"):
        assert shard_name(config(root, train="*"), found["train"][0]) == "train/0.tar"


def test_no_folder_is_one_sentence():
    with pytest.raises(ValueError, match=r"^ingest\.shards is empty; set it to the folder that holds your tar shards$"):
        check_shards(IngestConfig())


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"^ingest\.shards is '.*/gone', which does not exist; set it to the folder"):
        check_shards(config(tmp_path / "gone", all="*.tar"))


def test_an_empty_folder_is_one_sentence(folder):
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"'.*/empty', where no file matches ingest\.splits\['all'\] = '\*\.tar'; put"):
        check_shards(config(folder / "empty", all="*.tar"))
    with pytest.raises(ValueError, match=r"no file matches ingest\.splits\['test'\]"):
        check_shards(config(folder, train="train/*.tar", test="train/*.gz"))


def test_an_address_that_no_file_system_reads_is_one_sentence():
    with pytest.raises(ValueError, match=r"ingest\.shards is 'nowhere://bucket', which cannot be listed .*check its"):
        check_shards(config("nowhere://bucket", all="*.tar"))


def test_a_shard_in_two_splits_is_refused(folder):
    with pytest.raises(ValueError, match=r"/train/0\.tar to both 'train' .* and 'test'"):
        check_shards(config(folder, train="train/*.tar", test="train/0.*"))


@pytest.mark.parametrize("name", ["coyo", "laion"])
def test_metadata_that_is_not_there_is_one_sentence(folder, name):
    there = IngestConfig(shards=str(folder), format=name, splits={"all": "train/*.tar"}, metadata="train/*.txt")
    check_shards(there)
    assert [source.path for source in find_metadata(there)] == [str(folder / "train/notes.txt")]
    gone = dataclasses.replace(there, metadata="part-*.parquet")
    with pytest.raises(ValueError, match=r"no file matches ingest\.metadata = 'part-\*\.parquet'; put metadata there"):
        check_shards(gone)
    assert find_metadata(dataclasses.replace(there, metadata="")) == []


def test_an_image_folder_that_is_not_there_is_one_sentence(folder):
    (folder / "a.csv").touch()
    config = IngestConfig(shards=str(folder), format="csv", image_folder=str(folder / "train"))
    check_shards(config)
    with pytest.raises(ValueError, match=r"^ingest\.image_folder is '.*/gone', which does not exist; set it to the f"):
        check_shards(dataclasses.replace(config, image_folder=str(folder / "gone")))
    with pytest.raises(ValueError, match=r"^ingest\.image_folder is 'nowhere://b', which cannot be listed"):
        check_shards(dataclasses.replace(config, image_folder="nowhere://b"))


def test_a_format_is_named_by_its_files(folder):
    with pytest.raises(ValueError, match=r"set it to the folder that holds your karpathy files$"):
        check_shards(IngestConfig(format="karpathy"))
    with pytest.raises(ValueError, match=r"put parquet files there or change the glob or ingest.format; it has the f"):
        check_shards(IngestConfig(shards=str(folder), format="parquet"))


def test_large_files_are_divided_where_their_format_and_compression_allow(folder):
    for name in ("a.csv", "b.csv.gz", "c.csv.ZST"):
        with (folder / name).open("wb") as file:
            file.truncate(9 * 1024 * 1024)
    config = IngestConfig(shards=str(folder), format="csv", splits={"all": "*.csv*"})
    found = [(shard_name(config, source.path), source.part.count) for source in find_sources(config)["all"]]
    assert found == [("a.csv", 3)] * 3 + [("b.csv.gz", 1), ("c.csv.ZST", 1)]

"""A folder without shards is refused in one sentence that names it and says what to do."""

import pytest

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.shards import check_shards, find_shards, shard_name


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

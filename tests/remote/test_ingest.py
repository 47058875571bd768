"""What is read from S3, Google Cloud Storage and HDFS is what is read from a folder: every record and every count."""

import pytest

pytestmark = pytest.mark.remote

HASHED = {"train": 3, "validation": 1}
DROPPED = {  # layout -> reason -> images of both splits, worked out by hand from the corpus
    "tar": {"image_not_decodable": 3},
    "coyo": {},
    "parquet": {"image_format_not_supported": 1},
    "paths": {"image_missing": 3, "image_path_outside": 1, "no_image": 1},
    "csv": {"image_missing": 4, "image_path_outside": 1, "no_image": 1},
}
FORMATS = {"paths": "parquet"}  # the other layouts are called as their format


@pytest.fixture(scope="module")
def local(corpus, ingest):
    """Returns a function: layout -> what is read of it from a folder."""
    read = {}

    def once(layout: str) -> dict:
        if layout not in read:
            format_ = FORMATS.get(layout, layout)
            read[layout] = ingest([], shards=str(corpus / layout), format=format_, hash_split=HASHED)
        return read[layout]

    return once


def dropped(found: dict) -> dict:
    total: dict = {}
    for split in found["report/ingest_report.json"]["splits"].values():
        for reason, number in split["images"]["dropped"].items():
            total[reason] = total.get(reason, 0) + number
    return total


@pytest.mark.parametrize("layout", list(DROPPED))
def test_what_a_server_holds_is_read_as_a_folder_is(layout, storage, corpus, ingest, local):
    shards = storage.put_folder(corpus / layout, f"read/{layout}")
    found = ingest(storage.arguments, shards=shards, format=FORMATS.get(layout, layout), hash_split=HASHED)
    assert found == local(layout)
    assert dropped(found) == DROPPED[layout]


def test_worker_processes_reach_the_server_by_the_options(storage, corpus, ingest, local):
    shards = storage.put_folder(corpus / "tar", "workers")
    workers = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    assert ingest([*storage.arguments, *workers], shards=shards, hash_split=HASHED) == local("tar")


def test_the_environment_alone_names_the_s3_server(s3, corpus, ingest, local, monkeypatch):
    shards = s3.put_folder(corpus / "csv", "environment")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.options["s3_endpoint_url"])
    found = ingest(["--runner=DirectRunner"], shards=shards, format="csv", hash_split=HASHED)
    assert found == local("csv")


def test_a_csv_is_read_in_parts_and_its_images_from_another_folder(storage, corpus, ingest, monkeypatch):
    from components.pair_example_gen import formats

    small = {**formats.FORMATS, "csv": formats.Format(**{**vars(formats.FORMATS["csv"]), "part_bytes": 400})}
    monkeypatch.setattr("components.pair_example_gen.config.FORMATS", small)
    address = storage.put_folder(corpus / "csv", "parts")
    common = {"format": "csv", "hash_split": HASHED, "splits": {"all": "*.csv"}}
    here = ingest([], shards=str(corpus / "csv"), image_folder=str(corpus / "csv"), **common)
    assert ingest(storage.arguments, shards=str(corpus / "csv"), image_folder=address, **common) == here
    assert ingest(storage.arguments, shards=f"{address}/", **common) == here
    assert len(here) > 8  # several files for each split


def test_a_folder_that_a_console_made_is_no_shard(s3, corpus, ingest, local):
    shards = s3.put_folder(corpus / "tar", "console")
    s3.put("console/", b"")
    assert ingest(s3.arguments, shards=shards, splits={"all": "*"}, hash_split=HASHED) == local("tar")

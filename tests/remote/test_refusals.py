"""What cannot be reached is refused at once, in one sentence that names the field, the value and the remedy."""

import pytest

import storage_servers
from components.beam.file_system_options import use_options
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.storage.shards import check_shards

pytestmark = pytest.mark.remote


def refusal(shards: str, arguments: list[str], **fields) -> str:
    """Returns the sentence with which a folder of shards is refused."""
    use_options([*arguments, "--job_name=check"])  # one at least: none would leave those of another test
    with pytest.raises(ValueError, match=r"^ingest\.\w+ is ") as refused:
        check_shards(IngestConfig(shards=shards, **fields))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_folder_that_is_not_there(storage):
    storage.put("refused/notes.txt", b"no shard")
    said = refusal(f"{storage.root}/gone", storage.arguments)
    assert said.startswith(
        f"ingest.shards is '{storage.root}/gone', which does not exist; set it to the folder of your"
    )
    said = refusal(f"{storage.root}/refused", storage.arguments)
    assert f"'{storage.root}/refused', where no file matches ingest.splits['all'] = '*.tar'; put tar shards" in said
    said = refusal(storage.root, storage.arguments)
    assert f"ingest.shards is '{storage.root}', where no file matches" in said


def test_an_image_folder_that_is_not_there(storage):
    storage.put("refused/a.csv", b"image,caption\n")
    fields = {"format": "csv", "image_folder": f"{storage.root}/gone"}
    said = refusal(f"{storage.root}/refused", storage.arguments, **fields)
    assert said.startswith(f"ingest.image_folder is '{storage.root}/gone', which does not exist; set it to the folder")


@pytest.mark.parametrize("server", ["s3", "gs"])
def test_a_bucket_that_is_not_there(server, servers, monkeypatch):
    found = servers(server)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    said = refusal(f"{server}://nobody/shards", found.arguments)
    assert said == f"ingest.shards is '{server}://nobody/shards', whose bucket 'nobody' does not exist; check its name"


def test_no_credentials_for_s3(s3, monkeypatch):
    for name in storage_servers.AWS_KEYS:
        monkeypatch.delenv(name)
    assert refusal(f"{s3.root}/shards", s3.arguments) == (
        f"ingest.shards is '{s3.root}/shards', but no credentials were found (Unable to locate credentials); "
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    )


def test_wrong_credentials_for_s3(tmp_path, monkeypatch):
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "2")  # of moto: the bucket is made, then keys are checked
    with storage_servers.s3(tmp_path) as strict:
        for name, value in strict.environment.items():
            monkeypatch.setenv(name, value)
        said = refusal(f"{strict.root}/shards", strict.arguments)
    assert "which the credentials that were found may not list (" in said
    assert said.endswith("; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")


def test_no_server(s3):
    nobody = f"http://127.0.0.1:{storage_servers.free_port()}"
    said = refusal("s3://pairs/shards", [f"--s3_endpoint_url={nobody}"])
    assert f'where no server answers (Could not connect to the endpoint URL: "{nobody}/pairs"); check beam.opt' in said
    port = storage_servers.free_port()
    said = refusal("hdfs://pairs/shards", ["--hdfs_host=127.0.0.1", f"--hdfs_port={port}", "--hdfs_user=nobody"])
    assert "where no server answers (" in said
    assert "check beam.options.hdfs_host, a name without http://, and hdfs_port, WebHDFS's" in said


def test_an_address_with_the_name_nodes_name_needs_an_option(servers):
    hdfs = servers("hdfs")
    hdfs.put("full/0.tar", b"")
    said = refusal("hdfs://127.0.0.1/pairs/full", hdfs.arguments)
    assert "hdfs://HOST/FOLDER where beam.options.hdfs_full_urls is true" in said
    use_options([*hdfs.arguments, "--hdfs_full_urls"])
    check_shards(IngestConfig(shards="hdfs://127.0.0.1/pairs/full"))

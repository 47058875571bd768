"""`align serve --model-dir` of an address: the newest version there is here, whole, and follows what changes there."""

import io

import pytest
from pyarrow import fs
from rich.console import Console

from serving.server.bucket import Bucket
from serving.server.server import ModelServer
from tfx_pipeline.commands.serve import Serving, serve_until_stopped
from tfx_pipeline.settings.config import ConfigError

pytestmark = pytest.mark.remote


@pytest.fixture(params=["s3", "gs"])
def address(request, servers, monkeypatch):
    """Returns a function: name below the bucket -> its address, with what leads to the server on loopback."""
    storage = servers(request.param)
    for name, value in storage.environment.items():
        monkeypatch.setenv(name, value)
    url = storage.options.get("s3_endpoint_url") or storage.environment["STORAGE_EMULATOR_HOST"]
    root = storage.root.replace("gs://", "gs://anonymous@")
    region = "&region=us-east-1" if storage.scheme == "s3" else ""

    def at(name: str) -> str:
        return f"{root}/{name}?scheme=http&endpoint_override={url.removeprefix('http://')}{region}"

    at.storage = storage
    return at


def versions(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def delete(address: str) -> None:
    files, base = fs.FileSystem.from_uri(address)
    for info in files.get_file_info(fs.FileSelector(base, recursive=True)):
        if info.is_file:
            files.delete_file(info.path)


def test_the_newest_whole_version_is_here(address, colour_model, tmp_path):
    storage = address.storage
    storage.put_folder(colour_model, "follow/2")
    storage.put_folder(colour_model / "variables", "follow/3/variables")  # its graph is still under way
    storage.put("follow/notes.txt", b"")
    (tmp_path / "here").mkdir()
    with Bucket(address("follow"), tmp_path / "here", 0) as bucket:
        assert versions(tmp_path / "here") == {"2"}
        for path in colour_model.rglob("*"):
            if path.is_file():
                assert (tmp_path / "here" / "2" / path.relative_to(colour_model)).read_bytes() == path.read_bytes()
        with ModelServer(tmp_path / "here", port=0) as server:
            assert server.available() == {"align": [2]}
        storage.put("follow/3/saved_model.pb", (colour_model / "saved_model.pb").read_bytes())
        bucket.look()
        assert versions(tmp_path / "here") == {"2"}, "it may still change"
        bucket.look()
        assert versions(tmp_path / "here") == {"2", "3"}
        delete(address("follow/3"))  # it is rolled back
        bucket.look()
        assert versions(tmp_path / "here") == {"2"}
        delete(address("follow/2"))
        bucket.look()
        assert versions(tmp_path / "here") == {"2"}, "nothing is left there, and what is served goes on"


def test_what_cannot_be_served_from_an_address_is_a_sentence(address, tmp_path):
    def told(model_dir: str) -> str:
        with pytest.raises(ConfigError) as caught:
            serve_until_stopped(
                Serving(tmp_path, model_dir=model_dir, port=0, rest_port=None), Console(file=io.StringIO())
            )
        return str(caught.value)

    assert "holds no complete version such as" in told(address("nothing"))
    assert "cannot be read" in told("nowhere://bucket/folder")

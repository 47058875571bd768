"""A folder of runs that is moved, copied or linked, told by the store that ML Metadata itself writes."""

import shutil

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from tfx_pipeline.runs.folders import METADATA_FILE
from tfx_pipeline.runs.moved import moved_from, notice, root_of_results


@pytest.fixture
def root(tmp_path):
    """A folder with two results, of which the newer one was made in it."""
    folder = tmp_path / "output" / "mine"
    folder.mkdir(parents=True)
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(folder / METADATA_FILE)
    store = MetadataStore(connection)
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Examples"))
    for uri in (f"{tmp_path}/before/artifacts/PairFiles/files/1", f"{folder}/artifacts/PairFilter/examples/2"):
        store.put_artifacts([metadata_store_pb2.Artifact(type_id=kind, uri=uri)])
    return folder


def test_a_folder_where_it_was_made_says_nothing(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert moved_from(root) is moved_from(root.relative_to(tmp_path)) is None
    assert notice(root) == notice(tmp_path / "new") == ""
    assert root_of_results(root.relative_to(tmp_path)) == root


def test_a_moved_folder_says_how_to_keep_its_results(root, tmp_path):
    moved = tmp_path / "moved"
    root.rename(moved)
    assert moved_from(moved) == root
    assert root_of_results(moved) == moved
    assert notice(moved).endswith(f"made anew, training too; to keep them, stop here and run ln -s {moved} {root}")


def test_by_a_link_at_the_old_place_a_moved_folder_is_known_as_before(root, tmp_path):
    moved = tmp_path / "moved"
    root.rename(moved)
    root.symlink_to(moved)
    assert root_of_results(moved) == root
    assert notice(moved) == ""


def test_a_copy_says_where_its_results_are_taken_from(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    assert root_of_results(copy) == copy
    assert notice(copy) == (
        f"{copy} was made at {root}, and its results are known by that place: those up to the model are taken "
        "from there"
    )


def test_what_is_no_store_is_left_to_the_pipeline(tmp_path):
    (tmp_path / METADATA_FILE).write_bytes(b"no database")
    assert moved_from(tmp_path) is None

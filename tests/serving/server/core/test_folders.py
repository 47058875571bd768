"""What tells one pushed version from another that takes its place under the same number."""

from __future__ import annotations

import os

import pytest

from serving.server.core.folders import FolderWatch

FILES = ("saved_model.pb", "fingerprint.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")
OTHERS = ("model_card.json", "assets.extra/tf_serving_warmup_requests")


@pytest.fixture
def version(tmp_path):
    """A folder with the files of a version, all from the same moment."""
    folder = tmp_path / "1"
    for name in (*FILES, "assets/vocab.txt", *OTHERS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, b"before")
    return folder


def write(path, content: bytes, at_ns: int = 1_700_000_000 * 10**9):
    path.write_bytes(content)
    os.utime(path, ns=(at_ns, at_ns))


def model(version):
    return FolderWatch(version.parent).look()[1].model


def test_another_export_of_the_same_sizes_and_times_is_told_by_its_fingerprint(version):
    before = model(version)
    write(version / "fingerprint.pb", b"behind")
    assert model(version) != before


@pytest.mark.parametrize("name", [*FILES, "assets/vocab.txt"])
def test_each_file_that_is_loaded_tells_by_its_size_and_its_time(version, name):
    before = model(version)
    write(version / name, b"before", at_ns=1_700_000_001 * 10**9)
    later = model(version)
    write(version / name, b"before and after", at_ns=1_700_000_001 * 10**9)
    assert len({before, later, model(version)}) == 3


@pytest.mark.parametrize("name", OTHERS)
def test_what_lies_beside_may_change_while_it_is_served(version, name):
    before = model(version)
    write(version / name, b"something else", at_ns=1_800_000_000 * 10**9)
    assert model(version) == before

"""What stands at an address is known by what its file system tells of each file."""

from __future__ import annotations

import pytest
from shelf import Shelf

from components.beam.address_content import content_of
from components.files.content import content_hash


@pytest.fixture(autouse=True)
def shelf(monkeypatch):
    monkeypatch.setattr(Shelf, "FILES", {"shelf://b/model [1]/a": (3, 7.5), "shelf://b/model [1]/v/b": (4, 7.5)})
    return Shelf.FILES


@pytest.mark.parametrize("address", ["shelf://b/model [1]", "shelf://b/model [1]/", "shelf://b/model [1]/v/b"])
@pytest.mark.parametrize("changed", [(5, 7.5), (4, 8.0)])
def test_size_and_time_are_seen(shelf, address, changed):
    before = content_of(address)
    assert content_of(address) == before
    shelf["shelf://b/model [1]/v/b"] = changed
    assert content_of(address) != before


def test_a_checksum_is_seen_at_the_same_size_and_time(monkeypatch):
    before = content_of("shelf://b/model [1]")
    monkeypatch.setattr(Shelf, "checksum", lambda self, path: "other")
    assert content_of("shelf://b/model [1]") != before


def test_a_file_more_is_seen_but_not_a_neighbours(shelf):
    before = content_of("shelf://b/model [1]")
    shelf |= {"shelf://b/model [1]x": (1, 1.0), "shelf://b/model 1/a": (1, 1.0), "shelf://b/model [1]/": (0, 2.0)}
    assert content_of("shelf://b/model [1]") == before
    shelf |= {"shelf://b/model [1]/c": (1, 1.0)}
    assert content_of("shelf://b/model [1]") != before


def test_a_path_of_this_machine_is_known_by_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    assert content_of(str(tmp_path)) == content_hash(str(tmp_path)) != ""


@pytest.mark.parametrize("address", ["shelf://closed/model", "nowhere://b/model"])
def test_an_address_that_cannot_be_asked_is_one_sentence(address):
    with pytest.raises(ValueError, match=rf"^{address} cannot be looked at, so that .*; check the address") as caught:
        content_of(address)
    assert "\n" not in str(caught.value)

"""The registry: every set says what it is and where to get it, and one that is half there is refused."""

import json

import pytest

import published_sets
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.registry import ENTRIES, find
from components.evaluator.tasks.measures import MEASURES


def test_every_set_says_what_it_is_and_where_to_get_it(tmp_path):
    assert len(ENTRIES) > 60
    for entry in ENTRIES.values():
        assert entry.about
        assert entry.state(tmp_path) == ("there" if entry.name.startswith("demo-") else "absent"), entry.name
        assert {*entry.metrics} <= {*MEASURES}, entry.name
        with_folder = "data folder" in entry.where or "checkout" in entry.where
        assert with_folder, entry.name
        assert "\n" not in entry.where + entry.about
        assert not entry.where.endswith(".")


def test_an_unknown_set_is_refused_with_the_one_that_was_meant():
    with pytest.raises(DataSetError, match="`align eval --list` has no data set 'MSCOC'; did you mean 'mscoco'"):
        find("MSCOC")


def test_a_set_that_is_absent_says_where_to_get_it(tmp_path):
    with pytest.raises(DataSetError, match=r"mscoco is not in .*: get Karpathy's .* mscoco/ of the data folder$"):
        find("mscoco").load(tmp_path)


def test_a_set_that_is_half_there_is_refused_with_what_is_missing(tmp_path):
    entry = find("cxc-sits")
    published_sets.cxc(tmp_path)
    missing = [str(tmp_path / "mscoco" / name) for name in ("dataset_coco.json", "val2014")]
    assert entry.missing(tmp_path) == missing
    assert entry.state(tmp_path) == f"half there: {missing[0]} and {missing[1]} are missing"
    with pytest.raises(DataSetError, match=r"cxc-sits is half there: .*val2014 are missing; get"):
        entry.load(tmp_path)
    published_sets.mscoco(tmp_path)
    assert entry.state(tmp_path) == "there"
    (tmp_path / "cxc/sts_test.csv").unlink()
    assert find("cxc-retrieval").state(tmp_path) == f"half there: {tmp_path}/cxc/sts_test.csv is missing"


def test_what_a_set_shares_with_another_does_not_make_it_half_there(tmp_path):
    published_sets.mscoco(tmp_path)
    published_sets.flickr30k(tmp_path)
    states = {name: entry.state(tmp_path) for name, entry in ENTRIES.items() if entry.base is None}
    there = {"mscoco", "mscoco-val", "flickr30k", "flickr30k-val"}
    assert states == {name: "there" if name in there else "absent" for name in states}


def test_a_package_that_is_not_installed_is_what_is_missing(tmp_path, monkeypatch):
    published_sets.mscoco(tmp_path)
    assert find("eccv-caption").missing(tmp_path) == ["the Python package eccv-caption"]
    assert find("eccv-caption").state(tmp_path) == "absent"
    published_sets.eccv_caption(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find("eccv-caption").state(tmp_path) == "there"


def test_a_set_that_is_there_is_read_through_its_entry(tmp_path):
    published_sets.flickr30k(tmp_path)
    pairs = find("flickr30k").load(tmp_path)
    assert pairs.captions == ("caption of 1007129816.jpg", "caption of 1009434119.jpg")
    assert [picture()[:2] for picture in pairs.images] == [b"\xff\xd8"] * 2
    text = json.loads((tmp_path / "flickr30k/dataset_flickr30k.json").read_text())
    text["images"][1]["split"] = "val"
    published_sets.put(tmp_path / "flickr30k/dataset_flickr30k.json", json.dumps(text))
    assert len(find("flickr30k").load(tmp_path).images) == len(find("flickr30k-val").load(tmp_path).images) == 1

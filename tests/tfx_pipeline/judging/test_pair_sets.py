"""A user's own pairs, in the formats that ingest reads, as data sets to judge by."""

import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet
import pytest

import published_sets
from components.evaluator.datasets.kinds import DataSetError
from tfx_pipeline.judging.pair_sets import pair_entry


def tar(path, members):
    to = io.BytesIO()
    with tarfile.open(fileobj=to, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    published_sets.put(path, to.getvalue())


def load(tmp_path, **fields):
    return pair_entry("shop", fields, tmp_path).load(tmp_path)


def test_rows_that_name_one_file_are_captions_of_one_image(tmp_path):
    for number in (1, 2):
        published_sets.put(tmp_path / f"shop/images/{number}.jpg", published_sets.picture(number))
    rows = [("images/1.jpg", "a cup", "en"), ("images/2.jpg", "ein Hut", "de"), ("./images//1.jpg", "a red cup", "en")]
    rows += [("images/9.jpg", "gone", "en"), ("../x.jpg", "outside", "en"), ("images/2.jpg", " ", "en")]
    lines = [json.dumps(dict(zip(("image", "title", "lang"), row, strict=True))) for row in rows]
    published_sets.put(tmp_path / "shop/pairs.jsonl", "\n".join(lines) + "\n")
    found = load(tmp_path, shards="shop", format="jsonl", captions={"title": "und"}, language_field="lang")
    assert found.image_ids == ("images/1.jpg", "images/2.jpg")
    assert found.captions == ("a cup", "a red cup", "ein Hut")
    assert found.languages == ("en", "en", "de")
    assert found.caption_count.tolist() == [2, 1]
    assert found.skipped == {"image_missing": 1, "image_path_outside": 1, "empty": 1, "no_caption": 1}
    assert found.images[1]() == published_sets.picture(2)


def test_a_tar_s_images_are_kept_aside_until_they_are_asked_for(tmp_path):
    pictures = [published_sets.picture(number) for number in range(3)]
    members = [
        ("a.jpg", pictures[0]),
        ("a.txt", b"one"),
        ("b.jpg", pictures[1]),
        ("b.txt", b"two"),
        ("c.txt", b"three"),
    ]
    members += [("a.jpg", pictures[2]), ("a.txt", b"four")]
    tar(tmp_path / "shop/0.tar", members)
    found = load(tmp_path, shards="shop", captions={"txt": "en"})
    assert found.image_ids == ("0.tar#a", "0.tar#b", "0.tar#a (2)")
    assert found.captions == ("one", "two", "four")
    assert [image() for image in found.images] == pictures
    assert found.skipped == {"no_image": 1}


def test_parquet_with_the_images_in_it(tmp_path):
    images = [{"bytes": published_sets.picture(number), "path": f"{number}.jpg"} for number in (1, 2)]
    table = pa.table({"image": images, "caption": [["a", "b"], ["c"]]})
    (tmp_path / "shop").mkdir()
    pyarrow.parquet.write_table(table, tmp_path / "shop/0.parquet")
    found = load(tmp_path, shards="shop", format="parquet")
    assert (found.captions, found.caption_count.tolist()) == (("a", "b", "c"), [2, 1])
    assert [image() for image in found.images] == [published_sets.picture(number) for number in (1, 2)]


def test_one_of_several_splits(tmp_path):
    for split in ("train", "validation"):
        published_sets.put(tmp_path / f"shop/{split}/1.png", published_sets.picture(1, "PNG"))
        published_sets.put(tmp_path / f"shop/{split}/metadata.csv", f"file_name,text\n1.png,{split}\n")
    splits = {"train": "train/metadata.*", "validation": "validation/metadata.*"}
    found = load(tmp_path, shards="shop", format="imagefolder", splits=splits, hash_split={}, split="validation")
    assert (found.image_ids, found.captions) == (("validation/1.png",), ("validation",))


def test_a_karpathy_split_is_chosen_by_what_each_record_says(tmp_path):
    published_sets.mscoco(tmp_path)
    fields = {"shards": "mscoco", "format": "karpathy"}
    found = load(tmp_path, **fields, split="test")
    assert found.caption_count.tolist() == [6, 5, 5]
    with pytest.raises(DataSetError, match="can be used; there is none of the split 'validation'"):
        load(tmp_path, **fields, split="validation")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shards": "shop", "formatt": "csv"}, r"pairs\.shop\.formatt is not a field; did you mean"),
        ({"shards": "shop", "format": "csvv"}, r"pairs\.shop\.format is 'csvv'"),
        ({}, r"pairs\.shop\.shards is empty"),
        ({"shards": "shop", "split": "dev"}, r"pairs\.shop\.split is 'dev'; it must be one of \['test'\]"),
        ({"shards": "shop", "hash_split": {"test": 1, "train": 9}}, r"hash_split is .*; leave it out"),
        ({"shards": "shop", "format": "karpathy"}, r"has the splits .*; set pairs\.shop\.split to one of them"),
        ({"shards": "shop", "format": "coyo", "metadata": "*.parquet"}, "join it by ingest first"),
    ],
)
def test_a_wrong_field_is_refused(tmp_path, fields, said):
    with pytest.raises(DataSetError, match=said):
        pair_entry("shop", fields, tmp_path)


def test_pairs_that_are_not_there_are_refused(tmp_path):
    entry = pair_entry("shop", {"shards": "shop"}, tmp_path)
    assert entry.state(tmp_path) == "absent"
    with pytest.raises(
        DataSetError, match=r"shop is not in .*shop: name the folder of its tar shards in pairs\.shop\.shards"
    ):
        entry.load(tmp_path)
    (tmp_path / "shop").mkdir()
    with pytest.raises(DataSetError, match=r"no file matches pairs\.shop\.splits"):
        entry.load(tmp_path)
    published_sets.put(tmp_path / "shop/0.tar", b"no tar" * 200)
    with pytest.raises(
        DataSetError, match=r"no record of pairs\.shop can be used; the first is 0\.tar#: corrupt_shard"
    ):
        entry.load(tmp_path)

"""What a newcomer's first config meets: the sentence says what the files have, and what to do."""

import base64
import io
import json
import os
import re
import tarfile
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.types import standard_artifacts

from components.artifacts import IngestReport
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.executor import Executor
from components.pair_example_gen.raw_record import Part
from components.pair_example_gen.readers.json_lines_reader import read_json_lines
from components.pair_example_gen.storage.shards import check_shards


@pytest.fixture(scope="module")
def refusal(run_executor):
    def run(folder, format_, **fields):
        outputs = {"examples": standard_artifacts.Examples, "report": IngestReport}
        config = {"shards": str(folder), "format": format_, "hash_split": {"train": 1}, **fields}
        with pytest.raises(ValueError, match="no image reached the split 'train'") as raised:
            run_executor(Executor, {}, outputs, {"ingest": config})
        return str(raised.value)

    return run


def write_tar(path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w") as shard:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "filename,caption\n1.png,a\n",
            "columns: filename, caption, for one; set ingest.image_field, which is 'image'",
        ),
        ("image;caption\n1.png;a\n", "columns: image;caption; set ingest.delimiter to ';', if that is"),
        ("image, caption\n1.png, a\n", "did you mean ' caption'?; the fields that are there: ' caption', 'image'"),
        ("image,text\n1.png,a\n", "no text in caption, for one; ingest.captions names 'caption', which no record has"),
        ("image,caption\n1.png,\n", "empty 1 in caption, for one"),
        ("image,caption\nhttps://a.b/1.png,a\n", "'https://a.b/1.png' is not downloaded; img2dataset makes tar shards"),
        ("image,caption\n" + "/9j/" * 2000 + ",a\n", "'/9j//9j//9j//9j//9j/'... of 8000 characters is no path; is it"),
        ("image,caption\n" + "iVBO" * 2000 + ",a\n", "of 8000 characters is no path; is it base64?"),
    ],
)
def test_a_table_whose_columns_or_paths_are_others(tmp_path, refusal, make_image, table, said):
    (tmp_path / "1.png").write_bytes(make_image())
    (tmp_path / "a.csv").write_text(table)
    assert said in refusal(tmp_path, "csv")


def test_a_parquet_file_names_columns_that_are_not_read(tmp_path, refusal, make_image):
    pq.write_table(pa.table({"key": ["1"], "caption": ["a"], "jpg": [make_image()]}), tmp_path / "0.parquet")
    assert "row 0: no column 'image'; the file has key, caption, jpg, for one; set" in refusal(tmp_path, "parquet")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea423c\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (POINTER, "a pointer of Git LFS in place of the file; run git lfs pull"),
        (b"\n<!DOCTYPE html><title>404</title>", "a page of HTML"),
        (b"PK\3\4" + b"x" * 600, "a zip; unpack it"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a picture in HEIC; save it as JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a drawing in SVG"),
    ],
)
def test_what_stands_in_the_place_of_a_file_or_an_image_is_named(tmp_path, refusal, content, said):
    for format_ in ("tar", "parquet", "csv", "tsv", "jsonl"):
        (tmp_path / f"0.{format_}").write_bytes(content)
        sentence = refusal(tmp_path, format_)
        assert f"0.{format_}#: the file is {said}, for one" in sentence
        assert ": 1 read, dropped as " in sentence
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.jpg").write_bytes(content)
    (tmp_path / "pictures" / "1.csv").write_text("image,caption\n1.jpg,a cat\n")
    assert f"{len(content)} bytes with an unknown header: {said}, for one" in refusal(tmp_path / "pictures", "csv")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(content)
    (tmp_path / "a" / "metadata.csv").write_text("file_name,text\n1.jpg,a cat\n")
    assert f"{len(content)} bytes with an unknown header: {said}, for one" in refusal(tmp_path / "a", "imagefolder")


def test_a_tar_with_the_images_first_says_how_to_pack_it(tmp_path, refusal, make_image):
    pictures = [(f"{number}.png", make_image(seed=number)) for number in range(3)]
    write_tar(tmp_path / "0.tar", pictures + [(f"{number}.txt", b"a cat") for number in range(3)])
    assert refusal(tmp_path, "tar").endswith("must follow each other in a tar, as tar --sort=name packs them")


def test_a_tar_whose_captions_are_in_its_json_says_which_keys_there_are(tmp_path, refusal, make_image):
    write_tar(tmp_path / "0.tar", [("1.png", make_image()), ("1.json", b'{"caption": "a cat", "key": "1"}')])
    said = "ingest.captions names 'txt', which no record has; the fields that are there: 'caption', 'key'"
    assert refusal(tmp_path, "tar").endswith(said)


def test_a_tar_whose_images_have_longer_names_says_how_they_are_read(tmp_path, refusal, make_image):
    write_tar(tmp_path / "0.tar", [("1.input.png", make_image()), ("1.output.txt", b"a cat")])
    assert "members: input.png, output.txt; the image is read where its name is <key>.png" in refusal(tmp_path, "tar")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/nowhere")])
def test_what_is_no_file_is_named_before_anything_waits_for_it(tmp_path, make):
    make(tmp_path / "0.tar")
    with pytest.raises(ValueError, match=re.escape(f"which cannot be listed ({tmp_path}/0.tar")):
        check_shards(IngestConfig(shards=str(tmp_path)))


def test_an_image_whose_name_is_in_another_form_of_unicode(tmp_path, refusal, make_image):
    (tmp_path / unicodedata.normalize("NFD", "Käfer.png")).write_bytes(make_image())
    (tmp_path / "a.csv").write_text(f"image,caption\n{unicodedata.normalize('NFC', 'Käfer.png')},a\n")
    assert "FileNotFoundError; it is there with its name in Unicode's form NFD: name it" in refusal(tmp_path, "csv")


@pytest.mark.parametrize(("indent", "said"), [(1, "a JSON array over several lines"), (None, "a list where an object")])
def test_a_json_array_is_named_once(tmp_path, refusal, indent, said):
    rows = [{"image": f"{number}.png", "caption": "a"} for number in range(9)]
    (tmp_path / "a.jsonl").write_text(json.dumps(rows, indent=indent))
    sentence = refusal(tmp_path, "jsonl")
    assert ": 1 read, dropped as " in sentence
    assert said in sentence
    assert "; jq -c '.[]' makes a line of each of its objects, for one" in sentence


def test_no_part_of_a_json_array_is_taken_for_lines(tmp_path):
    config = IngestConfig(shards=str(tmp_path), format="jsonl")
    array = b"\xef\xbb\xbf[\n" + b'{"image": "1.png", "caption": "a"}\n' * 9 + b"]"
    flaws = [[one.flaw for one in read_json_lines(io.BytesIO(array), Part(index, 3), config)] for index in range(3)]
    assert flaws == [["corrupt_file"], [], []]


def test_a_folder_without_the_files_says_what_it_has(tmp_path):
    for name in ("00000.parquet", "00001.parquet", "00000_stats.json"):
        (tmp_path / name).touch()
    for name in ("00000", "00001"):
        (tmp_path / name).mkdir()
    said = re.escape("or ingest.format; it has 2 *.parquet, 1 *.json, the folder '00000', the folder '00001'")
    with pytest.raises(ValueError, match=said):
        check_shards(IngestConfig(shards=str(tmp_path)))
    with pytest.raises(ValueError, match=r"; it is empty$"):
        check_shards(IngestConfig(shards=str(tmp_path / "00000")))


def test_a_file_in_place_of_its_folder_says_how_to_name_it(tmp_path):
    (tmp_path / "0.tar").touch()
    with pytest.raises(ValueError, match=r"which is a file; set it to the folder .* to {all: '0\.tar'}$"):
        check_shards(IngestConfig(shards=str(tmp_path / "0.tar")))
    check_shards(IngestConfig(shards=str(tmp_path), splits={"all": "0.tar"}))


def test_base64_is_no_path_though_it_looks_like_one(tmp_path, make_image, refusal):
    text = base64.b64encode(make_image(mode="L", kind="BMP", width=200, height=200)).decode()
    (tmp_path / "a.tsv").write_text(f"image\tcaption\n{text}\ta\n")
    assert f"of {len(text)} characters is no path; is it base64?" in refusal(tmp_path, "tsv")

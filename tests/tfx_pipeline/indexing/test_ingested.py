"""align index build --ingest: the files that a run would read, by the same readers."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from colour_encoder import picture

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.raw_record import Part, RawRecord
from components.pair_example_gen.storage.sources import read_source
from components.pair_example_gen.tasks import Source
from serving.search.stores.opening import open_store
from tfx_pipeline.indexing.entries import Entry, of_record
from tfx_pipeline.indexing.sources import IngestPart

MODEL = "colour_encoder:encoder"


def write_tar(path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_records_of_a_tar_keep_their_number_url_and_language(tmp_path, run, info):
    shards = tmp_path / "shards"
    shards.mkdir()
    told = json.dumps({"url": "https://pictures.test/blue", "punsafe": 0.25}).encode()
    members = {"0.jpg": b"broken", "0.txt": b"broken", "1.png": picture(0, 0, 255), "1.txt": "modré".encode()}
    write_tar(shards / "a.tar", {**members, "1.json": told, "2.png": picture(255, 0, 0)})
    config = tmp_path / "mine.yaml"
    config.write_text(
        "preset: small\ningest: {shards: shards, captions: {txt: cs}, url_field: url, hash_split: {train: 1}}\n"
        "filter: {splits: [train]}\nevaluation: {splits: [train]}\n",
        encoding="utf-8",
    )
    said = run("build", "--ingest", "--model", MODEL, "--config", str(config))
    assert "skipped 1 record, image_not_decodable: a.tar#0" in said
    store = open_store(tmp_path / "index")
    blue, red = store.rows(store.search(np.array([[0, 0, 1, 0.1]]), 5).ids[0]).to_pylist()
    assert (blue["row"], blue["caption"], blue["language"]) == (1, "modré", "cs")
    assert (blue["url"], blue["unsafe"], blue["split"]) == ("https://pictures.test/blue", 0.25, "train")
    assert (red["row"], red["caption"], red["source"]) == (2, None, str(shards / "a.tar"))
    (origin,) = info()["sources"]
    assert origin["kind"] == "ingest"
    read = IngestConfig(**origin["ingest"])
    records = list(read_source(Source(red["source"], 0), read))
    assert [records[row["row"]].image for row in (blue, red)] == [picture(0, 0, 255), picture(255, 0, 0)]


def test_a_row_of_a_part_of_a_parquet_file_has_its_number_in_the_file(tmp_path):
    path = tmp_path / "rows.parquet"
    pictures = [picture(level, 0, 0) for level in (10, 20, 30, 40)]
    pq.write_table(pa.table({"image": pictures, "caption": list("abcd")}), path, row_group_size=2)
    config = IngestConfig(shards=str(tmp_path), format="parquet")
    part = IngestPart(config, Source(str(path), path.stat().st_size, Part(1, 2)), {})
    assert [entry.row["row"] for entry in part.entries()] == [2, 3]


def test_a_picture_that_a_table_names_is_its_own_source(tmp_path):
    (tmp_path / "red.png").write_bytes(picture(255, 0, 0))
    (tmp_path / "rows.csv").write_text("image,caption\nred.png,a red one\n../out.png,outside\n", encoding="utf-8")
    part = IngestPart(IngestConfig(shards=str(tmp_path), format="csv"), Source(str(tmp_path / "rows.csv"), 60), {})
    red, outside = part.entries()
    assert (red.row["source"], red.row["row"]) == (str(tmp_path / "red.png"), None)
    assert outside.reason == "image_path_outside"


def test_a_picture_has_one_id_wherever_it_is_read_from():
    def entry(name: str, image: bytes, source: str) -> Entry:
        config = IngestConfig()
        return of_record(RawRecord("", image), config, name=name, url="", shares={}, source=source, row=0)

    red, blue = picture(255, 0, 0), picture(0, 0, 255)
    assert entry("a.tar#0", red, "here").row["id"] == entry("a.tar#0", red, "there").row["id"]
    ids = {entry(*pair, "here").row["id"] for pair in (("a", red), ("a", blue), ("b", red))}
    assert len(ids) == 3


def test_metadata_in_files_of_its_own_meets_its_images(tmp_path, run, info):
    """As a run joins it: by address, rows of one address together, and images that no row knows left out."""
    shards = tmp_path / "shards"
    shards.mkdir()
    colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
    for shard, names in {"a": ("red", "green"), "b": ("blue",)}.items():
        members = {}
        for name in names:
            told = json.dumps({"url": f"http://x/{name}", "caption": "corrected later"}).encode()
            members |= {f"{name}.png": picture(*colours[name]), f"{name}.json": told}
        write_tar(shards / f"{shard}.tar", members)
    rows = {"URL": [f"http://x/{name}" for name in ("red", "blue", "never")], "TEXT": ["rot", "modré", "x"]}
    pq.write_table(pa.table({**rows, "LANGUAGE": ["de", "cs", "en"]}), shards / "part-0.parquet")
    config = tmp_path / "mine.yaml"
    config.write_text(
        "preset: small\ningest: {shards: shards, format: laion, metadata: part-*.parquet, hash_split: {train: 1}}\n"
        "filter: {splits: [train]}\nevaluation: {splits: [train]}\n",
        encoding="utf-8",
    )
    built = ("build", "--ingest", "--model", MODEL, "--config", str(config))
    assert "skipped 1 record, no_metadata: http://x/green" in run(*built)
    store = open_store(tmp_path / "index")
    found = store.rows(store.search(np.array([[0, 0, 1, 0.1]]), 5).ids[0]).to_pylist()
    told = [(row["url"][-4:], row["caption"], row["language"], row["row"]) for row in found]
    assert told == [("blue", "modré", "cs", 0), ("/red", "rot", "de", 0)]
    assert info()["skipped"] == {"no_metadata": 1}
    assert "Embedding" not in run(*built)
    pq.write_table(pa.table({**rows, "LANGUAGE": ["de", "sk", "en"]}), shards / "part-0.parquet")
    assert "Embedding the images, 2 of 2 parts" in run(*built)
    store = open_store(tmp_path / "index")
    assert store.rows(store.search(np.array([[0, 0, 1, 0.1]]), 1).ids[0]).column("language").to_pylist() == ["sk"]

"""Files and disks as users have them: links that lead round, names of another age, no room."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import colour_encoder
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colour_encoder import picture

from tfx_pipeline.settings.config import ConfigError

MODEL = "colour_encoder:encoder"


def test_a_disk_that_is_full_is_one_sentence_and_the_index_stands(run, info, tmp_path):
    """A limit on the size of files stands in for a disk: the same error of the same write."""
    run("build", "--model", MODEL)
    many = pa.array(np.random.default_rng(0).normal(size=(20_000, 4)).tolist(), pa.list_(pa.float32()))
    pq.write_table(pa.table({"embedding": many}), tmp_path / "many.parquet")
    words = ["index", "add", str(tmp_path / "many.parquet"), "--index", str(tmp_path / "index")]
    most = 100_000  # bytes
    done = subprocess.run(
        [Path(sys.executable).with_name("align"), *words],
        env={**os.environ, "PYTHONPATH": str(Path(colour_encoder.__file__).parent)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "File too large; what the index held stands" in done.stderr
    assert "Traceback" not in done.stderr
    assert info()["count"] == 5


def test_a_file_that_the_system_does_not_open_is_one_sentence(run, tmp_path):
    """A folder in a file's place stands in for a read-only disk, which root has none of."""
    run("build", "--model", MODEL)
    (tmp_path / "index" / "writing.lock").unlink()
    (tmp_path / "index" / "writing.lock").mkdir()
    for words in (("delete", "a"), ("compact",), ("add", "--model", MODEL)):
        with pytest.raises(ConfigError, match=r"writing\.lock cannot be read or written \(Is a directory\); see to"):
            run(*words)


def test_pictures_below_links_that_lead_round_are_indexed_once(run, info, tmp_path):
    folder = tmp_path / "pictures"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "red.png").write_bytes(picture(255, 0, 0))
    (folder / "in" / "up").symlink_to("..")
    (folder / "in" / "self").symlink_to(".")
    run("build", str(folder), "--model", MODEL)
    assert info()["count"] == 1


def test_a_path_that_is_no_utf8_is_left_out_and_named(run, info, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "red.png").write_bytes(picture(255, 0, 0))
    odd = os.fsdecode(os.fsencode(folder) + b"/gr\xfcn")
    Path(f"{odd}.png").write_bytes(picture(0, 255, 0))
    said = run("build", str(folder), "--model", MODEL)
    assert "path_not_utf8: gr\\udcfcn.png" in said
    assert (info()["count"], info()["skipped"]) == (1, {"path_not_utf8": 1})
    pq.write_table(pa.table({"embedding": [[1.0, 0.0, 0.0, 0.0]]}), tmp_path / "vectors.parquet")
    (tmp_path / "vectors.parquet").rename(f"{odd}.parquet")
    with pytest.raises(ConfigError, match="is no UTF-8, which an index keeps; rename it"):
        run("add", f"{odd}.parquet")

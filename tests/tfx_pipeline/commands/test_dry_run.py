"""`align filter` for real: the counts can be worked out by hand, and nothing is left of it however it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import tarfile
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tfx_pipeline.commands.dry_run import dry_run, filter_into, limited
from tfx_pipeline.settings.config import Config, ConfigError, build

ALIGN = [sys.executable, "-m", "tfx_pipeline.cli", "filter"]


def noise(seed: int, side: int = 40) -> bytes:
    """Returns an image that resembles no other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_shard(path, pairs: list[tuple[bytes, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for number, (image, caption) in enumerate(pairs):
            for name, content in ((f"{number}.png", image), (f"{number}.txt", caption.encode())):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def values(tmp_path_factory) -> dict:
    """A config of ten pairs: one is too small, one in coco, one has a short caption and one is no image."""
    folder = tmp_path_factory.mktemp("data")
    pairs = [(noise(seed), f"a cat number {seed}") for seed in range(6)]
    pairs += [(noise(6, side=8), "a small cat"), (noise(7), "a cat of coco"), (noise(8), "cat"), (b"none", "a bad cat")]
    write_shard(folder / "ours" / "0.tar", pairs)
    write_shard(folder / "coco" / "0.tar", [(noise(7), "a cat of coco"), (noise(9), "another one")])
    return {
        "output": str(folder / "output"),
        "ingest": {"shards": str(folder / "ours"), "hash_split": {"train": 1}},
        "evaluation": {"splits": ["train"]},
        "evaluation_sets": {"coco": {"shards": str(folder / "coco")}},
        "filter": {"shorter_side_above_px": 10},
    }


def command(tmp_path, values: dict, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Returns the command, and an environment whose temporary folder is tmp_path/tmp."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    chosen = [*ALIGN, "--config", str(tmp_path / "mine.yaml"), *arguments]
    return chosen, {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "COLUMNS": "200"}


def test_it_prints_what_each_rule_drops_and_leaves_nothing_behind(tmp_path, values):
    chosen, environment = command(tmp_path, values, "--sample", "100")
    done = subprocess.run(chosen, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    cells = [line.split() for line in done.stdout.splitlines()]
    rows = {name: rest for name, *rest in filter(None, reversed(cells))}  # a rule's row stands before its samples
    assert rows["shorter_side"] == ["10", "1", "1", "11.1", "%"]
    assert rows["evaluation_image"][:3] == ["on", "1", "1"]
    assert rows["too_few_words"][:3] == ["3", "–", "1"]  # noqa: RUF001 - an en dash
    assert rows["kept"] == ["6", "6", "66.7", "%"]
    assert rows["read"] == ["9", "9", "100.0", "%"]
    assert "'a cat of coco' a copy of an image of 'coco'" in done.stdout
    assert "Ingest skipped 1 record before: image_not_decodable 1." in done.stdout
    assert "Compared with the evaluation sets coco (2 images), 100 records of each at most." in done.stdout
    assert "captions_per_image, images_per_caption, rare_ngram count over the corpus" in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not os.path.exists(values["output"])


@pytest.mark.parametrize("sampled", [[], ["--sample", "100"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_and_leaves_nothing_behind(tmp_path, values, number, sampled):
    chosen, environment = command(tmp_path, values, *sampled)
    process = subprocess.Popen(chosen, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    workers = wait_for_workers(process, 1)
    process.send_signal(number)
    assert process.wait(timeout=60) == (130 if number == signal.SIGINT else 128 + number)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not is_running(workers[0])
    wait_until_gone(workers)


@pytest.mark.parametrize("killed", ["the command", "the process that filters"])
def test_no_process_outlives_a_killed_one(tmp_path, values, killed):
    chosen, environment = command(tmp_path, values, "--sample", "100")
    process = subprocess.Popen(chosen, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    workers = wait_for_workers(process, 1)
    os.kill(process.pid if killed == "the command" else workers[0], signal.SIGKILL)
    process.wait(timeout=60)
    wait_until_gone(workers)


def wait_for_workers(process: subprocess.Popen, number: int) -> list[int]:
    """Returns the ids of a process's child, its child's child and so on, once there are so many."""
    while process.poll() is None:
        found = [process.pid]
        while children := workers_of(found[-1]):
            found.append(children[0])
        if len(found) > number:
            return found[1:]
        time.sleep(0.05)
    raise AssertionError(process.communicate())


def workers_of(process: int) -> list[int]:
    """Returns the ids of a process's children."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def is_running(process: int) -> bool:
    """Says whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until_gone(processes: list[int]) -> None:
    """Returns when none of them runs; fails where one still does after a minute."""
    for _ in range(1200):
        if not any(map(is_running, processes)):
            return
        time.sleep(0.05)
    raise AssertionError(processes)


ODD_TAIL = b"\0\0\0\1pHYs\1" + struct.pack(">I", zlib.crc32(b"pHYs\1"))  # TensorFlow does not mind it, Pillow does


@pytest.mark.parametrize(
    ("picture", "kept"),
    [(noise(2)[:2000], 1), (noise(2)[:-12], 1), (noise(2)[:-12] + ODD_TAIL + noise(2)[-12:], 2)],
    ids=["both refuse it", "Pillow alone reads it", "Pillow alone refuses it"],
)
def test_a_samples_counts_are_the_training_decoders(tmp_path, picture, kept):
    write_shard(tmp_path / "data" / "0.tar", [(noise(1), "a cat number 1"), (picture, "a cat number 2")])
    config = build({"ingest": {"shards": str(tmp_path / "data")}, "evaluation": {"splits": ["train"]}})
    found = filter_into(tmp_path, limited(config, 100))
    splits = found["ingest"]["splits"].values()
    assert sum(split["images"]["kept"] for split in splits) == kept
    assert sum(split["images"]["dropped"].get("image_not_decodable", 0) for split in splits) == 2 - kept


def test_what_is_not_there_is_one_sentence(tmp_path, values):
    missing = {**values, "evaluation_sets": {"coco": {"shards": str(tmp_path / "none")}}}
    chosen, environment = command(tmp_path, missing)
    done = subprocess.run(chosen, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"align: evaluation_sets.coco.shards is '{tmp_path / 'none'}', which does not exist; "
        "set it to the folder of your tar shards\n"
    )
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_sample_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="--sample is 0; it must be at least 1, or be left out for all of the data"):
        dry_run(Config(), 0, None)


def test_a_filter_that_leaves_nothing_shows_what_dropped_it(tmp_path, values):
    config = build({**values, "evaluation_sets": {}, "filter": {"shorter_side_above_px": 100}})
    found = filter_into(tmp_path, config)
    assert found["filter"]["splits"]["train"]["images"] == {"read": 9, "kept": 0, "dropped": {"shorter_side": 9}}
    assert found["error"] == (
        "the filter left none of the 9 pairs of the split 'train': shorter_side dropped most, 9; "
        "loosen filter.shorter_side_above_px, which is 100"
    )
    json.dumps(found)


def test_a_sample_is_no_greater_than_the_configs_own(values):
    sets = {"coco": {"shards": "gs://c"}, "flickr30k": {"shards": "gs://f", "sample": 7}}
    config = build({**values, "evaluation_sets": sets})
    small = limited(config, 50)
    assert (small.ingest.sample, small.evaluation_sets["coco"].sample) == (50, 50)
    assert small.evaluation_sets["flickr30k"].sample == 7
    assert limited(config, None) == config

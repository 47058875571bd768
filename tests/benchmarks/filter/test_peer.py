"""The plain script applies the same rules to the same pairs, as Examples and as tars, and writes what it keeps."""

import dataclasses
import json
import subprocess
import sys
import tarfile

import pytest

from benchmarks.filter.exactness import config_for
from benchmarks.filter.oracle import Record, filter_plainly, read_records
from benchmarks.filter.peer import PeerJob, filter_pairs, perceptual_hash, read_tar
from benchmarks.filter.text_rules import judge_plainly, read_rows
from benchmarks.pairs.plan import Corpus
from benchmarks.pairs.stand_ins import NoImages, StandIns
from benchmarks.pairs.writing import write_examples, write_tars
from benchmarks.shared.processes import watch
from components.image_fingerprint import Fingerprint

PAIRS = 300


@pytest.fixture(scope="module")
def corpus():
    return Corpus(2, PAIRS, max_captions=3)


@pytest.fixture(scope="module")
def config():
    """Without evaluation images: which of them are near is imagehash's to say there, and ours here."""
    return dataclasses.replace(config_for(PAIRS, frequent_ngrams=3 * PAIRS), drop_evaluation_images=False)


@pytest.fixture(scope="module")
def expected(corpus, config, tmp_path_factory):
    """Folder of the Examples and what the oracle makes of them."""
    folder = tmp_path_factory.mktemp("examples")
    write_examples(corpus, NoImages, folder, pairs_per_file=200)
    return folder, filter_plainly(read_records(folder, ["train"]), config)


def captions_of(counts):
    """Returns fate -> captions, those whose image a rule dropped left out, as the script counts."""
    fates = ("kept", "images_per_caption", "too_few_words", "too_many_words", "rare_ngram")
    return {fate: counts["train", "captions", fate] for fate in fates}


def images_of(counts):
    fates = {fate for (_, kind, fate) in counts if kind == "images" and fate != "read"}
    return {fate: counts["train", "images", fate] for fate in fates}


def of_kind(counts, kind):
    return {key.partition(" ")[2]: number for key, number in counts.items() if key.startswith(kind)}


def test_examples_in_and_out(expected, config, tmp_path):
    folder, outcome = expected
    counts = filter_pairs(PeerJob("examples", str(folder), str(tmp_path), dataclasses.asdict(config)))
    assert of_kind(counts, "captions") == captions_of(outcome.counts)
    assert of_kind(counts, "images") == images_of(outcome.counts)
    kept = [(record.name, record.captions) for record in read_records(tmp_path, ["train"])]
    assert kept == outcome.kept["train"]
    assert any(len(captions) > 1 for _, captions in kept)


def test_tars_in_and_out(corpus, config, tmp_path):
    manifest = write_tars(corpus, StandIns, tmp_path / "pairs", pairs_per_file=200)
    counts = filter_pairs(PeerJob("tars", str(tmp_path / "pairs"), str(tmp_path / "kept"), dataclasses.asdict(config)))
    records = [
        Record(item.raw["json"][0].name, "train", item.sha256, *item.size, tuple(item.captions), Fingerprint(0, None))
        for path in sorted((tmp_path / "pairs").glob("train/*.tar"))
        for item in read_tar(path)
    ]
    # A truncated JPEG still has a header, which is all that is asked of an image that is compared with none.
    assert len(records) == manifest["pairs"]["train"] + manifest["damages"].get("truncated_image", 0)
    outcome = filter_plainly(records, config)
    assert of_kind(counts, "captions") == captions_of(outcome.counts)
    assert of_kind(counts, "images") == images_of(outcome.counts)
    kept = []
    for path in sorted((tmp_path / "kept").glob("train/*.tar")):
        with tarfile.open(path) as tar:
            names = [member.name for member in tar if member.name.endswith(".json")]
            kept += [(name, tuple(json.loads(tar.extractfile(name).read())["captions"])) for name in names]
    assert kept == outcome.kept["train"]
    image = next(item.image for item in read_tar(tmp_path / "pairs" / "seen" / "00000.tar"))
    assert perceptual_hash(image).shape == (64,)
    assert perceptual_hash(b"not an image") is None


def test_loops_over_texts_count_as_the_oracle_does(expected, config):
    folder, outcome = expected
    everything, judged = read_rows(folder, config)
    assert len(everything) > len(judged)
    fates = judge_plainly(everything, judged, config)
    assert fates == {fate: outcome.counts["train", "captions", fate] for fate in fates}
    assert sum(fates.values()) == sum(len(captions) for _, captions in judged)


def test_peak_memory_and_cpu_time_of_a_process_are_seen():
    code = "held = b'x' * (200 << 20); import time; t = time.process_time()\nwhile time.process_time() - t < 1: pass"
    peaks = watch(subprocess.Popen([sys.executable, "-c", code]))
    assert 200 << 20 < peaks.main_bytes < 300 << 20
    assert peaks.worker_bytes == 0
    assert 0.5 < peaks.cpu_s < 5

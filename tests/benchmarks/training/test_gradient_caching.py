"""The measurement of gradient caching's memory, run small: both batches train, and the table says what it should."""

from __future__ import annotations

from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from benchmarks.training import gradient_caching
from benchmarks.training.gradient_caching import ASKED, MIB, Trained, report


def test_the_table_names_peaks_their_ratio_and_the_images():
    found = {256: Trained(500 * MIB, 2000 * MIB, 8, 40.0, 1.0), 4096: Trained(500 * MIB, 2500 * MIB, 2, 41.5, 1.0)}
    *_, small, large = report(found, 128).splitlines()
    assert small == f"| 256 | 2,000 | 1.00 | at most {ASKED} | 500 | 12 | 8 | 40.0 |"
    assert large == f"| 4,096 | 2,500 | 1.25 | at most {ASKED} | 500 | 192 | 2 | 41.5 |"


def test_each_batch_trains_in_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    make(tmp_path / "pairs", Corpus(pairs=100), "examples", "stand-ins", 100)
    coefficients = {"image_width_coefficient": 0.25, "image_depth_coefficient": 0.1}  # quick to trace
    model = {"image": "b0", **coefficients, "text": "tiny", "image_resize_px": 36, "image_crop_px": 32}
    job = {"model": model, "batch": 4, "micro_batch": 2, "steps": 2}
    trained = gradient_caching.in_process_of_its_own({**job, "files": str(tmp_path / "pairs" / "Split-train" / "*")})
    assert trained.steps == 2
    assert trained.peak_bytes > trained.before_bytes > 100 * gradient_caching.MIB
    assert trained.pairs_per_s > 0
    assert 0 < trained.loss < 100

"""The tables of the filter's benchmarks hold the ratios that their numbers make."""

from collections import Counter

from benchmarks.filter import scale, speed, text_rules
from benchmarks.filter.run import FilterRun
from benchmarks.filter.stand_ins import Filtered
from benchmarks.shared.processes import Peaks


def make_run(seconds, cpu=0.0, worker=0, launcher=0):
    """Returns a run of these seconds, CPU seconds, and MiB of its worker and of its launcher."""
    return FilterRun(20.0, seconds, cpu, Peaks(launcher << 20, worker << 20, cpu))


def cells(text):
    """Returns the first cell of each row of a table -> the others."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows}


def test_speed_is_told_with_the_start_and_without_it():
    measured = speed.Measured(
        ours=[make_run(60, 90.0), make_run(50, 80.0), make_run(90, 99.0)],
        start=[make_run(19, 30.0), make_run(20, 31.0), make_run(99, 32.0)],
        peers={"examples": [(200.0, 9.0), (180.0, 8.0), (160.0, 7.0)], "tars": [(120.0, 5.0)] * 3},
        kept={"ours": 7, "examples": 8, "tars": 9},
    )
    table = cells(speed.report(measured, 8200))
    assert table["ours, 2 workers"] == ["60.0, 50.0, 90.0", "90.0", "137", "7"]
    assert table["ours without its workers' start"] == ["40.0", "59.0", "200", ""]  # 8000 pairs in 40 s
    assert table["plain script on examples"] == ["200.0, 180.0, 160.0", "8.0", "46", "8"]
    assert table["ours to the script on examples"] == ["3.00", "4.39", "3.0"]  # 8000 / 40 to 8200 / 180
    assert table["ours to the script on tars"] == ["2.00", "2.93", "3.0"]


def make_filtered(pairs, captions, kept, run):
    """Returns what a run made of pairs and captions that were read and captions that were kept."""
    manifest = {"pairs": {"seen": 10, "train": pairs - 10}, "captions": {"seen": 40, "train": captions - 40}}
    return Filtered(manifest, Counter({("train", "captions", "kept"): kept}), run)


def test_growth_is_that_of_the_last_size_to_the_first():

    start = make_filtered(100, 400, 300, make_run(20))
    sizes = [
        make_filtered(25_000, 100_000, 50_000, make_run(30, 40.0, 600, 500)),
        make_filtered(250_000, 1_000_000, 600_000, make_run(130, 300.0, 750, 2000)),
    ]
    table = cells(scale.report(sizes, start))
    assert table["1000000"] == ["250000", "600000", "130.0", "110.0", "750", "2000", "300"]
    assert table["time"] == ["4.33", "12.0"]
    assert table["time without start"] == ["11.00", "12.0"]
    assert table["peak memory of a worker"] == ["1.25", "1.5"]
    assert table["peak memory of the process that launches and shuffles"] == ["4.00", ""]


def test_rules_on_texts_are_told_without_reading_and_writing():

    runs = [make_run(0, 20.0), make_run(0, 22.0), make_run(0, 30.0)]
    table = cells(text_rules.report(runs, make_run(0, 2.0), [4.0, 4.0, 5.0], [8.0, 10.0, 9.0]))
    assert table["ours, rules alone"] == ["", "18.00"]
    assert table["rules alone"] == ["2.00", "2.0"]
    assert table["rules alone, without Beam's start"] == ["1.78", "2.0"]
    assert table["rules with reading and writing"] == ["1.69", ""]  # 22 / (9 + 4)

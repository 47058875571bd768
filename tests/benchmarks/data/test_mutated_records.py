"""A share of the measurement, which is written for 10 000 damaged files: none crashes, all balance."""

import pytest

from benchmarks.data import damaged_files, mutated_records
from components.counts import IMAGES, Counts

SHARE = range(20_000, 20_600)  # numbers that the command itself, which begins at 0, does not run


def test_damage_of_every_kind_is_counted_and_harms_no_other_pair():
    found = mutated_records.run(SHARE)
    assert sum(row["files"] for row in found.values()) == len(SHARE)
    assert set(found) == {*damaged_files.PAIR_DAMAGES, *damaged_files.FILE_DAMAGES}
    for damage, row in found.items():
        if damage in mutated_records.EXPECTED and "" not in mutated_records.EXPECTED[damage]:
            assert row["images kept"] == 2 * row["files"], damage
    assert found["none"]["images kept"] == 3 * found["none"]["files"]


@pytest.mark.parametrize(
    ("kept", "dropped", "message"),
    [
        (2, {}, "tally does not balance"),
        (1, {"no_caption": 2}, "the other pairs must be kept"),
        (2, {"corrupt_file": 1}, "it must be one of"),
    ],
)
def test_the_check_itself_can_fail(kept, dropped, message):
    counts = Counts()
    counts.read["train", IMAGES] = 3
    counts.kept["train", IMAGES] = kept
    counts.dropped.update({("train", IMAGES, reason): number for reason, number in dropped.items()})
    with pytest.raises(ValueError, match=message):
        mutated_records.check(counts, "null caption", damaged_files.LAYOUTS[0])

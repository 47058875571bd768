"""How numbers and times are written for people."""

from datetime import datetime

import pytest

from tfx_pipeline import wording


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.duration(0.04), "0.0 s"),
        (wording.duration(9.96), "10 s"),
        (wording.duration(59.6), "1 min 00 s"),
        (wording.duration(3599.7), "1 h 00 min"),
        (wording.duration(7620), "2 h 07 min"),
        (wording.percent(0.41), "41.0 %"),
        (wording.percent(0.000712), "0.07 %"),
        (wording.percent(0.0), "0.0 %"),
        (wording.percent(1.0), "100.0 %"),
        (wording.percent(float("nan")), "–"),  # noqa: RUF001
        (wording.measure(0.07123), "0.0712"),
        (wording.measure(3.214), "3.21"),
        (wording.measure(412.3), "412"),
        (wording.measure(0.0), "0"),
        (wording.measure(1.234e-5), "1.23e-05"),
        (wording.counted(1, "image"), "1 image"),
        (wording.counted(4218, "image"), "4,218 images"),
    ],
)
def test_wording(written, expected):
    assert written == expected


def test_a_moment_is_written_to_the_minute_in_local_time():
    assert wording.moment(datetime(2026, 3, 1, 14, 5, 59).timestamp()) == "2026-03-01 14:05"

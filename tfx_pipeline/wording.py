"""How numbers and times are written for people, on the terminal and in the report alike."""

from __future__ import annotations

import math
import time

NOTHING = "–"  # noqa: RUF001 - an en dash, as tables have it


def count(number: float) -> str:
    """Returns a whole number with thousands separators: 4,218; NaN as a dash."""
    return f"{round(number):,}" if math.isfinite(number) else NOTHING


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun: 1 image, 4,218 images."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(share: float) -> str:
    """Returns a share in [0, 1] as 41.0 %; small ones with two digits (0.07 %), NaN as a dash."""
    if not math.isfinite(share):
        return NOTHING
    value = 100 * share
    return f"{value:.2f} %" if 0 < value < 1 else f"{value:.1f} %"


def duration(seconds: float) -> str:
    """Returns a time as 0.4 s, 12 s, 3 min 05 s or 2 h 07 min."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(unix_time: float) -> str:
    """Returns a time in this machine's zone as 2026-03-01 14:05."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(unix_time))


def measure(value: float) -> str:
    """Returns a measured value to three significant digits: 0.0712, 3.21, 412, 1.23e-05."""
    if not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"
    return f"{value:.2e}"

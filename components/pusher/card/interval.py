"""How sure a share is that was counted on some images.

Reference: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
"""

from __future__ import annotations

import math

_Z = 1.959964  # of 95 % of a normal distribution, both sides


def wilson(share: float, count: float) -> tuple[float, float]:
    """Returns the 95 % interval of a share of `count` independent draws.

        (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
      share: p, in [0, 1].
      count: n, above 0.
    """
    square = _Z * _Z / count
    middle, width = share + square / 2, _Z * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, (middle - width) / (1 + square)), min(1.0, (middle + width) / (1 + square))

"""The first of EfficientNet's seven stages, for tests of what stands around the tower.

Building the graph of all seven takes longer than everything else in such a test.
"""

from __future__ import annotations

from collections.abc import Callable

from models import sizes
from models.towers import image_tower


def shorten(set_attribute: Callable[[object, str, object], None]) -> None:
    """Cut the towers that are built from here on; `setattr` does it for good, a MonkeyPatch's until it is undone."""
    stages = sizes.STAGES[:1]
    for module in (sizes, image_tower):
        set_attribute(module, "STAGES", stages)

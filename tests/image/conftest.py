"""The image, where it is there and can be run."""

from __future__ import annotations

import pytest

from image_containers import IMAGE, missing_image


@pytest.fixture(scope="session", autouse=True)
def image() -> str:
    """The image's name."""
    if missing_image():
        pytest.skip(missing_image())
    return IMAGE

"""A tiny preset of each family, saved once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def presets(tmp_path_factory) -> dict[str, Path]:
    """Returns family -> folder, which no test may change."""
    from tiny_presets import save_clip, save_siglip

    root = tmp_path_factory.mktemp("presets")
    return {"clip": save_clip(root / "clip"), "siglip": save_siglip(root / "siglip")}

"""The image's lock: the checkout's own pins for the newer stack, less what deploy/image/excluded.txt names."""

from __future__ import annotations

import re

import pytest
from packaging.markers import Marker

from pages import ROOT

LOCK = ROOT / "requirements.lock"
IMAGE_LOCK = ROOT / "deploy" / "image" / "requirements.lock"
EXCLUDED = ROOT / "deploy" / "image" / "excluded.txt"
NEWER_STACK = {"python_version": "3.11", "python_full_version": "3.11.7"}
REPLACED = {"tensorflow-cpu": "tensorflow"}  # the same sources, built without GPU code: other hashes
IN_IMAGE_ALONE = {"pip"}  # which Beam's boot asks what is installed


def pins(path) -> dict[str, tuple[str, frozenset[str]]]:
    """Returns distribution -> (version, hashes) of the newer stack."""
    found = {}
    for entry in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8")):
        pin = re.match(r"([\w-]+)==(\S+)(?: ; ([^\\]+))?", entry)
        if pin and (not pin[3] or Marker(pin[3].strip()).evaluate(NEWER_STACK)):
            found[pin[1]] = pin[2], frozenset(re.findall(r"sha256:\w+", entry))
    return found


@pytest.fixture(scope="module")
def in_image():
    return pins(IMAGE_LOCK)


def test_what_the_image_holds_is_what_is_tested_outside_it(in_image):
    checked = pins(LOCK)
    assert len(in_image) > 100
    for name in set(in_image) - IN_IMAGE_ALONE:
        version, hashes = in_image[name]
        expected_version, expected_hashes = checked[REPLACED.get(name, name)]
        assert version == expected_version, name
        assert name in REPLACED or hashes == expected_hashes, name


def test_what_is_excluded_is_what_would_otherwise_be_there(in_image):
    excluded = {line for line in EXCLUDED.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
    assert not excluded & set(in_image)
    assert excluded <= set(pins(LOCK)), "a name that nothing asks for"

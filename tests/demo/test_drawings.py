"""Tests of how demo/build.py finds an artist's drawing of an emoji: by code points, or by one of its names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

DEMO = Path(__file__).parents[2] / "demo"

sys.path.insert(0, str(DEMO))  # the scripts of demo/ are no package: they are run from there

from drawings import (  # noqa: E402
    BY_NAME,
    DRAWINGS,
    EMOJI_LIST,
    ICON_NAMES,
    Names,
    concepts_by_name,
    find_drawings,
    folded,
    icons_by_concept,
    not_rendered,
    source,
)

WHALE = Names("1F40B", "whale", "WHALE", ("whale2",))
SPOUTING = Names("1F433", "spouting whale", "SPOUTING WHALE", ("whale",))
SALAD = Names("1F957", "green salad", "GREEN SALAD", ("green_salad",))
BEAR = Names("1F43B", "bear", "BEAR FACE", ("bear",))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("A button (blood type)", "abuttonbloodtype"),
        ("piñata", "pinata"),
        ("rescue-workers-helmet", "rescueworkershelmet"),
        ("rescue worker’s helmet", "rescueworkershelmet"),
    ],
)
def test_names_are_compared_without_case_accents_and_signs(name, plain):
    assert folded(name) == plain


@given(st.text(max_size=12))
def test_folding_a_folded_name_changes_nothing(name):
    assert folded(folded(name)) == folded(name)


def test_cldrs_name_goes_before_unicodes_and_a_short_name():
    found = concepts_by_name([SPOUTING, WHALE, SALAD, BEAR])
    assert found["whale"] == "1F40B"
    assert found["spoutingwhale"] == "1F433"
    assert found["bearface"] == found["bear"] == "1F43B"


def test_a_name_that_two_emoji_share_stands_for_neither():
    found = concepts_by_name([Names("1", "one", "", ("e-mail",)), Names("2", "two", "", ("email",))])
    assert found == {"one": "1", "two": "2"}


def test_icons_map_by_name_and_by_the_list_written_by_hand():
    concepts = concepts_by_name(
        [SALAD, Names("1F431", "cat face", "CAT FACE", ("cat",)), Names("1F408", "cat", "CAT", ())]
    )
    assert icons_by_concept(["green-salad", "cat", "nonsense"], concepts, "emojione") == {
        "1F957": "green-salad",
        "1F408": "cat",
    }
    assert icons_by_concept(["cat", "catside"], concepts, "fxemoji") == {"1F431": "cat", "1F408": "catside"}


def test_the_first_of_several_variants_is_taken():
    concepts = concepts_by_name([SALAD])
    assert icons_by_concept(["green-salad-2", "green-salad-1"], concepts, "streamline-emojis") == {
        "1F957": "green-salad-1"
    }


def test_the_list_written_by_hand_names_sets_that_there_are():
    written = json.loads(ICON_NAMES.read_text(encoding="utf-8"))
    assert set(written) - {""} <= set(BY_NAME)


def test_drawings_are_found_by_code_points_in_each_sets_way_of_writing_them(tmp_path):
    heart = Names("2764-FE0F", "red heart", "HEAVY BLACK HEART", ("heart",))
    packages, rendered = tmp_path / "packages", tmp_path / "rendered"
    files = [
        packages / DRAWINGS["google"] / "2764-fe0f.png",
        packages / DRAWINGS["fluent"] / "2764.webp",
        rendered / "openmoji" / "2764.png",
        rendered / "noto-v1" / "red-heart.png",
    ]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"a")
    found = find_drawings(packages, rendered, [heart])
    assert {artist: drawings["2764-FE0F"] for artist, drawings in found.items() if drawings} == dict(
        zip(("google", "fluent", "openmoji", "noto-v1"), files, strict=True)
    )


def test_one_drawing_for_several_concepts_counts_for_none_but_with_the_first_four_artists(tmp_path):
    concepts = [Names("1F534", "red circle", "", ()), Names("1F535", "blue circle", "", ()), SALAD]
    packages, rendered = tmp_path / "packages", tmp_path / "rendered"
    for folder in (packages / DRAWINGS["google"], rendered / "noto-mono"):
        folder.mkdir(parents=True)
        for concept in concepts:
            case = str.lower if "google" in str(folder) else str.upper
            (folder / f"{case(concept.unified)}.png").write_bytes(b"salad" if concept is SALAD else b"disc")
    found = find_drawings(packages, rendered, concepts)
    assert set(found["google"]) == {"1F534", "1F535", "1F957"}
    assert set(found["noto-mono"]) == {"1F957"}


def test_a_rendering_cut_short_is_seen(tmp_path):
    packages, rendered = tmp_path / "packages", tmp_path / "rendered"
    (packages / DRAWINGS["openmoji"]).mkdir(parents=True)
    (packages / DRAWINGS["openmoji"] / "1F957.svg").touch()
    for artist in (*BY_NAME, "noto-mono"):
        (packages / DRAWINGS[artist]).parent.mkdir(parents=True)
        (packages / DRAWINGS[artist]).write_text('{"icons": {}}', encoding="utf-8")
    (packages / EMOJI_LIST).parent.mkdir(parents=True)
    (packages / EMOJI_LIST).write_text('[{"unified": "1F43B"}]', encoding="utf-8")
    icons = '{"icons": {"bear": {}}, "aliases": {"bruin": {"parent": "bear"}, "lost": {"parent": "away"}}}'
    (packages / DRAWINGS["emojione"]).write_text(icons, encoding="utf-8")
    expected = ["emojione/bear.png", "emojione/bruin.png", "noto-mono/1F43B.png", "openmoji/1F957.png"]
    assert not_rendered(packages, rendered) == [rendered / name for name in expected]
    for name in expected[:3]:
        (rendered / name).parent.mkdir(parents=True, exist_ok=True)
        (rendered / name).touch()
    assert not_rendered(packages, rendered) == [rendered / "openmoji/1F957.png"]


@pytest.mark.parametrize(
    ("artist", "file", "url"),
    [
        ("google", "1f957.png", "emoji-datasource-google-16.0.0/img/google/64/1f957.png"),
        ("openmoji", "1F957.png", "openmoji-17.0.0/color/svg/1F957.svg"),
        ("fluent", "1f957.webp", "lobehub-fluent-emoji-3d-1.1.0/assets/1f957.webp"),
        ("emojione", "green-salad.png", "iconify-json-emojione-1.2.3/icons.json#green-salad"),
        (
            "noto-mono",
            "1F957.png",
            "expo-google-fonts-noto-emoji-0.4.7/400Regular/NotoEmoji_400Regular.ttf#1F957",
        ),
    ],
)
def test_a_records_url_names_package_and_drawing(artist, file, url):
    assert source(artist, Path(file)) == url

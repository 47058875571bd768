"""The contact sheet: what is on it, that nothing overflows, and which fonts draw it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from serving.pictures import to_png
from serving.search.contact_sheet import CAPTION_SIZE, TILE_PX, Hit, Query, contact_sheet, wrap
from serving.search.fonts import font_runs


def width_of(line: str, size_px: int = CAPTION_SIZE) -> float:
    return sum(font.getlength(part) for font, part in font_runs(line, size_px))


@pytest.mark.parametrize(
    "caption",
    [
        "cat",
        "a rather long caption that certainly does not fit into two lines of one tile, whichever font is used",
        "word_without_any_space_" * 12,
        "悲しい猫" * 20,
        "tabs\tand\nlines   and spaces",
    ],
)
def test_captions_are_broken_into_lines_that_fit(caption):
    lines = wrap(caption, CAPTION_SIZE, TILE_PX, 2)
    assert 1 <= len(lines) <= 2
    assert all(width_of(line) <= TILE_PX for line in lines)
    shown = "".join(lines).replace(" ", "")
    whole = "".join(caption.split())
    assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))


def test_words_are_kept_whole_and_an_empty_caption_has_no_line():
    lines = wrap("alpha beta gamma delta epsilon zeta", CAPTION_SIZE, TILE_PX, 5)
    assert " ".join(lines) == "alpha beta gamma delta epsilon zeta"
    assert wrap("", CAPTION_SIZE, TILE_PX, 2) == []
    assert wrap("  \n ", CAPTION_SIZE, TILE_PX, 2) == []


def hits(coloured_png, count):
    return [Hit(coloured_png(250, 20 * i, 0), 0.9 - 0.1 * i, f"picture {i}") for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_a_sheet_holds_every_hit_in_order(coloured_png, count):
    sheet = contact_sheet(Query(text="red"), hits(coloured_png, count), note="a note")
    pixels = np.asarray(sheet).reshape(-1, 3)
    for i in range(9):
        shown = (pixels == (250, 20 * i, 0)).all(axis=1).any()
        assert shown == (i < count)
    firsts = [np.flatnonzero((pixels == (250, 20 * i, 0)).all(axis=1))[0] for i in range(count)]
    assert firsts == sorted(firsts), "rows run down the sheet, columns from left to right"


def test_the_query_image_stands_in_the_header(coloured_png):
    with_image = contact_sheet(Query(image=coloured_png(1, 2, 240), text="x", minus_text="y"), hits(coloured_png, 2))
    header = np.asarray(with_image)[:110].reshape(-1, 3)
    assert (header == (1, 2, 240)).all(axis=1).any()
    without_signs = contact_sheet(Query(image=coloured_png(1, 2, 240)), hits(coloured_png, 2))
    assert with_image.size == without_signs.size or with_image.height > without_signs.height


def test_an_image_that_does_not_decode_leaves_the_others(coloured_png):
    shown = contact_sheet(Query(text="x"), [Hit(b"broken", 0.5, "gone"), Hit(coloured_png(9, 200, 9), 0.4, "here")])
    assert (np.asarray(shown) == (9, 200, 9)).all(axis=2).any()


def test_transparency_shows_the_paper():
    buffer = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(buffer, "PNG")
    sheet = np.asarray(contact_sheet(Query(text="x"), [Hit(buffer.getvalue(), 0.5, "clear")]))
    assert not (sheet == (255, 0, 0)).all(axis=2).any()


def test_png_bytes_hold_the_picture(coloured_png):
    sheet = contact_sheet(Query(text="x"), hits(coloured_png, 3))
    with Image.open(io.BytesIO(to_png(sheet))) as back:
        assert back.format == "PNG"
        np.testing.assert_array_equal(np.asarray(back), np.asarray(sheet))


def test_letters_with_accents_are_drawn_or_lose_the_accent_only():
    text = "čeština, français, Straße, ř"
    drawn = "".join(part for _, part in font_runs(text, 14))
    assert drawn.startswith(("čeština", "cestina"))
    built_in_only = font_runs("Příliš žluťoučký kůň, naïve café", 14, ())
    assert "".join(part for _, part in built_in_only) == "Prilis zlutoucky kun, naive cafe"


def test_what_no_font_has_is_a_question_mark_and_joiners_vanish():
    drawn = "".join(part for _, part in font_runs("a\U0010fffdb\ufe0fc\u200dd", 14, ()))
    assert drawn == "a?bcd"


def test_a_text_is_split_into_runs_that_join_to_the_text():
    runs = font_runs("cat and dog", 14)
    assert len(runs) == 1
    assert "".join(part for _, part in font_runs("cat … “dog”", 14)) == "cat … “dog”"
